"""A sound as a picture: how loud it is in each column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_waveform", "loudness"]


def loudness(samples: NDArray[np.float32], rate: int, edges: NDArray[np.float64]) -> NDArray[np.float32]:
    """(C,) largest magnitude of the samples between each two of C+1 ascending `edges` in seconds."""
    bounds = np.clip(np.round(edges * rate).astype(np.int64), 0, len(samples))
    magnitude = np.append(np.abs(samples), np.float32(0))
    peaks = np.maximum.reduceat(magnitude, bounds[:-1])
    return np.where(bounds[1:] > bounds[:-1], peaks, 0).astype(np.float32)


def draw_waveform(
    image: NDArray[np.uint8], peaks: NDArray[np.float32], full: float, colour: tuple[int, int, int]
) -> None:
    """Draw a column a peak, symmetric about the middle row, into `image`.

    Args:
        image: (H, C, 3) RGB, changed.
        peaks: (C,) magnitudes.
        full: the magnitude that fills the height.
        colour: RGB.
    """
    height = image.shape[0]
    half = np.maximum(np.clip(peaks / (full or 1), 0, 1) * (height / 2 - 1), 0.5)
    distance = np.abs(np.arange(height)[:, None] + 0.5 - height / 2)
    image[distance <= half] = colour
