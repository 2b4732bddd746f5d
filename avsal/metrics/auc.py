"""Area under the ROC curve of a map that tells fixated pixels from the rest of the frame.

Judd et al., Learning to predict where humans look (ICCV 2009); Borji et al., Quantitative analysis of
human-model agreement (TIP 2013). The closed forms of the MIT benchmark's random code are derived in the
functions' descriptions; no random number is drawn.
"""

import numpy as np
from numpy.typing import NDArray

from avsal.metrics.family import Family, check_family
from avsal.metrics.maps import Map, MapLike
from avsal.metrics.points import Points, PointsLike
from avsal.metrics.ranks import count_above

__all__ = ["THRESHOLDS", "auc_borji", "auc_judd"]

#: Thresholds of the MIT code's step 0.1 on a map scaled to 0..1, falling; products, as its loops compute
#: them.
THRESHOLDS = np.arange(10, -1, -1) * 0.1


def auc_judd(saliency: MapLike, fixations: PointsLike, family: Family = "exact") -> float:
    """Area under the ROC curve, fixations against the frame's pixels.

    `exact`: positives are all fixations (repeats count), negatives all pixels, ties count half.

    `mit`: positives are the K fixated pixels, negatives the others, thresholds at the fixated values, and a
    jitter that breaks ties at random. With ties in expectation half, the trapezoids sum to the `exact` area
    of these two sets; the code's curve then jumps from its last threshold to (1, 1), which adds f / (2 K),
    where f is the false positive rate at the lowest fixated value: in expectation (#greater + #equal * m /
    (m + 1)) / #negatives, with m fixated pixels at that value. The term biases the score upwards when
    fixations are few.

    Args:
        saliency: (H, W) finite prediction.
        fixations: on the same frame.
        family: which definition.

    Returns:
        0 to 1, chance is 0.5 (in `mit` 0.5 + 1 / (2 K + 2) for a constant map); NaN without fixations, and in
        `mit` where every pixel is fixated.

    Examples:
        >>> auc_judd([[4, 3], [2, 1]], ([0], [0]))
        0.875
        >>> auc_judd([[4, 3], [2, 1]], ([0], [0]), family="mit")
        1.0
    """
    check_family(family)
    saliency = Map.prediction(saliency)
    points = Points.of(fixations, saliency.size)
    if not points.total:
        return float("nan")
    values = saliency.values.ravel()
    fixated = values[points.pixels]
    greater, equal = count_above(values, fixated, limits=(saliency.low, saliency.high))
    if family == "exact":
        return 1 - float((greater + equal / 2) @ points.counts) / (values.size * points.total)

    num_negatives = values.size - fixated.size
    if not num_negatives:
        return float("nan")
    greater_fixated, equal_fixated = count_above(fixated, fixated)
    greater, equal = greater - greater_fixated, equal - equal_fixated
    area = 1 - float(np.mean(greater + equal / 2)) / num_negatives
    lowest = int(np.argmin(fixated))
    tied = int(equal_fixated[lowest])
    last_rate = float(greater[lowest] + equal[lowest] * tied / (tied + 1)) / num_negatives
    return area + last_rate / (2 * fixated.size)


def auc_borji(saliency: MapLike, fixations: PointsLike) -> float:
    """Expected area under the ROC curve against random pixels; family `mit` only.

    The MIT code draws as many random pixels as there are fixated ones, 100 times, with thresholds 0, 0.1,
    ... on the map scaled to 0..1. The true positive rates are fixed and the area is linear in the false
    positive rates, so its expectation is the area with the rates of all pixels.

    Args:
        saliency: (H, W) finite prediction.
        fixations: on the same frame.

    Returns:
        0 to 1; 0.5 for a constant map; NaN with fewer than two fixated pixels, as in the MIT code.

    Examples:
        >>> auc_borji([[4, 3], [2, 1]], ([0, 1], [0, 1]))
        0.5
    """
    saliency = Map.prediction(saliency)
    points = Points.of(fixations, saliency.size)
    if points.pixels.size < 2:
        return float("nan")
    if saliency.constant:
        return 0.5
    scaled = saliency.scaled()
    false_positive_rate = np.array([np.count_nonzero(scaled >= step) for step in THRESHOLDS]) / scaled.size
    return area_below(false_positive_rate, rates_at_steps(scaled[points.pixels]))


def rates_at_steps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(11,) share of a few values of a map scaled to 0..1 that reach each of the MIT code's `THRESHOLDS`."""
    return 1 - np.searchsorted(np.sort(values), THRESHOLDS) / values.size


def area_below(false_positive_rate: NDArray[np.float64], true_positive_rate: NDArray[np.float64]) -> float:
    """Area below the line from (0, 0) through points with rising rates, the last of which is (1, 1)."""
    bends = np.diff(false_positive_rate, prepend=0)
    return float(bends @ true_positive_rate - bends @ np.diff(true_positive_rate, prepend=0) / 2)
