"""Gaze on pictures: one dot an observer, always in that observer's colour."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

from avsal.types import Fixations

__all__ = ["draw_gaze", "observer_colour"]

_GOLDEN = 0.6180339887
"""Share of the colour circle between one observer and the next, by which no two soon come close."""


def observer_colour(observer: int) -> tuple[int, int, int]:
    """RGB of an observer; white for -1, who is not known."""
    if observer < 0:
        return 255, 255, 255
    red, green, blue = colorsys.hsv_to_rgb(observer * _GOLDEN % 1, 0.65, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_gaze(image: NDArray[np.uint8], points: Fixations) -> None:
    """Draw a dot with a dark rim at every fixation, into `image`.

    Args:
        image: (H, W, 3) RGB, changed.
        points: in pixels of the image.
    """
    height, width = image.shape[:2]
    radius = max(3.0, 0.006 * max(height, width))
    reach = int(radius + 2)
    for x, y, observer in zip(points.x, points.y, points.observer, strict=True):
        column, row = int(x), int(y)
        top, left = max(0, row - reach), max(0, column - reach)
        patch = image[top : row + reach + 1, left : column + reach + 1]
        rows, columns = np.ogrid[top : top + patch.shape[0], left : left + patch.shape[1]]
        distance = np.hypot(rows + 0.5 - y, columns + 0.5 - x)
        inside = np.clip(radius - distance, 0, 1)[..., None]
        rim = np.clip(radius + 1.5 - distance, 0, 1)[..., None]
        dot = inside * np.array(observer_colour(int(observer)), np.float32)
        patch[:] = np.clip(patch * (1 - rim) + dot, 0, 255).astype(np.uint8)
