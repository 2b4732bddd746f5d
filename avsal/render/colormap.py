"""Colour for maps: tables by name, and saliency painted over a picture."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError

__all__ = ["COLORMAPS", "colormap", "paint", "to_unit_peak"]

COLORMAPS = ("inferno", "magma", "viridis", "turbo", "jet", "grey")


@cache
def colormap(name: str) -> NDArray[np.uint8]:
    """The (256, 3) uint8 RGB table called `name`, dark or cold first.

    Raises:
        ConfigError: for a name that is not in `COLORMAPS`.
    """
    if name not in COLORMAPS:
        raise ConfigError(f"unknown colour map {name!r}: expected one of {', '.join(COLORMAPS)}")
    with files("avsal.render").joinpath("colormaps.npz").open("rb") as stream, np.load(stream) as tables:
        return tables[name]


def to_unit_peak(saliency: NDArray[np.float32]) -> NDArray[np.float32]:
    """A non-negative map divided by its maximum; all zeros where the maximum is 0."""
    peak = float(saliency.max())
    return saliency / peak if peak > 0 else np.zeros_like(saliency)


def paint(
    picture: NDArray[np.uint8], saliency: NDArray[np.float32], table: NDArray[np.uint8], alpha: float
) -> NDArray[np.uint8]:
    """Paint a map over a picture: opaque by `alpha` at its peak, clear where it is 0.

    Args:
        picture: (H, W, 3) RGB.
        saliency: (H, W) in [0, 1].
        table: from `colormap`.
        alpha: opacity at the map's peak, 0 to 1.

    Returns:
        (H, W, 3) RGB.
    """
    level = (saliency * 255 + 0.5).astype(np.uint8)
    # what a level adds and how much it lets through, as tables: no float arithmetic on the pixels
    opacity = alpha * np.arange(256) / 255
    added = np.round(table * opacity[:, None]).astype(np.uint16)
    through = np.round((1 - opacity) * 256).astype(np.uint16)
    painted = (picture * through[level][..., None] >> 8) + added[level]
    return np.minimum(painted, 255).astype(np.uint8)
