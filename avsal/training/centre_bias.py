"""What knows nothing but where people look in general: the rows that every score must be held against."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["centre_gaussian", "mean_map"]

_BINS = 64


def centre_gaussian(gaze: NDArray[np.float64], size: tuple[int, int]) -> Tensor:
    """The Gaussian with the mean and the standard deviations of all fixations.

    Args:
        gaze: (N, 2) y and x as fractions of the frame, N at least 2.
        size: (H, W) of the map.

    Returns:
        (H, W) float32 with sum 1.
    """
    profiles = []
    for axis, length in enumerate(size):
        centres = (np.arange(length) + 0.5) / length
        mean, deviation = gaze[:, axis].mean(), max(gaze[:, axis].std(), 1 / length)
        profiles.append(np.exp(-0.5 * ((centres - mean) / deviation) ** 2))
    image = np.outer(*profiles)
    return torch.from_numpy(image / image.sum()).float()


def mean_map(gaze: NDArray[np.float64], size: tuple[int, int], sigma: float = 0.04) -> Tensor:
    """The density of all fixations, blurred: no shape is assumed.

    Args:
        gaze: (N, 2) y and x as fractions of the frame.
        size: (H, W) of the map.
        sigma: standard deviation of the blur, as a fraction of the frame's height and width.

    Returns:
        (H, W) float32 with sum 1.
    """
    counts, *_ = np.histogram2d(gaze[:, 0], gaze[:, 1], bins=_BINS, range=((0, 1), (0, 1)))
    middles = (np.arange(_BINS) + 0.5) / _BINS
    profiles = []
    for length in size:
        centres = (np.arange(length) + 0.5) / length
        profiles.append(np.exp(-0.5 * ((centres[:, None] - middles) / sigma) ** 2))
    image = profiles[0] @ counts @ profiles[1].T
    return torch.from_numpy(image / image.sum()).float()
