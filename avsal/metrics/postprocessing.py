"""What STAViS does to its maps before it scores them. Off unless asked for: it changes NSS by up to 0.13."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avsal.metrics.maps import Map

__all__ = ["stavis_postprocess"]

_SIGMA = 2.0
_RADIUS = 6  # a 13 x 13 kernel


def stavis_postprocess(saliency: ArrayLike) -> NDArray[np.float64]:
    """Times 255, clipped to 0..255, divided by its maximum, scaled to 0..1, blurred with a Gaussian of 2
    pixels.

    To be applied at the prediction's own size, 112 x 112 for STAViS, before resizing to the ground truth's.
    It breaks ties and saturates everything above 1: made for maps in 0..1, it destroys maps on another
    scale.

    Args:
        saliency: (H, W) finite prediction, 0 to 1.

    Returns:
        (H, W); zeros for a map that is constant after clipping, where the original divides by zero.
    """
    from scipy.ndimage import gaussian_filter

    clipped = np.clip(Map(saliency).values.astype(np.float64) * 255, 0, 255)
    low, high = clipped.min(), clipped.max()
    if low == high:
        return np.zeros_like(clipped)
    # Dividing by the maximum first changes nothing: scaling to 0..1 undoes it. scipy's 'reflect' repeats the
    # edge pixel, which MATLAB calls symmetric.
    return gaussian_filter((clipped - low) / (high - low), _SIGMA, mode="reflect", radius=_RADIUS)
