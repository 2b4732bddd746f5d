"""Words in pictures."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["write_text"]


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
    canvas = Image.fromarray(image)
    ImageDraw.Draw(canvas).text((left, middle), text, fill=colour, font=_font(height), anchor=anchor)
    image[:] = np.asarray(canvas)


@cache
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(height)
