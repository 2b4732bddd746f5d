"""Exact ranks of a few values among many without sorting the many.

Areas under ROC curves need, for each fixated value, how many values of the map are greater and how many are
equal. A histogram places nearly all of them; only those that share a bin with a fixated value are sorted.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_above"]

_NUM_BINS = 16384
_BLOCK = 65536  # values at a time, so that temporaries stay in the cache
_SMALL = 8192  # below this many values a sort is cheaper than a histogram


def count_above(
    values: NDArray[np.generic],
    thresholds: NDArray[np.generic],
    *,
    weights: NDArray[np.int64] | None = None,
    limits: tuple[Any, Any] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count the values above and at each threshold, exactly.

    Args:
        values: (P,) uint8, float32 or float64, at least one.
        thresholds: (N,) of the same type.
        weights: (P,) how often each value counts; once by default.
        limits: smallest and largest of `values` where they are known.

    Returns:
        (N,) number of greater values and (N,) number of equal values, whole numbers.

    Examples:
        >>> count_above(np.array([1.0, 2.0, 2.0, 5.0]), np.array([2.0, 5.0]))
        (array([1., 0.]), array([2., 1.]))
    """
    if values.dtype == np.uint8:
        counts = np.bincount(values, weights, minlength=256).astype(np.float64)
        return (counts.sum() - np.cumsum(counts))[thresholds], counts[thresholds]
    if values.size < _SMALL:
        return _count_by_sorting(values, thresholds, weights)

    low, high = (values.min(), values.max()) if limits is None else limits
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        span = high - low
        scale = (_NUM_BINS - 1) / span
    if not (np.isfinite(span) and np.isfinite(scale)):  # constant, or at the limits of the type
        return _count_by_sorting(values, thresholds, weights)

    # Each step is monotone, so equal values share a bin and greater values never lie in a lower one.
    bins_of_thresholds = ((np.clip(thresholds, low, high) - low) * scale).astype(np.intp)
    shared = np.zeros(_NUM_BINS, dtype=np.bool_)
    shared[bins_of_thresholds] = True
    counts = np.zeros(_NUM_BINS)
    sharing, weights_sharing = [], []
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        bins = ((block - low) * scale).astype(np.intp)
        in_shared = shared[bins]
        sharing.append(block[in_shared])
        if weights is None:
            counts += np.bincount(bins, minlength=_NUM_BINS)
        else:
            block_weights = weights[start : start + _BLOCK]
            counts += np.bincount(bins, block_weights, minlength=_NUM_BINS)
            weights_sharing.append(block_weights[in_shared])
    counts[bins_of_thresholds] = 0
    greater_elsewhere = counts.sum() - np.cumsum(counts)
    greater, equal = _count_by_sorting(
        np.concatenate(sharing), thresholds, np.concatenate(weights_sharing) if weights_sharing else None
    )
    return greater_elsewhere[bins_of_thresholds] + greater, equal


def _count_by_sorting(
    values: NDArray[np.generic], thresholds: NDArray[np.generic], weights: NDArray[np.int64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if weights is None:
        ascending, below = np.sort(values), np.arange(values.size + 1.0)
    else:
        order = np.argsort(values)
        ascending, below = values[order], np.concatenate([[0.0], np.cumsum(weights[order])])
    not_greater = below[np.searchsorted(ascending, thresholds, side="right")]
    return below[-1] - not_greater, not_greater - below[np.searchsorted(ascending, thresholds, side="left")]
