"""What STAViS does to its maps before it scores them. Off unless asked for: it changes NSS by up to 0.13."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avsal.metrics.maps import Map, MapError

__all__ = ["stavis_postprocess"]

_SIGMA = 2.0
_ROUNDING = 1e-4  # by which maps of lower precision may leave 0..1
_RADIUS = 6  # a 13 x 13 kernel


def stavis_postprocess(saliency: ArrayLike) -> NDArray[np.float64]:
    """Times 255, clipped to 0..255, divided by its maximum, scaled to 0..1, blurred with a Gaussian of 2
    pixels.

    To be applied at the prediction's own size, 112 x 112 for STAViS, before resizing to the ground truth's.
    It breaks ties and saturates everything above 1: it is made for maps in 0..1.

    Args:
        saliency: (H, W) finite prediction, 0 to 1, or of whole numbers from 0 to the largest of their depth,
            as images have them (255 for 8 bits, 65,535 for 16), which is divided by first.

    Returns:
        (H, W); zeros for a map that is constant after clipping, where the original divides by zero.

    Raises:
        MapError: the map is not finite, or beyond 0..1.
    """
    from scipy.ndimage import gaussian_filter

    depth = np.asarray(saliency).dtype
    values = Map(saliency).values.astype(np.float64)
    if depth.kind == "u":
        values = values / np.iinfo(depth).max
    if values.size and not -_ROUNDING <= values.min() <= values.max() <= 1 + _ROUNDING:
        raise MapError(
            f"STAViS's post-processing is made for maps in 0..1 but this one runs from {values.min():g} to "
            f"{values.max():g}: divide it by its largest possible value, or leave `postprocess` out"
        )
    clipped = np.clip(values * 255, 0, 255)
    low, high = clipped.min(), clipped.max()
    if low == high:
        return np.zeros_like(clipped)
    # Dividing by the maximum first changes nothing: scaling to 0..1 undoes it. scipy's 'reflect' repeats the
    # edge pixel, which MATLAB calls symmetric.
    return gaussian_filter((clipped - low) / (high - low), _SIGMA, mode="reflect", radius=_RADIUS)
