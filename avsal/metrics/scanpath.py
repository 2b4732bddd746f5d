"""Normalised scanpath saliency (NSS): how many standard deviations above its mean a map is where people look.

Peters et al., Components of bottom-up gaze allocation in natural images (Vision Research 2005).
"""

import numpy as np

from avsal.metrics.family import Family, check_family
from avsal.metrics.maps import Map, MapLike
from avsal.metrics.points import Points, PointsLike

__all__ = ["nss"]


def nss(saliency: MapLike, fixations: PointsLike, family: Family = "exact") -> float:
    """Mean over fixations of ``(S - mean) / standard deviation``.

    `exact`: population standard deviation, every fixation counts. `mit`: sample standard deviation (P - 1),
    every fixated pixel counts once.

    Args:
        saliency: (H, W) finite prediction, of any sign.
        fixations: on the same frame.
        family: which definition.

    Returns:
        0 for chance and for a constant map (where the MIT code divides rounding errors); NaN without
        fixations.

    Examples:
        >>> nss([[1, 0], [0, 0]], ([0], [0]))
        1.7320508075688774
        >>> nss([[1, 0], [0, 0]], ([0], [0]), family="mit")
        1.5
    """
    check_family(family)
    saliency = Map.prediction(saliency)
    points = Points.of(fixations, saliency.size)
    if not points.total:
        return float("nan")
    if not saliency.squares:
        return 0.0
    deviation = np.sqrt(saliency.squares / (saliency.values.size - (family == "mit")))
    fixated = saliency.values.ravel()[points.pixels].astype(np.float64)
    return float((np.average(fixated, weights=points.weights(family)) - saliency.mean) / deviation)
