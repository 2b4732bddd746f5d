"""Kullback-Leibler divergence (KL) of a density from a predicted one, as the MIT benchmark regularises it."""

import numpy as np

from avsal.metrics.family import EPSILON, Family, check_family
from avsal.metrics.maps import Map, MapLike, blocks

__all__ = ["kl_divergence"]


def kl_divergence(saliency: MapLike, density: MapLike, family: Family = "exact") -> float:
    """Sum over pixels of ``D ln(eps + D / (S + eps))``, both maps divided by their sums.

    The families differ in the last digits of eps (see `EPSILON`), which shows on maps with zeros only. Such
    maps are punished by ln(1 / eps), about 36 per unit of density: 8-bit storage alone can triple KL.

    Args:
        saliency: (H, W) non-negative prediction, not necessarily normalised.
        density: (H, W) non-negative, not necessarily normalised.
        family: which definition.

    Returns:
        At least 0 (within P * eps, about 1e-10), in nats; 0 for equal maps; a prediction of zeros is uniform;
        NaN for a density of zeros.

    Raises:
        MapError: either map has negative values.

    Examples:
        >>> round(kl_divergence([[3, 1], [0, 0]], [[1, 0], [0, 0]]), 6)
        0.287682
    """
    check_family(family)
    saliency = Map.prediction(saliency)
    density = Map.density(density)
    density.require_size(saliency.size, "the prediction")
    saliency.require_non_negative()
    if density.high == 0:
        return float("nan")
    eps = EPSILON[family]
    divergence = 0.0
    for predicted, true in blocks((saliency, *saliency.distribution()), (density, *density.distribution())):
        predicted += eps
        ratio = np.divide(true, predicted, out=predicted)
        ratio += eps
        divergence += float(np.vdot(true, np.log(ratio, out=ratio)))
    return divergence
