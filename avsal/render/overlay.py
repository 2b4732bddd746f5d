"""A saliency map over a picture: as heat, or as contours that leave what they mark to be seen."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError
from avsal.render.colormap import paint

__all__ = ["STYLES", "OverlayStyle", "contrast", "draw_overlay", "emphasis", "outline"]

OverlayStyle = Literal["heat", "contour"]
STYLES: tuple[OverlayStyle, ...] = get_args(OverlayStyle)

#: share of a map's pixels that count as its ground: what the map says of them is not painted
GROUND = 0.25

#: below the first contrast nothing is painted, from the second on all is: in between a map fades
FAINT, CLEAR = 0.25, 0.75

#: contours, in parts of the map's peak over its ground
LINES = (0.25, 0.5, 0.75)


def contrast(saliency: NDArray[np.float32]) -> float:
    """How far the peak stands over the ground: (peak - ground) / peak; 0 for a flat map, 1 for a lone peak.

    Args:
        saliency: (H, W), non-negative.
    """
    peak = float(saliency.max())
    return (peak - float(np.quantile(saliency, GROUND))) / peak if peak > 0 else 0.0


def emphasis(saliency: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """What is painted of a map: its height over its ground in parts of the peak's, fading with the contrast.

    It is interpolated bicubically: bilinear interpolation leaves creases like stars around each peak.

    Args:
        saliency: (h, w), non-negative.
        size: (H, W) of the picture.

    Returns:
        (H, W) in [0, 1].
    """
    from PIL import Image

    peak, ground = float(saliency.max()), float(np.quantile(saliency, GROUND))
    fade = min(1.0, max(0.0, (contrast(saliency) - FAINT) / (CLEAR - FAINT)))
    if fade == 0:
        return np.zeros(size, np.float32)
    height = Image.fromarray(np.asarray((saliency - ground) * (fade / (peak - ground)), np.float32))
    enlarged = np.asarray(height.resize((size[1], size[0]), Image.Resampling.BICUBIC))
    return np.clip(enlarged, 0, 1)


def outline(
    picture: NDArray[np.uint8], height: NDArray[np.float32], table: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The picture with a line where the map passes each of `LINES`, dark on its outer side.

    Args:
        picture: (H, W, 3) RGB.
        height: (H, W) in [0, 1], as from `emphasis`.
        table: from `colormap`; brighter lines are higher.

    Returns:
        (H, W, 3) RGB.
    """
    drawn = picture.copy()
    width = max(1, round(picture.shape[0] / 240))
    for line, level in zip(LINES, np.linspace(0.6, 1.0, len(LINES)), strict=True):
        inside = height >= line
        for reach, colour in ((2 * width, np.zeros(3, np.uint8)), (width, table[round(255 * level)])):
            near = inside.copy()
            for shift in range(1, reach + 1):
                near[shift:] |= inside[:-shift]
                near[:-shift] |= inside[shift:]
                near[:, shift:] |= inside[:, :-shift]
                near[:, :-shift] |= inside[:, shift:]
            drawn[near & ~inside] = colour
    return drawn


def draw_overlay(
    picture: NDArray[np.uint8],
    saliency: NDArray[np.float32],
    table: NDArray[np.uint8],
    alpha: float,
    style: OverlayStyle = "heat",
) -> NDArray[np.uint8]:
    """A map over a picture.

    Args:
        picture: (H, W, 3) RGB.
        saliency: (h, w) of any size, non-negative.
        table: from `colormap`.
        alpha: opacity of heat at the map's peak, 0 to 1; contours are opaque.
        style: ``heat`` or ``contour``.

    Raises:
        ConfigError: no such style.
    """
    height, width = picture.shape[:2]
    painted = emphasis(saliency, (height, width))
    if style == "heat":
        return paint(picture, painted, table, alpha)
    if style == "contour":
        return outline(picture, painted, table)
    raise ConfigError(f"unknown style {style!r} of an overlay: expected one of {', '.join(STYLES)}")
