"""Words in pictures."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["text_mask", "write_text"]


def text_mask(
    size: tuple[int, int], text: str, *, left: int, middle: int, height: int, anchor: str = "lm"
) -> NDArray[np.uint8]:
    """One line of text as opacity from 0 to 255, (H, W); what does not fit is cut off. See `write_text`."""
    canvas = Image.new("L", (size[1], size[0]))
    ImageDraw.Draw(canvas).text((left, middle), text, fill=255, font=_font(height), anchor=anchor)
    return np.asarray(canvas)


def write_text(
    image: NDArray[np.uint8],
    text: str,
    *,
    left: int,
    middle: int,
    height: int,
    colour: tuple[int, int, int] = (225, 225, 225),
    anchor: str = "lm",
) -> None:
    """Write one line into `image`.

    Args:
        image: (H, W, 3) RGB, changed; what does not fit is cut off.
        text: of one line.
        left: column at which it begins, or ends for the anchor ``rm``, or is centred for ``mm``.
        middle: row of its middle.
        height: of the letters, in pixels.
        colour: RGB.
        anchor: how Pillow calls the point (left, middle) of the text.
    """
    size = image.shape[0], image.shape[1]
    mask = text_mask(size, text, left=left, middle=middle, height=height, anchor=anchor)
    covered = mask[..., None].astype(np.uint16)
    image[:] = (image * (255 - covered) + np.array(colour, np.uint16) * covered + 127) // 255


@cache
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(height)
