"""Fixations to images: Gaussian density maps for training and scoring, point images for looking at.

A density map is the image of fixation counts convolved with a Gaussian. The Gaussian is separable, so a map
is one product of two thin matrices, exact at any size: points are scaled to the size wanted, no image is
resized.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from avsal.types import Fixations

__all__ = ["Normalisation", "Padding", "density", "fixation_map"]

Padding = Literal["zero", "replicate"]
Normalisation = Literal["sum", "max", "peak"]

#: below this many pixels the samples of a Gaussian at pixel centres no longer add up to its mass within 2 %
SMALLEST_SIGMA = 0.5


def density(
    fixations: Fixations,
    size: tuple[int, int] | None,
    sigma: float | tuple[float, float],
    *,
    truncate: float = 4.0,
    padding: Padding = "zero",
    normalisation: Normalisation = "sum",
    repeats: bool = True,
) -> NDArray[np.float32]:
    """Draw all `fixations` into one density map; take those of one frame with `fixations.at(frame)`.

    A fixation counts for the pixel of the original frame that it falls in and is drawn at its centre.

    Args:
        fixations: in pixels of the original frame; points of every frame given are drawn.
        size: (H, W) of the map; None for the original frame's.
        sigma: of the Gaussian in pixels of the map, or (vertical, horizontal) where the map's aspect ratio is
            not the video's. At least 0.5.
        truncate: beyond this many sigmas, vertically or horizontally, a Gaussian is cut to zero. At least 1.
        padding: ``zero``: nothing lies beyond the border; ``replicate``: the outermost pixels of the point
            image are repeated outwards, as some authors' filters do, which brightens gaze at the border.
        normalisation: ``sum``: the map sums to 1; ``max``: its maximum is 1; ``peak``: each fixation adds a
            Gaussian whose peak is 1.
        repeats: whether several fixations on one pixel count several times; False draws the binary image.

    Returns:
        (H, W) float32, non-negative; all zero where there is no fixation.

    Raises:
        ValueError: `sigma` or `truncate` is too small, or a fixation lies outside its frame.
    """
    height, width = size if size is not None else fixations.size
    sigma_y, sigma_x = sigma if isinstance(sigma, tuple) else (sigma, sigma)
    if not min(sigma_y, sigma_x) >= SMALLEST_SIGMA:
        raise ValueError(
            f"`sigma` must be at least {SMALLEST_SIGMA} pixels but is {sigma_y:g} vertically and "
            f"{sigma_x:g} horizontally on a map of {height}x{width}; draw the map larger"
        )
    if not truncate >= 1:
        raise ValueError(f"`truncate` must be at least 1 sigma but is {truncate}")
    rows, columns, counts = _counts(fixations, repeats)
    if len(rows) <= sum(fixations.size):
        vertical = _profiles(rows, fixations.size[0], height, sigma_y, truncate, padding)
        horizontal = counts[:, None] * _profiles(
            columns, fixations.size[1], width, sigma_x, truncate, padding
        )
    else:  # the gaze of a whole video: the image of counts is cheaper than its points
        points = np.zeros(fixations.size)
        points[rows, columns] = counts
        every_row, every_column = np.arange(fixations.size[0]), np.arange(fixations.size[1])
        vertical = _profiles(every_row, fixations.size[0], height, sigma_y, truncate, padding)
        horizontal = points @ _profiles(every_column, fixations.size[1], width, sigma_x, truncate, padding)
    image = vertical.T @ horizontal
    if len(rows) and normalisation != "peak":
        image /= image.sum() if normalisation == "sum" else image.max()
    return image.astype(np.float32)


def fixation_map(fixations: Fixations, size: tuple[int, int] | None = None) -> NDArray[np.int64]:
    """Count the fixations on each pixel, for drawing; score and train with the points themselves.

    Args:
        fixations: points of every frame given are counted.
        size: (H, W) that the points are scaled to; None for the original frame's.

    Returns:
        (H, W) int64; the sum is the number of fixations, at any size.
    """
    points = fixations if size is None else fixations.scaled(size)
    rows, columns = points.rows_and_columns()
    image = np.zeros(points.size, dtype=np.int64)
    np.add.at(image, (rows, columns), 1)
    return image


def _counts(
    fixations: Fixations, repeats: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(N,) rows, columns and counts of the fixated pixels of the original frame."""
    height, width = fixations.size
    # scaling can round a point just inside the far border onto it
    inside = (fixations.x >= 0) & (fixations.x <= width) & (fixations.y >= 0) & (fixations.y <= height)
    if not inside.all():
        raise ValueError(
            f"expected every fixation inside its {height}x{width} frame but {int((~inside).sum())} are not; "
            "drop and count them where they are read"
        )
    rows, columns = fixations.rows_and_columns()
    pixels, counts = np.unique(rows * width + columns, return_counts=True)
    weights = counts.astype(np.float64) if repeats else np.ones(len(pixels))
    return pixels // width, pixels % width, weights


def _profiles(
    pixels: NDArray[np.int64], original: int, length: int, sigma: float, truncate: float, padding: Padding
) -> NDArray[np.float64]:
    """(N, length): Gaussians around N of the `original` pixels, sampled at the `length` pixels of a map."""
    samples = np.arange(length) + 0.5
    scale = length / original
    profiles = _gaussian(samples - (pixels[:, None] + 0.5) * scale, sigma, truncate)
    if padding == "replicate":
        beyond = np.arange(1, int(truncate * sigma / scale) + 2)
        for border, copies in ((0, -beyond), (original - 1, original - 1 + beyond)):
            if (at_border := pixels == border).any():
                distance = samples - (copies[:, None] + 0.5) * scale
                profiles[at_border] += _gaussian(distance, sigma, truncate).sum(axis=0)
    return profiles


def _gaussian(distance: NDArray[np.float64], sigma: float, truncate: float) -> NDArray[np.float64]:
    return np.where(np.abs(distance) <= truncate * sigma, np.exp(-0.5 * (distance / sigma) ** 2), 0.0)
