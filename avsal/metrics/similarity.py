"""Similarity (SIM): the overlap of two distributions.

Judd et al., A benchmark of computational models of saliency to predict human fixations (MIT report, 2012).
"""

import numpy as np

from avsal.metrics.family import Family, check_family
from avsal.metrics.maps import Map, MapLike, blocks

__all__ = ["sim"]


def sim(saliency: MapLike, density: MapLike, family: Family = "exact") -> float:
    """Sum over pixels of the smaller of two distributions; symmetric.

    `exact`: each map is divided by its sum; a prediction with negative values is first shifted to minimum 0.
    `mit`: each map is first shifted to minimum 0, then divided by its sum.

    Args:
        saliency: (H, W) finite prediction.
        density: (H, W) non-negative, not necessarily normalised.
        family: which definition.

    Returns:
        0 to 1, 1 for equal maps; a constant map is the uniform distribution; NaN for a density of zeros.

    Examples:
        >>> sim([[3, 1], [0, 0]], [[1, 1], [1, 1]])
        0.5
        >>> sim([[4, 2], [1, 1]], [[0, 1], [1, 0]], family="mit")
        0.25
    """
    check_family(family)
    saliency = Map.prediction(saliency)
    density = Map.density(density)
    density.require_size(saliency.size, "the prediction")
    if density.high == 0:
        return float("nan")
    shifted = family == "mit"
    pieces = blocks(
        (saliency, *saliency.distribution(shifted or bool(saliency.low < 0))),
        (density, *density.distribution(shifted)),
    )
    return float(sum(np.minimum(predicted, true, out=true).sum() for predicted, true in pieces))
