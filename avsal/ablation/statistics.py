"""Paired comparisons of conditions over videos; never over frames, which are not independent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avsal.errors import ConfigError
from avsal.evaluation.intervals import bootstrap_interval

__all__ = ["Comparison", "ConditionScore", "compare", "detectable_effect", "holm", "sign_flip_p"]

LOWER_IS_BETTER = frozenset({"kl", "mae"})

#: up to so many differences other than zero, all flips of signs are enumerated
EXACT_UP_TO = 16

NUM_FLIPS = 100_000


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
        low: and
        high: BCa bootstrap interval (95 %) of the difference; NaN with fewer than 3 videos.
        p: two-sided, of the sign-flip permutation test.
        p_holm: corrected over all comparisons of the call.
        improved: share of videos that the reference scores better; ties count half.
        detectable: mean difference that the test finds with a power of 80 % at this number of videos and this
            spread.
        seed_spread: standard deviation of the difference over training seeds; NaN with one.
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
    low: float
    high: float
    p: float
    p_holm: float
    improved: float
    detectable: float
    seed_spread: float

    @property
    def gain(self) -> float:
        """By how much the reference scores better than the condition; negative where it scores worse."""
        return -self.difference if self.metric in LOWER_IS_BETTER else self.difference


def sign_flip_p(differences: ArrayLike, *, seed: int = 0) -> float:
    """Two-sided p of paired differences whose signs are arbitrary under the null hypothesis.

    Exact up to `EXACT_UP_TO` differences other than zero; else of 100,000 random flips, the observed one
    counted among them (Phipson and Smyth 2010), so that p is never 0.

    Args:
        differences: (N,) finite, one a video.
        seed: of the flips.

    Returns:
        in (0, 1]; 1 where all differences are zero or there is none.
    """
    values = np.asarray(differences, np.float64)
    values = values[values != 0]
    if not len(values):
        return 1.0
    observed = abs(values.sum())
    threshold = observed - 1e-12 * np.abs(values).sum()  # sums in another order round differently
    if len(values) <= EXACT_UP_TO:
        flips = np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1
        return float(np.mean(np.abs((1 - 2 * flips) @ values) >= threshold))
    rng, extreme = np.random.default_rng(seed), 0
    for _ in range(10):
        signs = rng.integers(0, 2, (NUM_FLIPS // 10, len(values)), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ values) >= threshold).sum())
    return (extreme + 1) / (NUM_FLIPS + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979), in the order given; none below its uncorrected value or above 1."""
    order = np.argsort(ps, kind="stable")
    corrected, largest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = largest
    return corrected


def detectable_effect(differences: ArrayLike, *, power: float = 0.8, level: float = 0.05) -> float:
    """The mean difference that a paired two-sided test would find with this power.

    By the t test, which the sign-flip test equals in power for large N: the mean is found at
    (t(1 - level / 2) + t(power)) standard errors.

    Args:
        differences: (N,) one a video; gives the spread and N.
        power: chance to find it.
        level: of significance.

    Returns:
        in the metric's unit; NaN with fewer than 2 differences.
    """
    from scipy.stats import t

    values = np.asarray(differences, np.float64)
    if len(values) < 2:
        return float("nan")
    error = values.std(ddof=1) / np.sqrt(len(values))
    freedom = len(values) - 1
    return float((t.ppf(1 - level / 2, freedom) + t.ppf(power, freedom)) * error)


def compare(scores: Iterable[ConditionScore], reference: str = "original") -> list[Comparison]:
    """Compare a condition with every other, for each data set, subgroup and metric.

    A video's scores of several training seeds are averaged first. A video that lacks a finite score under the
    reference or the condition, for any seed, is counted as left out. p values are corrected by Holm over all
    comparisons returned: over metrics, sets, subgroups and conditions.

    Raises:
        ConfigError: a score is given twice, or the reference is missing.
    """
    table: dict[tuple[str, str, str], dict[str, dict[tuple[str, str], float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for score in scores:
        cell = table[score.dataset, score.subgroup, score.metric][score.condition]
        if (score.video, score.seed) in cell:
            raise ConfigError(f"{score.video}: two scores of {score.metric} under {score.condition!r}")
        cell[score.video, score.seed] = score.value
    found = []
    for (dataset, subgroup, metric), conditions in table.items():
        if reference not in conditions:
            raise ConfigError(f"expected scores under {reference!r} but found {', '.join(conditions)}")
        for condition in conditions:
            if condition != reference:
                pair = conditions[reference], conditions[condition]
                found.append(_comparison(dataset, subgroup, metric, condition, *pair))
    corrected = holm([one.p for one in found])
    return [replace(one, p_holm=p) for one, p in zip(found, corrected, strict=True)]


def _comparison(
    dataset: str,
    subgroup: str,
    metric: str,
    condition: str,
    first: dict[tuple[str, str], float],
    second: dict[tuple[str, str], float],
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
    differences: NDArray[np.float64] = means[0] - means[1]
    interval = bootstrap_interval(differences) or (nan, nan)
    better = -differences if metric in LOWER_IS_BETTER else differences
    number = len(differences)
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
        low=interval[0],
        high=interval[1],
        p=sign_flip_p(differences),
        p_holm=nan,
        improved=float(((better > 0) + 0.5 * (better == 0)).mean()) if number else nan,
        detectable=detectable_effect(differences),
        seed_spread=float((both[0] - both[1]).mean(0).std(ddof=1)) if number and len(seeds) > 1 else nan,
    )
