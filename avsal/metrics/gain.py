"""Information gain (IG): how many bits per fixation a predicted density knows beyond a baseline.

Kümmerer et al., Information-theoretic model comparison unifies saliency metrics (PNAS 2015).
"""

import numpy as np
from numpy.typing import NDArray

from avsal.metrics.family import EPSILON, Family, check_family
from avsal.metrics.maps import Map, MapError, MapLike
from avsal.metrics.points import Points, PointsLike

__all__ = ["information_gain"]


def information_gain(
    saliency: MapLike, fixations: PointsLike, baseline: MapLike, family: Family = "exact"
) -> float:
    """Mean over fixations of ``log2 S - log2 B``, both maps as distributions, in bits.

    `exact`: both maps are densities and are divided by their sums; every fixation counts. Only a
    probabilistic model gives a meaningful value; see `as_density` for turning any other map into a density
    on purpose. `mit`: both maps are shifted to minimum 0 and divided by their sums, eps is added to both,
    every fixated pixel counts once.

    Args:
        saliency: (H, W) finite prediction, non-negative in `exact`; a constant map is the uniform
            distribution.
        fixations: on the same frame.
        baseline: (H, W) non-negative, such as a centre bias; in `exact` positive at every fixation. Zeros
            everywhere are the uniform distribution.
        family: which definition.

    Returns:
        Bits per fixation, 0 for the baseline itself; minus infinity where `exact` finds a fixation that the
        prediction called impossible; NaN without fixations.

    Raises:
        MapError: `exact` with a negative prediction, or a baseline that is zero at a fixation.

    Examples:
        >>> information_gain([[2, 1], [1, 0]], ([0], [0]), baseline=[[1, 1], [1, 1]])
        1.0
    """
    check_family(family)
    saliency = Map.prediction(saliency)
    baseline = Map.density(baseline, role="baseline")
    baseline.require_size(saliency.size, "the prediction")
    points = Points.of(fixations, saliency.size)
    if family == "exact":
        saliency.require_non_negative()
    if not points.total:
        return float("nan")
    shifted = family == "mit"
    predicted = _probability(saliency, points, shifted)
    expected = _probability(baseline, points, shifted)
    if shifted:
        predicted, expected = predicted + EPSILON["mit"], expected + EPSILON["mit"]
    elif not expected.all():
        raise MapError(
            f"{baseline.label} must be positive wherever somebody looked but is zero at "
            f"{np.count_nonzero(expected == 0)} fixated pixels: mix in a uniform share with `as_density`"
        )
    with np.errstate(divide="ignore"):
        bits = np.log2(predicted) - np.log2(expected)
    return float(np.average(bits, weights=points.weights(family)))


def _probability(map_: Map, points: Points, shifted: bool) -> NDArray[np.float64]:
    """(K,) float64 probabilities of the pixels, without normalising the whole map."""
    offset, factor = map_.distribution(shifted)
    return (map_.values.ravel()[points.pixels].astype(np.float64) - offset) * factor
