"""Fixated pixels of one frame, or the fixations of others: each pixel once, with how often it was looked at.

The families differ only in the weights: `exact` counts every fixation, `mit` every fixated pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from avsal.metrics.family import Family
from avsal.types import Fixations

__all__ = ["Points", "PointsLike"]


@dataclass(frozen=True, eq=False)
class Points:
    """Pixels with counts.

    Attributes:
        pixels: (K,) int64, row * width + column, ascending, without repeats.
        counts: (K,) int64, at least 1.
        size: (height, width) of the frame.
        sampler: which rule chose them, where they are the negatives of shuffled AUC.
    """

    pixels: NDArray[np.int64]
    counts: NDArray[np.int64]
    size: tuple[int, int]
    sampler: str | None = None

    @classmethod
    def of(cls, points: PointsLike, size: tuple[int, int], role: str = "fixations") -> Points:
        """Collect points on a frame of `size`. `Points` are passed through when the size fits.

        Args:
            points: `Points`, `Fixations` in the coordinates of a frame of `size`, or (rows, columns): two
                equally long arrays of integers, repeats kept.
            size: (height, width).
            role: what they are, for messages.

        Raises:
            ValueError: another size, points outside the frame, or no integers.
        """
        if isinstance(points, Points | Fixations) and points.size != size:
            raise ValueError(
                f"`{role}` must be on a frame of the ground truth's size {size} but are on {points.size}: "
                f"scale the points, never an image of them"
            )
        if isinstance(points, Points):
            return points
        rows, columns = _rows_and_columns(points, role)
        if rows.size and not (
            0 <= rows.min() <= rows.max() < size[0] and 0 <= columns.min() <= columns.max() < size[1]
        ):
            raise ValueError(
                f"`{role}` must lie inside {size} but have rows {rows.min()}..{rows.max()} "
                f"and columns {columns.min()}..{columns.max()}"
            )
        pixels, counts = np.unique(rows * size[1] + columns, return_counts=True)
        return cls(pixels, counts, size)

    @property
    def total(self) -> int:
        """How many fixations, repeats counted."""
        return int(self.counts.sum())

    def weights(self, family: Family) -> NDArray[np.int64]:
        """(K,) how much each pixel counts: its fixations in `exact`, 1 in `mit`."""
        return self.counts if family == "exact" else np.ones_like(self.counts)


PointsLike = Points | Fixations | Sequence[ArrayLike]


def _rows_and_columns(
    points: Fixations | Sequence[ArrayLike], role: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if isinstance(points, Fixations):
        return points.rows_and_columns()
    if not isinstance(points, tuple | list) or len(points) != 2:
        raise ValueError(f"`{role}` must be `Fixations` or the two arrays (rows, columns)")
    rows, columns = (np.asarray(axis) for axis in points)
    if rows.ndim != 1 or rows.shape != columns.shape:
        raise ValueError(
            f"`{role}` must be two equally long arrays (rows, columns) but have shapes "
            f"{rows.shape} and {columns.shape}"
        )
    if rows.size and (rows.dtype.kind not in "ui" or columns.dtype.kind not in "ui"):
        raise ValueError(
            f"`{role}` must be pixel indices, integers, but are {rows.dtype} and {columns.dtype}: "
            f"take the floor of coordinates"
        )
    return rows.astype(np.int64), columns.astype(np.int64)
