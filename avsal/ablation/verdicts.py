"""Is a condition better, worse, equivalent, negligibly different, or undecided? Comparisons over videos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite
from typing import Any

import numpy as np

from avsal.ablation.statistics import (
    detectable_effect,
    equivalence_p,
    fewest_videos,
    holm,
    sign_flip_interval,
    sign_flip_p,
    videos_to_decide,
)
from avsal.errors import ConfigError, counted
from avsal.metrics import METRIC_TABLE

__all__ = [
    "LEVEL",
    "MORE_THAN",
    "PEOPLE",
    "Comparison",
    "ConditionScore",
    "Verdict",
    "compare",
    "margin_of",
    "parse_margins",
]

#: what the scores of people who heard another sound are filed under, after the data set
PEOPLE = ", people"

#: what differences between two models are filed under: data set, first model, this, second model
MORE_THAN = " more than "

#: of significance, over all comparisons of a call; its complement is the level of the intervals
LEVEL = 0.05


class Verdict(StrEnum):
    """What a comparison decides; see `Comparison.verdict`."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    NEGLIGIBLE = "different but negligible"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class ConditionScore:
    """One video's score under one condition.

    Attributes:
        video: the unit of every test.
        seed: of the training run, where several are compared.
        condition: what was heard.
        metric: which.
        value: the mean over the video's frames.
        dataset: what is tested apart, such as a data set or a cue.
        subgroup: declared beforehand; empty for all videos.
    """

    video: str
    seed: str
    condition: str
    metric: str
    value: float
    dataset: str = ""
    subgroup: str = ""


@dataclass(frozen=True)
class Comparison:
    """The reference against one condition over the videos of a data set.

    Attributes:
        dataset: and
        subgroup: what the videos belong to.
        metric: which.
        condition: compared with the reference.
        num_videos: with both scores; each is the mean over its training seeds.
        num_seeds: of training.
        left_out: videos without a finite score under both.
        reference_mean: over videos.
        condition_mean: over videos.
        difference: reference - condition, mean over videos.
        median: of the differences, over videos.
        low: and
        high: interval (95 %) of the difference, of the values that the sign-flip test does not reject; NaN
            with fewer than 6 videos.
        margin: the smallest difference that matters, as declared.
        p: of no difference: two-sided, of the sign-flip test.
        p_holm: corrected over all comparisons of the call.
        p_equivalence: of a difference of at least the margin: two one-sided sign-flip tests.
        p_equivalence_holm: corrected over all comparisons of the call.
        improved: share of videos that the reference scores better; ties count half.
        detectable: mean difference that the test finds with a power of 80 % at this number of videos and this
            spread, after correction; infinite where so few videos can show nothing.
        videos_needed: to decide, if mean and spread are as seen; None where that cannot be said.
        seed_spread: standard deviation of the difference over training seeds; NaN with one.
        differences: by video, what all of this is computed from.
    """

    dataset: str
    subgroup: str
    metric: str
    condition: str
    num_videos: int
    num_seeds: int
    left_out: int
    reference_mean: float
    condition_mean: float
    difference: float
    median: float
    low: float
    high: float
    margin: float
    p: float
    p_holm: float
    p_equivalence: float
    p_equivalence_holm: float
    improved: float
    detectable: float
    videos_needed: int | None
    seed_spread: float
    differences: Mapping[str, float]

    @property
    def gain(self) -> float:
        """By how much the reference scores better than the condition; negative where it scores worse."""
        return self.difference if higher_is_better(self.metric) else -self.difference

    @property
    def verdict(self) -> Verdict:
        """What is decided after correction, seen from the reference.

        Better or worse: the reference differs from the condition. Equivalent: the difference is smaller than
        the margin. Different but negligible: both. Undecided: neither.
        """
        equivalent = self.p_equivalence_holm < LEVEL
        if self.p_holm < LEVEL:
            if equivalent:
                return Verdict.NEGLIGIBLE
            return Verdict.BETTER if self.gain > 0 else Verdict.WORSE
        return Verdict.EQUIVALENT if equivalent else Verdict.UNDECIDED

    @property
    def contradicted(self) -> bool:
        """Whether mean and median differ in sign: a few videos outweigh the others."""
        return self.difference * self.median < 0

    def row(self) -> dict[str, float | int | str | None]:
        """For CSV and JSON: the verdict, no differences by video, and None for what there is not."""
        found: dict[str, float | int | str | None] = {}
        for name, value in vars(self).items():
            if name != "differences":
                found[name] = None if isinstance(value, float) and not isfinite(value) else value
        return found | {"verdict": str(self.verdict)}


def higher_is_better(metric: str) -> bool:
    """The direction of a metric, as the table of metrics has it.

    Raises:
        ConfigError: the table has no such metric, so that a verdict could be upside down.
    """
    if metric not in METRIC_TABLE:
        raise ConfigError(
            f"the metric {metric!r} is not in the table of metrics, so which way is better is not known: "
            "register it with avsal.metrics.register_metric"
        )
    return METRIC_TABLE[metric].higher_is_better


def margin_of(metric: str, margins: Mapping[str, float] | None = None) -> float:
    """The smallest difference of a metric that matters.

    Raises:
        ConfigError: none is declared, here or in the table of metrics.
    """
    found = {**{name: entry.margin for name, entry in METRIC_TABLE.items()}, **(margins or {})}
    if metric not in found:
        raise ConfigError(
            f"no margin is known for the metric {metric!r}: declare the smallest difference that "
            "matters, as in "
            f"margin={metric}:0.01"
        )
    return found[metric]


def parse_margins(text: str | float) -> dict[str, float]:
    """Margins by metric from ``0.05``, which is of NSS, or ``nss:0.05,cc:0.01``.

    Raises:
        ConfigError: not of that form, not a positive number, or a metric named twice.
    """
    found: dict[str, float] = {}
    for part in str(text).split(","):
        metric, colon, number = part.strip().rpartition(":")
        metric = metric.strip() if colon else "nss"
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not (isfinite(value) and value > 0) or not metric or metric in found:
            raise ConfigError(
                f"expected positive margins such as 0.05 (of NSS) or nss:0.05,cc:0.01 but found {text!r}"
            )
        found[metric] = value
    return found


def compare(
    scores: Iterable[ConditionScore],
    reference: str = "original",
    *,
    margins: Mapping[str, float] | Mapping[tuple[str, str], float] | None = None,
) -> list[Comparison]:
    """Compare a condition with every other, for each data set, subgroup and metric.

    A video's scores of several training seeds are averaged first. A video that lacks a finite score under the
    reference or the condition, for any seed, is counted as left out. p values are corrected by Holm over all
    comparisons returned: over metrics, sets, subgroups and conditions; those of difference and those of
    equivalence each.

    Args:
        scores: of videos.
        reference: what is compared with all others.
        margins: by metric, or by data set and metric, where they differ from the table of metrics.

    Raises:
        ConfigError: a score is given twice, the reference is missing, or a metric has no margin.
    """
    table: dict[tuple[str, str, str], dict[str, dict[tuple[str, str], float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for score in scores:
        cell = table[score.dataset, score.subgroup, score.metric][score.condition]
        if (score.video, score.seed) in cell:
            raise ConfigError(f"{score.video}: two scores of {score.metric} under {score.condition!r}")
        cell[score.video, score.seed] = score.value
    declared: Mapping[Any, float] = margins or {}
    pairs = []
    for (dataset, subgroup, metric), conditions in table.items():
        if reference not in conditions:
            raise ConfigError(f"expected scores under {reference!r} but found {', '.join(conditions)}")
        own = declared.get((dataset, metric), declared.get(metric))
        margin = margin_of(metric) if own is None else own
        pairs += [
            (dataset, subgroup, metric, margin, condition, conditions[reference], conditions[condition])
            for condition in conditions
            if condition != reference
        ]
    found = [_comparison(*pair, num_comparisons=len(pairs)) for pair in pairs]
    different = holm([one.p for one in found])
    equivalent = holm([one.p_equivalence for one in found])
    return [
        replace(one, p_holm=p, p_equivalence_holm=q)
        for one, p, q in zip(found, different, equivalent, strict=True)
    ]


def _comparison(
    dataset: str,
    subgroup: str,
    metric: str,
    margin: float,
    condition: str,
    first: dict[tuple[str, str], float],
    second: dict[tuple[str, str], float],
    *,
    num_comparisons: int,
) -> Comparison:
    keys = set(first) | set(second)
    videos, seeds = (sorted({key[i] for key in keys}) for i in (0, 1))
    nan = float("nan")
    both = np.array(
        [[[one.get((v, s), nan) for s in seeds] for v in videos] for one in (first, second)]
    )  # 2 x videos x seeds
    whole = np.isfinite(both).all((0, 2))
    both = both[:, whole]
    means = both.mean(2)
    differences = means[0] - means[1]
    better = differences if higher_is_better(metric) else -differences
    number = len(differences)
    low, high = sign_flip_interval(differences, level=1 - LEVEL) or (nan, nan)
    p = sign_flip_p(differences)
    p_equivalence = equivalence_p(differences, margin)
    return Comparison(
        dataset=dataset,
        subgroup=subgroup,
        metric=metric,
        condition=condition,
        num_videos=number,
        num_seeds=len(seeds),
        left_out=int((~whole).sum()),
        reference_mean=float(means[0].mean()) if number else nan,
        condition_mean=float(means[1].mean()) if number else nan,
        difference=float(differences.mean()) if number else nan,
        median=float(np.median(differences)) if number else nan,
        low=low,
        high=high,
        margin=margin,
        p=p,
        p_holm=p,
        p_equivalence=p_equivalence,
        p_equivalence_holm=p_equivalence,
        improved=float(((better > 0) + 0.5 * (better == 0)).mean()) if number else nan,
        detectable=detectable_effect(differences, level=LEVEL, num_comparisons=num_comparisons),
        videos_needed=videos_to_decide(differences, margin, level=LEVEL, num_comparisons=num_comparisons),
        seed_spread=float((both[0] - both[1]).mean(0).std(ddof=1)) if number and len(seeds) > 1 else nan,
        differences={
            video: float(value)
            for video, value in zip(np.array(videos)[whole].tolist(), differences, strict=True)
        },
    )


def what_few_videos_cannot_show(num_videos: int, num_comparisons: int) -> str:
    """A sentence for the reader, empty where there are videos enough for every test."""
    if num_videos == 0:
        return "No video has all scores: nothing can be compared."
    least = min(1.0, 2.0 ** (1 - num_videos))
    corrected = min(1.0, least * num_comparisons)
    if corrected < LEVEL:
        return ""
    enough = fewest_videos(LEVEL / num_comparisons)
    text = f"With {counted(num_videos, 'video')} the smallest two-sided p there can be is {least:.2g}"
    if num_comparisons > 1:
        text += f", and {corrected:.2g} after the correction over {num_comparisons} comparisons"
    return f"{text}: no difference can be shown, however large; it takes {enough} videos."
