"""The numbers that papers printed, each with the table it stands in."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

__all__ = ["PublishedResult", "citation_note", "comparable_results", "of_all_videos", "published_results"]

#: our names of data sets, as far as papers print results on them
_DATASETS = {
    "avad": "AVAD",
    "avimos": "AViMoS",
    "coutrot1": "Coutrot1",
    "coutrot1_raw": "Coutrot1",
    "coutrot2": "Coutrot2",
    "coutrot2_raw": "Coutrot2",
    "davis": "DAVIS",
    "dhf1k": "DHF1K",
    "diem": "DIEM",
    "diem_raw": "DIEM",
    "etmd": "ETMD",
    "etmd_raw": "ETMD",
    "hollywood2": "Hollywood-2",
    "ledov": "LEDOV",
    "segtrack_v2": "SegTrackV2",
    "summe": "SumMe",
    "summe_raw": "SumMe",
    "ucf_sports": "UCF-Sports",
    "vsg": "VSG",
}
_METRICS = {
    "NSS": "nss",
    "CC": "cc",
    "SIM": "sim",
    "KL": "kl",
    "AUC-J": "auc_judd",
    "s-AUC": "s_auc",
    "AUC": "auc",
    "PLCC": "plcc",
}
#: how the splits are called that go with a protocol; others go by the split that was scored
_SPLITS = {
    "diem20": "test: 20 videos x first 300 frames (no DIEM training)",
    "objects": "all sequences, mean over videos",
}
#: where the papers' negatives of shuffled AUC come from
_SAMPLERS = {"stavis": "same_video", "dhf1k": "dhf1k_10", "diem20": "dhf1k_10"}
_STAVIS_SPLITS = "STAViS splits mean"


@dataclass(frozen=True)
class PublishedResult:
    """One number.

    Attributes:
        paper: it was taken from, or ``anchors`` for later work.
        model: as the paper calls it.
        dataset: likewise.
        split: that was scored.
        metric: our name where we have one, else the paper's.
        value: as printed.
        source: paper and table.
        verified: whether it was read in that source.
        note: on doubts.
    """

    paper: str
    model: str
    dataset: str
    split: str
    metric: str
    value: float
    source: str
    verified: bool
    note: str


@cache
def published_results() -> tuple[PublishedResult, ...]:
    """All of them, in the order of the papers' tables."""
    text = (files("avsal.report") / "published_results.csv").read_text(encoding="utf-8")
    return tuple(
        PublishedResult(
            line["paper"],
            line["model"],
            line["dataset"],
            line["split"],
            _METRICS.get(line["metric"], line["metric"]),
            float(line["value"]),
            line["source"],
            line["verified"] == "yes",
            line["note"] or "",
        )
        for line in csv.DictReader(text.splitlines())
    )


def citation_note(protocol: str) -> str:
    """How cited numbers were made, for the foot of a table."""
    sampler = _SAMPLERS.get(protocol)
    if sampler is None:
        return "Cited rows: as printed, by the authors' code."
    return (
        "Cited rows: as printed, by the authors' code, to which the family mit is closest; s-AUC with the "
        f"sampler {sampler}, beside other negatives it is left out."
    )


def of_all_videos(results: Iterable[PublishedResult], scope: str) -> list[PublishedResult]:
    """Cited results marked as means of a whole set, where only some of its videos were measured.

    Args:
        results: to mark.
        scope: what was measured, such as ``2 of 20 videos``.
    """
    return [
        replace(one, source=f"{one.source}, of ALL videos, not of the {scope} measured") for one in results
    ]


def comparable_results(
    dataset: str, protocol: str, split: str | None = None, sampler: str | None = None
) -> list[PublishedResult]:
    """What papers print for a data set under a protocol; empty where nothing is comparable.

    Args:
        dataset: our name.
        protocol: of averaging, see `avsal.evaluation.PROTOCOLS`.
        split: that was scored, None where there is one only or all was scored.
        sampler: of the measured shuffled AUC; with another than the papers' theirs are left out.
    """
    theirs = _DATASETS.get(dataset)
    own = [result for result in published_results() if result.dataset == theirs]
    if sampler != _SAMPLERS.get(protocol):
        own = [result for result in own if result.metric != "s_auc"]
    if protocol in _SPLITS:
        return [result for result in own if result.split == _SPLITS[protocol]]
    if protocol == "stavis" and any(result.split == _STAVIS_SPLITS for result in own):
        return [result for result in own if result.split == _STAVIS_SPLITS] if split != "train" else []
    if split == "train":
        return []
    return [result for result in own if result.split == (split or "test")]
