"""How much, and where to, sound moves a saliency map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MapShift", "averages", "map_shift"]


@dataclass(frozen=True)
class MapShift:
    """From a map with one sound to the map of the same frame with another.

    Attributes:
        moved: share of the map's mass that lies elsewhere, 0 to 1: half the sum of the absolute differences
            of both maps scaled to sum to 1 (total variation; 1 - SIM).
        cc: Pearson correlation of both maps, 1 where they are equal; NaN where just one is constant.
        right: by how much the centre of mass goes right, in widths of the frame.
        down: by how much it goes down, in heights.
    """

    moved: float
    cc: float
    right: float
    down: float


def map_shift(before: NDArray[np.float32], after: NDArray[np.float32]) -> MapShift:
    """Compare two maps of one frame.

    Args:
        before: (H, W), non-negative.
        after: (H, W), non-negative.

    Raises:
        ValueError: the maps differ in shape.
    """
    if before.shape != after.shape:
        raise ValueError(f"expected maps of one shape but found {before.shape} and {after.shape}")
    if np.array_equal(before, after):
        return MapShift(0.0, 1.0, 0.0, 0.0)
    first, second = _density(before), _density(after)
    (y, x), (down, right) = _centre(first), _centre(second)
    height, width = before.shape
    spread = float(first.std() * second.std())
    product = float(((first - first.mean()) * (second - second.mean())).mean())
    return MapShift(
        moved=float(np.abs(first - second).sum() / 2),
        cc=product / spread if spread > 0 else float("nan"),
        right=(right - x) / width,
        down=(down - y) / height,
    )


def averages(moves: Sequence[MapShift]) -> dict[str, float]:
    """Means over frames by attribute; of `cc` over those where it is defined.

    Raises:
        ValueError: no frame.
    """
    if not moves:
        raise ValueError("expected at least one frame")
    cc = np.array([move.cc for move in moves])
    defined = cc[~np.isnan(cc)]
    return {
        "moved": float(np.mean([move.moved for move in moves])),
        "cc": float(defined.mean()) if len(defined) else float("nan"),
        "right": float(np.mean([move.right for move in moves])),
        "down": float(np.mean([move.down for move in moves])),
    }


def _density(saliency: NDArray[np.float32]) -> NDArray[np.float64]:
    """The map scaled to sum to 1; uniform where it is zero."""
    values = saliency.astype(np.float64)
    total = values.sum()
    return values / total if total > 0 else np.full(values.shape, 1 / values.size)


def _centre(density: NDArray[np.float64]) -> tuple[float, float]:
    """Centre of mass (row, column) in pixels."""
    rows, columns = np.indices(density.shape)
    return float((density * rows).sum()), float((density * columns).sum())
