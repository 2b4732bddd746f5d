"""From rows to one number: named protocols of averaging, on frames that are common to all models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, DatasetError, did_you_mean
from avsal.evaluation.scores import VideoScores

__all__ = [
    "PROTOCOLS",
    "Aggregate",
    "AveragingProtocol",
    "aggregate",
    "common_frames",
    "on_frames",
    "protocol",
]

#: the frames of each video
FrameSet = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class AveragingProtocol:
    """How the rows of one model become one number a metric. Frames without a value are dropped, by metric.

    Attributes:
        name: stored with results.
        unit: what counts once: a ``video``, whose frames are averaged first, or a ``frame``.
        max_frames: frames of each video that count, None for all.
        description: in words, for tables.
    """

    name: str
    unit: Literal["video", "frame"]
    max_frames: int | None
    description: str


PROTOCOLS = {
    made.name: made
    for made in (
        AveragingProtocol(
            "stavis",
            "video",
            None,
            "mean over the frames of each video, then over videos; the test entries of several folds are "
            "pooled, a video tested twice counts twice",
        ),
        AveragingProtocol("dhf1k", "frame", None, "mean over the frames of all videos pooled"),
        AveragingProtocol(
            "diem20",
            "video",
            300,
            "first 300 frames of each video; mean over the frames of each video, then over videos",
        ),
        AveragingProtocol(
            "objects",
            "video",
            None,
            "maps against object masks; mean over the frames of each video, then over videos",
        ),
    )
}


def protocol(name: str) -> AveragingProtocol:
    """The protocol called `name`.

    Raises:
        ConfigError: for an unknown name.
    """
    if name not in PROTOCOLS:
        hint = did_you_mean(name, PROTOCOLS)
        raise ConfigError(f"unknown protocol {name!r}: expected one of {', '.join(PROTOCOLS)}{hint}")
    return PROTOCOLS[name]


@dataclass(frozen=True)
class Aggregate:
    """One model and metric on a data set.

    Attributes:
        model: whose.
        metric: which.
        value: by the protocol; NaN where no frame has a value.
        unit: of the protocol.
        videos: ids of the entries that have a value, one each; with several folds an id may come twice.
        means: (V,) of each entry's frames.
        counts: (V,) frames behind each.
        excluded: frames without a value, by reason.
        family: of the definition.
        sampler: of shuffled AUC, None for other metrics.
    """

    model: str
    metric: str
    value: float
    unit: Literal["video", "frame"]
    videos: tuple[str, ...]
    means: NDArray[np.float64]
    counts: NDArray[np.int64]
    excluded: Mapping[str, int]
    family: str
    sampler: str | None

    @property
    def weights(self) -> NDArray[np.float64]:
        """(V,) of the entries in the mean."""
        return np.ones(len(self.means)) if self.unit == "video" else self.counts.astype(np.float64)


def aggregate(scores: Sequence[VideoScores], how: AveragingProtocol) -> dict[str, Aggregate]:
    """Average one model's scores.

    Args:
        scores: of all entries, on the frames that are to count (see `on_frames`).
        how: the protocol.

    Returns:
        By metric.

    Raises:
        ValueError: scores of several models.
        DatasetError: scores of several families or samplers, as in files that were edited by hand.
    """
    if len({entry.model for entry in scores}) != 1:
        raise ValueError(f"expected one model but got {sorted({entry.model for entry in scores})}")
    made = {}
    for metric in dict.fromkeys(metric for entry in scores for metric in entry.values):
        entries = [entry for entry in scores if metric in entry.values]
        families = {(entry.family, entry.samplers.get(metric)) for entry in entries}
        if len(families) > 1:
            told = ", ".join(sorted(" ".join(filter(None, one)) for one in families))
            raise DatasetError(
                f"{metric}: scores with different definitions ({told}) cannot be averaged: score anew"
            )
        family, sampler = families.pop()
        videos, means, counts = [], [], []
        excluded: Counter[str] = Counter()
        for entry in entries:
            shown = _first(entry, how.max_frames)
            values = shown.values[metric]
            excluded += shown.excluded(metric)
            defined = ~np.isnan(values)
            if defined.any():
                videos.append(entry.video)
                means.append(float(values[defined].mean()))
                counts.append(int(defined.sum()))
        weights = np.ones(len(means)) if how.unit == "video" else np.array(counts, dtype=np.float64)
        value = float(np.average(means, weights=weights)) if means else float("nan")
        made[metric] = Aggregate(
            entries[0].model,
            metric,
            value,
            how.unit,
            tuple(videos),
            np.array(means),
            np.array(counts, dtype=np.int64),
            dict(excluded),
            family,
            sampler,
        )
    return made


def common_frames(*models: Sequence[VideoScores]) -> dict[str, NDArray[np.int64]]:
    """The frames of each video that every model has a map of; videos that one lacks are left out.

    A frame without a fixation counts as had: whether its score is defined is the ground truth's matter.
    """
    together: dict[str, NDArray[np.int64]] | None = None
    for scores in models:
        own: dict[str, NDArray[np.int64]] = {}
        for entry in scores:
            seen = own.get(entry.video)
            own[entry.video] = entry.frames if seen is None else np.intersect1d(seen, entry.frames)
        if together is None:
            together = own
        else:
            together = {
                video: np.intersect1d(frames, own[video])
                for video, frames in together.items()
                if video in own
            }
    return {video: frames for video, frames in (together or {}).items() if len(frames)}


def on_frames(scores: Sequence[VideoScores], frames: FrameSet) -> list[VideoScores]:
    """The scores on a frame set; videos outside it are left out."""
    return [entry.on(frames[entry.video]) for entry in scores if entry.video in frames]


def _first(entry: VideoScores, max_frames: int | None) -> VideoScores:
    if max_frames is None or not len(entry.frames) or entry.frames[-1] < max_frames:
        return entry
    return entry.on(entry.frames[entry.frames < max_frames])
