"""Tests and intervals of paired differences, one a video; never one a frame, for frames are not independent.

All of them ask one null hypothesis: that differences are symmetric about a value, 0 or a margin. Where a few
videos gain much and the others lose a little, the mean is not where symmetry would put it, and the test may
reject in the wrong direction: docs/statistics.md has the rates. Look at the median and at every video.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from math import ceil, inf, isfinite, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "detectable_effect",
    "equivalence_p",
    "fewest_videos",
    "holm",
    "sign_flip_interval",
    "sign_flip_p",
    "videos_to_decide",
]

Values = NDArray[np.float64]

#: up to so many differences other than zero, all flips of signs are enumerated
EXACT_UP_TO = 16

NUM_FLIPS = 100_000

#: more videos than this are not worth a number
MOST_VIDEOS = 100_000


def _checked(differences: ArrayLike) -> Values:
    values = np.asarray(differences, np.float64)
    if values.ndim != 1:
        raise ValueError(f"expected one difference a video but found an array of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(
            f"expected finite differences but found {values[~np.isfinite(values)][0]}: leave such videos out"
        )
    return values


def _flips(number: int, seed: int) -> Iterator[Values]:
    """Signs (some, number) in pieces: every one of 2**number, or `NUM_FLIPS` random ones."""
    if number <= EXACT_UP_TO:
        bits = np.arange(2**number)[:, None] >> np.arange(number) & 1
        yield np.asarray(1 - 2 * bits, np.float64)
        return
    rng = np.random.default_rng(seed)
    for _ in range(10):
        bits = rng.integers(0, 2, (NUM_FLIPS // 10, number), dtype=np.int8)
        yield np.asarray(2.0 * bits - 1.0, np.float64)


def _flipped_sums(values: Values, seed: int) -> tuple[Values, Values]:
    """Of each flip, the sum of flipped values and the sum of signs: all that any of the tests needs."""
    columns = np.stack([values, np.ones_like(values)], 1)
    both = np.concatenate([signs @ columns for signs in _flips(len(values), seed)])
    return both[:, 0], both[:, 1]


def _share(extreme: int, number: int) -> float:
    """p of so many flips as extreme as what was observed, which is one of them."""
    return extreme / 2**number if number <= EXACT_UP_TO else (extreme + 1) / (NUM_FLIPS + 1)


def sign_flip_p(differences: ArrayLike, *, seed: int = 0) -> float:
    """Two-sided p of paired differences whose signs are arbitrary under the null hypothesis.

    Exact up to `EXACT_UP_TO` differences other than zero; else of 100,000 random flips, the observed one
    counted among them (Phipson and Smyth 2010), so that p is never 0.

    Args:
        differences: (N,) finite, one a video.
        seed: of the flips.

    Returns:
        in (0, 1]; 1 where all differences are zero or there is none.

    Raises:
        ValueError: a difference is not finite.
    """
    values = _checked(differences)
    if np.count_nonzero(values) <= EXACT_UP_TO:
        values = values[values != 0]
    if not len(values):
        return 1.0
    threshold = abs(values.sum()) - 1e-12 * np.abs(values).sum()  # sums in another order round differently
    sums, _ = _flipped_sums(values, seed)
    return _share(int((np.abs(sums) >= threshold).sum()), len(values))


def equivalence_p(differences: ArrayLike, margin: float, *, seed: int = 0) -> float:
    """p of two one-sided tests that the difference is at least a margin away from 0 (Schuirmann 1987).

    The null hypotheses are that differences are symmetric about `margin` or further up, and about `-margin`
    or further down; each is tested by flipping signs, and the greater p counts. A small p says that the
    difference, if there is one, is smaller than the margin.

    Args:
        differences: (N,) finite, one a video.
        margin: positive, the smallest difference that matters; to be declared beforehand.
        seed: of the flips.

    Returns:
        in (0, 1]; 1 where there is no difference at all.

    Raises:
        ValueError: a difference is not finite, or the margin is not positive.
    """
    values = _checked(differences)
    if not margin > 0:
        raise ValueError(f"expected a positive margin but found {margin}")
    if not len(values):
        return 1.0
    sums, balances = _flipped_sums(values, seed)
    ps = []
    for sign in (1, -1):  # below -margin, above margin: the sums of margin + values and of margin - values
        shifted = margin + sign * values
        threshold = shifted.sum() - 1e-12 * np.abs(shifted).sum()
        ps.append(_share(int((margin * balances + sign * sums >= threshold).sum()), len(values)))
    return max(ps)


def sign_flip_interval(
    differences: ArrayLike, *, level: float = 0.95, seed: int = 0
) -> tuple[float, float] | None:
    """The values about which the differences could be symmetric: those that `sign_flip_p` does not reject.

    It leaves out 0 exactly where p < 1 - level. The test of a value m is turned by the means of subsets of
    the differences (Hartigan 1969): flipping a subset makes the sum at least as large as observed where the
    mean of the subset is at most m. So its ends are ordered subset means.

    Args:
        differences: (N,) finite, one a video.
        level: of confidence.
        seed: of the flips, as of `sign_flip_p`.

    Returns:
        Lower and upper end; None with so few videos that no value can be rejected (fewer than 6 at 95 %).

    Raises:
        ValueError: a difference is not finite.
    """
    values = _checked(differences)
    number, alpha = len(values), 1 - level
    if number < fewest_videos(alpha):
        return None
    sums, balances = _flipped_sums(values, seed)
    sums, counts = (values.sum() - sums) / 2, (number - balances) / 2  # of the subsets that are flipped
    if number > EXACT_UP_TO:  # each flip stands for its opposite too, as both sides count in p
        sums = np.concatenate([sums, values.sum() - sums])
        counts = np.concatenate([counts, number - counts])
    ordered = sums[counts > 0] / counts[counts > 0]
    empty = int((counts == 0).sum())
    # p(m) = 2 (empty + those at most m) / 2**N when enumerated, (empty + those at most m + 1) / (flips + 1)
    # else
    least = alpha * 2 ** (number - 1) if number <= EXACT_UP_TO else alpha * (NUM_FLIPS + 1) - 1
    place = max(ceil(least - 1e-9) - empty, 1) - 1
    ends = np.partition(ordered, (place, len(ordered) - 1 - place))
    return float(ends[place]), float(ends[len(ordered) - 1 - place])


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979), in the order given; none below its uncorrected value or above 1.

    Raises:
        ValueError: a p is not in [0, 1].
    """
    if not all(0 <= p <= 1 for p in ps):
        raise ValueError(f"expected p values in [0, 1] but found {next(p for p in ps if not 0 <= p <= 1)}")
    order = np.argsort(ps, kind="stable")
    corrected, largest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = largest
    return corrected


def fewest_videos(level: float = 0.05) -> int:
    """With fewer videos no two-sided sign-flip p can be below `level`, whatever is seen: 6 for .05."""
    number = 1
    while 2.0 ** (1 - number) >= level:
        number += 1
    return number


def detectable_effect(
    differences: ArrayLike, *, power: float = 0.8, level: float = 0.05, num_comparisons: int = 1
) -> float:
    """The mean difference that the sign-flip test would find with this power, for normal differences.

    Args:
        differences: (N,) finite, one a video; gives the spread and N.
        power: chance to find it.
        level: of significance, over all comparisons.
        num_comparisons: that Holm's correction covers; the first of them must pass level / num_comparisons.

    Returns:
        in the metric's unit; infinite where so few videos can show nothing, whatever the effect.

    Raises:
        ValueError: a difference is not finite.
    """
    values = _checked(differences)
    if len(values) < 2:
        return inf
    effect = _unit_effect(len(values), power, level / max(1, num_comparisons))
    return effect * float(values.std(ddof=1)) if isfinite(effect) else inf


@cache
def _unit_effect(number: int, power: float, level: float) -> float:
    """As `detectable_effect`, in standard deviations.

    With few videos the test is coarser than the t test: there the effect is simulated. The test finds an
    effect where the lower end of its interval is above 0, so the effect is a quantile of lower ends.
    """
    from scipy.stats import t

    if number < fewest_videos(level):
        return inf
    if number > 12:
        return float(t.ppf(1 - level / 2, number - 1) + t.ppf(power, number - 1)) / sqrt(number)
    draws = np.random.default_rng(0).standard_normal((number, 4000))
    (signs,) = _flips(number, 0)
    counts = (signs < 0).sum(1)[1:, None]
    means = (draws.sum(0) - signs[1:] @ draws) / 2 / counts
    place = max(ceil(level * 2 ** (number - 1) - 1e-9) - 1, 1) - 1
    lower = np.partition(means, place, axis=0)[place]
    return float(np.quantile(-lower, power))


def videos_to_decide(
    differences: ArrayLike,
    margin: float,
    *,
    power: float = 0.8,
    level: float = 0.05,
    num_comparisons: int = 1,
) -> int | None:
    """How many videos it would take to decide, if the mean and the spread are as seen.

    Decided is a difference found, or equivalence shown, whichever needs fewer; by the normal approximation.

    Args:
        differences: (N,) finite, one a video.
        margin: positive, the smallest difference that matters.
        power: chance to decide.
        level: of significance, over all comparisons.
        num_comparisons: that are corrected for.

    Returns:
        the number of all videos, those at hand among them; None where there are fewer than 2 to go by, or it
        would take more than 100,000.

    Raises:
        ValueError: a difference is not finite.
    """
    from scipy.stats import norm

    values = _checked(differences)
    if len(values) < 2:
        return None
    mean, spread, corrected = abs(values.mean()), values.std(ddof=1), level / max(1, num_comparisons)
    both = power if mean > 0.2 * margin else (1 + power) / 2  # near 0 both one-sided tests must be passed
    needs = [
        ((norm.ppf(1 - share) + norm.ppf(chance)) * spread / way) ** 2
        for share, chance, way in (
            (corrected / 2, power, mean),
            (corrected, both, margin - mean),
        )
        if way > 0
    ]
    # 2: what the t distribution asks for beyond the normal one
    needed = min((ceil(need) + 2 for need in needs if need < MOST_VIDEOS), default=None)
    return None if needed is None else max(needed, fewest_videos(corrected))
