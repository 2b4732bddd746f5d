"""Flips and crops that act on frames, density maps and fixations together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from avsal.types import Fixations

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["crop", "flip"]

Frames = TypeVar("Frames", "np.ndarray", "Tensor")
Maps = TypeVar("Maps", "np.ndarray", "Tensor")


def flip(frames: Frames, maps: Maps, fixations: Fixations) -> tuple[Frames, Maps, Fixations]:
    """Mirror left and right.

    Args:
        frames: (..., H, W).
        maps: (..., H', W').
        fixations: in the pixels of any size; a coordinate that is a whole number names a pixel, and stays the
            left edge of the mirrored one.

    Returns:
        Mirrored copies; mirroring twice gives the same again.
    """
    width = fixations.size[1]
    whole = fixations.x == np.floor(fixations.x)
    x = np.where(whole, width - 1 - fixations.x, np.minimum(width - fixations.x, np.nextafter(width, 0)))
    mirrored = Fixations(
        fixations.frame,
        x,
        fixations.y,
        fixations.observer,
        fixations.size,
        fixations.geometry,
        fixations.dropped,
    )
    return _mirrored(frames), _mirrored(maps), mirrored


def crop(
    frames: Frames, maps: Maps, fixations: Fixations, *, top: int, left: int, size: tuple[int, int]
) -> tuple[Frames, Maps, Fixations]:
    """Cut out one rectangle.

    Args:
        frames: (..., H, W).
        maps: (..., H, W), of the frames' size.
        fixations: in pixels of any size; they are scaled to the frames' first.
        top: first row of the rectangle, in pixels of the frames.
        left: first column.
        size: (height, width) of the rectangle.

    Returns:
        Views of frames and maps, and the fixations inside, in pixels of the rectangle; those outside are
        counted in `dropped`. Maps are cut, not normalised again.

    Raises:
        ValueError: the rectangle does not lie inside the frames, or maps and frames differ in size.
    """
    height, width = int(frames.shape[-2]), int(frames.shape[-1])
    if tuple(maps.shape[-2:]) != (height, width):
        raise ValueError(
            f"expected maps of the frames' size {height}x{width} but got {tuple(maps.shape[-2:])}"
        )
    bottom, right = top + size[0], left + size[1]
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise ValueError(
            f"the rectangle {top}:{bottom}, {left}:{right} is not inside frames of {height}x{width}"
        )
    scaled = fixations.scaled((height, width))
    inside = (scaled.y >= top) & (scaled.y < bottom) & (scaled.x >= left) & (scaled.x < right)
    dropped = Counter(fixations.dropped)
    dropped["fixations outside the crop"] += int((~inside).sum())
    points = Fixations(
        scaled.frame[inside],
        scaled.x[inside] - left,
        scaled.y[inside] - top,
        scaled.observer[inside],
        size,
        None,
        {reason: number for reason, number in dropped.items() if number},
    )
    return frames[..., top:bottom, left:right], maps[..., top:bottom, left:right], points


def _mirrored(images: Frames) -> Frames:
    if isinstance(images, np.ndarray):
        return np.ascontiguousarray(images[..., ::-1])
    return images.flip(-1)
