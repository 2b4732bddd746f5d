"""Shuffled AUC: fixations of this frame against fixations of others, so that a centre bias earns nothing.

Zhang et al., SUN: a Bayesian framework for saliency (JOV 2008). What 'others' means is the largest
disagreement between published values; `avsal.metrics.samplers` names the choices and every score carries its
name.
"""

from avsal.metrics.auc import area_below, rates_at_steps
from avsal.metrics.family import Family, check_family
from avsal.metrics.maps import Map, MapLike
from avsal.metrics.points import Points, PointsLike
from avsal.metrics.ranks import count_above

__all__ = ["shuffled_auc"]


def shuffled_auc(
    saliency: MapLike, fixations: PointsLike, others: PointsLike, family: Family = "exact"
) -> float:
    """Area under the ROC curve, fixations against the fixations of others.

    `exact`: all fixations against all others, repeats count, ties count half.

    `mit`: fixated pixels against pixels that others fixated, in the MIT code 100 random subsets of them, on
    thresholds 0, 0.1, ... of the map scaled to 0..1. A random subset's false positive rates are unbiased and
    the area is linear in them, so the expectation is the area with the rates of all others. The coarse steps
    stay: one outlier squeezes the map into one or two of them.

    Args:
        saliency: (H, W) finite prediction.
        fixations: on the same frame.
        others: the negatives, in this frame's coordinates.
        family: which definition.

    Returns:
        0 to 1, 0.5 is chance; NaN without fixations or without others.

    Examples:
        >>> shuffled_auc([[4, 3], [2, 1]], ([0], [0]), others=([0, 1, 1], [0, 0, 1]))
        0.8333333333333334
    """
    check_family(family)
    saliency = Map.prediction(saliency)
    points = Points.of(fixations, saliency.size)
    negatives = Points.of(others, saliency.size, role="others")
    if not points.total or not negatives.total:
        return float("nan")
    if family == "mit":
        if saliency.constant:
            return 0.5
        false_positive_rate, true_positive_rate = (
            rates_at_steps(saliency.scaled(chosen.pixels)) for chosen in (negatives, points)
        )
        return area_below(false_positive_rate, true_positive_rate)

    values = saliency.values.ravel()
    greater, equal = count_above(values[negatives.pixels], values[points.pixels], weights=negatives.counts)
    return 1 - float((greater + equal / 2) @ points.counts) / (points.total * negatives.total)
