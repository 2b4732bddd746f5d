"""A saliency map over a picture: as heat, or as contours that leave what they mark to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError
from avsal.render.colormap import paint

__all__ = [
    "STYLES",
    "OverlayStyle",
    "contrast",
    "draw_overlay",
    "emphasis",
    "line_colours",
    "lines",
    "outline",
    "raised",
]

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

    height = raised(saliency, contrast(saliency))
    if height is None:
        return np.zeros(size, np.float32)
    enlarged = Image.fromarray(height).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(enlarged), 0, 1)


def raised(saliency: NDArray[np.float32], share: float) -> NDArray[np.float32] | None:
    """A map's height over its ground in parts of the peak's, (h, w) up to 1; None if nothing is painted.

    Args:
        saliency: (h, w), non-negative.
        share: its `contrast`.
    """
    fade = min(1.0, (share - FAINT) / (CLEAR - FAINT))
    if fade <= 0:
        return None
    peak = float(saliency.max())
    ground = peak - share * peak
    return np.asarray((saliency - ground) * (fade / (peak - ground)), np.float32)


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
    marks = lines(height, LINES)
    colours = np.concatenate([np.zeros((2, 3), np.uint8), line_colours(table)])
    return np.where(marks[..., None] > 0, colours[marks], picture)


def lines(height: NDArray[Any], levels: Sequence[float]) -> NDArray[np.uint8]:
    """Where lines are drawn, (H, W): 0 nowhere, 1 on their dark sides, 2 and more on the line of each level.

    Args:
        height: (H, W).
        levels: ascending, in units of `height`.
    """
    width = max(1, round(height.shape[0] / 240))
    passed = np.zeros(height.shape, np.uint8)  # how many levels
    for level in levels:
        passed += height >= level
    near = [spread(passed, width, axis) for axis in (0, 1)]
    far = [spread(one, width, axis) for axis, one in enumerate(near)]
    within, beyond = np.maximum(*near), np.maximum(*far)
    # of the lines that come close, the highest is seen, and its dark side is over lower lines
    return np.where(beyond == passed, 0, np.where(within == beyond, beyond + 1, 1)).astype(np.uint8)


def spread(values: NDArray[np.uint8], reach: int, axis: int) -> NDArray[np.uint8]:
    """The largest of the (H, W) values at most `reach` pixels before or after along an axis."""
    border = [(reach, reach) if one == axis else (0, 0) for one in (0, 1)]
    largest, span = np.moveaxis(np.pad(values, border), axis, 0), 1
    while span < 2 * reach + 1:  # over 1, 2, 4 ... values
        step = min(span, 2 * reach + 1 - span)
        largest, span = np.maximum(largest[:-step], largest[step:]), span + step
    return np.moveaxis(largest, 0, axis)


def line_colours(table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(L, 3) RGB of the lines at `LINES`."""
    return table[[round(255 * level) for level in np.linspace(0.6, 1.0, len(LINES))]]


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
