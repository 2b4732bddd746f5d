"""Linear correlation coefficient (CC) of a map and a density.

Definition as in Le Meur et al., Predicting visual fixations on video based on low-level visual features
(Vision Research 2007): Pearson's coefficient over pixels. Both families agree.
"""

import numpy as np

from avsal.metrics.maps import Map, MapLike, blocks

__all__ = ["cc"]


def cc(saliency: MapLike, density: MapLike) -> float:
    """Pearson's correlation over pixels; symmetric, and blind to positive scale and to offset.

    Args:
        saliency: (H, W) finite prediction, of any sign.
        density: (H, W) non-negative, not necessarily normalised.

    Returns:
        -1 to 1, 0 where either map is constant; NaN for a density of zeros.

    Examples:
        >>> round(cc([[4, 3], [2, 1]], [[8, 6], [4, 2]]), 9)
        1.0
    """
    saliency = Map.prediction(saliency)
    density = Map.density(density)
    density.require_size(saliency.size, "the prediction")
    if density.high == 0:
        return float("nan")
    scale = np.sqrt(saliency.squares) * np.sqrt(density.squares)
    if not scale:
        return 0.0
    pieces = blocks((saliency, saliency.mean, 1.0), (density, density.mean, 1.0))
    return float(sum(np.vdot(predicted, true) for predicted, true in pieces) / scale)
