"""Where the clips of a composite stand, on what ground, and how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["Tile", "draw_ground", "draw_tiles", "paste"]

SCALE = (0.7, 0.98)
"""Share of its cell of the grid that a clip may fill."""

NARROWEST = 0.38
"""Shorter side of a cell over the frame's shorter side; in narrower ones a mouth would be a few pixels."""

GROUNDS = ((1, 1), (2, 2), (6, 8), (16, 22))
"""Rows and columns of random colours that are blown up to the ground: flat, shaded, blurred, textured."""


@dataclass(frozen=True)
class Tile:
    """How one clip is drawn.

    Attributes:
        box: x0, y0, x1, y1 in pixels, whole numbers.
        mirrored: left and right changed.
        gain: that its values are multiplied by.
        offset: in grey levels, added after that.
    """

    box: tuple[float, float, float, float]
    mirrored: bool
    gain: float
    offset: float


def draw_tiles(
    rng: np.random.Generator, sizes: Sequence[tuple[int, int]], size: tuple[int, int]
) -> list[Tile]:
    """Place clips of (height, width) `sizes` in cells of a grid over a frame of (H, W) `size`."""
    K, (H, W) = len(sizes), size
    grids = [
        (rows, -(-K // rows))
        for rows in range(1, K + 1)
        if min(H / rows, W / -(-K // rows)) >= NARROWEST * min(size)
    ]
    rows, columns = grids[int(rng.integers(len(grids)))]
    cells = rng.permutation(rows * columns)[:K]
    tiles = []
    for cell, (height, width) in zip(cells.tolist(), sizes, strict=True):
        top, left = cell // columns * H / rows, cell % columns * W / columns
        scale = float(rng.uniform(*SCALE)) * min(H / rows / height, W / columns / width)
        high, wide = max(2, int(height * scale)), max(2, int(width * scale))
        y0 = int(top + rng.random() * (H / rows - high))
        x0 = int(left + rng.random() * (W / columns - wide))
        box = (float(x0), float(y0), float(x0 + wide), float(y0 + high))
        tiles.append(
            Tile(box, bool(rng.random() < 0.5), float(rng.uniform(0.8, 1.2)), float(rng.uniform(-15, 15)))
        )
    return tiles


def draw_ground(rng: np.random.Generator, size: tuple[int, int], num_frames: int) -> NDArray[np.uint8]:
    """(T, H, W, 3) of one still picture of random colours."""
    rows, columns = GROUNDS[int(rng.integers(len(GROUNDS)))]
    colours = rng.uniform(20, 220) + rng.normal(0, 25, 3) + rng.normal(0, 25, (rows, columns, 3))
    low = torch.from_numpy(colours.astype(np.float32)).permute(2, 0, 1)[None]
    ground = torch.nn.functional.interpolate(low, size, mode="bilinear")[0].permute(1, 2, 0)
    picture = ground.clamp(0, 255).round().to(torch.uint8).numpy()
    return np.repeat(picture[None], num_frames, axis=0)


def paste(frames: NDArray[np.uint8], clip: NDArray[np.uint8], tile: Tile) -> None:
    """Draw (T, h, w, 3) over (T, H, W, 3) `frames`, in place."""
    x0, y0, x1, y1 = (int(side) for side in tile.box)
    pixels = torch.from_numpy(clip).permute(0, 3, 1, 2)
    if tile.mirrored:
        pixels = pixels.flip(-1)
    scaled = torch.nn.functional.interpolate(pixels, (y1 - y0, x1 - x0), mode="bilinear", antialias=True)
    looks = np.clip(np.arange(256) * tile.gain + tile.offset, 0, 255).round().astype(np.uint8)
    frames[:, y0:y1, x0:x1] = looks[scaled.permute(0, 2, 3, 1).numpy()]
