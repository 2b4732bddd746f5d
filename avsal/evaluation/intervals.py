"""Confidence intervals over videos: the video is the unit, for its frames depend on each other."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interval", "bootstrap_interval"]

Interval = tuple[float, float]


def bootstrap_interval(
    means: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
    *,
    level: float = 0.95,
    method: Literal["percentile", "bca"] = "bca",
    num_resamples: int = 9999,
    seed: int = 0,
) -> Interval | None:
    """Interval of a weighted mean over videos, by drawing videos with replacement.

    Args:
        means: (V,) one value a video.
        weights: (V,) of each in the mean, None for equal ones; drawn together with the values.
        level: of confidence.
        method: ``bca`` (Efron 1987, corrected for bias and skewness) or ``percentile``, which covers too
            little with few videos.
        num_resamples: draws.
        seed: of the draws.

    Returns:
        Lower and upper end; None with fewer than 3 videos or where a value is infinite.
    """
    from scipy.stats import bootstrap

    weights = np.ones(len(means)) if weights is None else weights
    if len(means) < 3 or not np.isfinite(means).all():
        return None
    if np.ptp(means) <= 1e-12 * max(1.0, float(np.abs(means).max())):  # as the uniform map's AUC
        return float(means.min()), float(means.max())

    def mean(values: NDArray[np.float64], shares: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        averages: NDArray[np.float64] = (values * shares).sum(axis=axis) / shares.sum(axis=axis)
        return averages

    result = bootstrap(
        (means, weights),
        mean,
        n_resamples=num_resamples,
        paired=True,
        vectorized=True,
        confidence_level=level,
        method="BCa" if method == "bca" else "percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = result.confidence_interval
    return float(low), float(high)
