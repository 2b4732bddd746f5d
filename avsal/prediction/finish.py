"""What the authors of a model do to its maps before they save them, as the model's spec says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avsal.types import ClipSpec

__all__ = ["finished"]


def finished(
    saliency: NDArray[np.float32], spec: ClipSpec, video_size: tuple[int, int]
) -> NDArray[np.float32]:
    """A map blurred and normalised.

    A blur in pixels of the video is done on the map, with a Gaussian that much narrower, so that the map
    keeps its size. Authors enlarge the map first: the results differ by less than 1 % of the range.

    Args:
        saliency: (H, W), finite, not negative.
        spec: of the model.
        video_size: (height, width) of the video's frames.

    Returns:
        (H, W); a map that is constant becomes zeros where it is to be stretched from 0 to 1.
    """
    if spec.blur:
        from scipy.ndimage import gaussian_filter

        sides = saliency.shape if spec.blur_on == "map" else video_size
        sigmas = [spec.blur * own / side for own, side in zip(saliency.shape, sides, strict=True)]
        saliency = gaussian_filter(saliency, sigmas, mode="reflect", truncate=spec.blur_radius)
    low = saliency.min() if spec.normalise == "range" else 0.0
    span = saliency.max() - low
    if spec.normalise == "none" or (span == 0 and spec.normalise == "max"):
        return saliency
    return (saliency - low) / span if span else np.zeros_like(saliency)
