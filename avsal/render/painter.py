"""Maps painted on pictures as videos are encoded: in integers, by tables, colour at half size.

It looks as `draw_overlay` does on RGB, at a tenth of the work: mixing colours in parts is the same in RGB and
in luma and colour differences.
"""

from __future__ import annotations

from functools import cache

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray
from PIL import Image

from avsal.media.planes import empty_picture, planes_of
from avsal.render.caption import text_mask
from avsal.render.overlay import LINES, OverlayStyle, contrast, line_colours, lines, raised

__all__ = ["Painter"]

#: parts of red and of blue in luma, by swscale's and FFmpeg's number of the matrix
LUMA = {1: (0.2126, 0.0722), 5: (0.299, 0.114)}

#: luma of the words of a caption: a light grey
WORDS = 209


class Painter:
    """Paints maps on pictures; see `avsal.media.planes` for what those are.

    Args:
        table: from `colormap`.
        alpha: opacity of heat at the map's peak, 0 to 1; contours are opaque.
        style: ``heat`` or ``contour``.

    Attributes:
        contrast: of the last map painted.
    """

    contrast = 0.0

    def __init__(self, table: NDArray[np.uint8], alpha: float = 0.7, style: OverlayStyle = "heat") -> None:
        self.table, self.style = table, style
        self._opacity = np.round(alpha * np.arange(256)).astype(np.uint8)
        self._scalers = VideoReformatter(), VideoReformatter()  # one a size: each keeps what it prepared

    def __call__(
        self, picture: av.VideoFrame, saliency: NDArray[np.float32], caption: str | None = None
    ) -> av.VideoFrame:
        """A new picture with a map over it.

        Args:
            picture: stays as it is.
            saliency: (h, w) of any size, non-negative.
            caption: of one line, into the lower left corner.
        """
        drawn = empty_picture((picture.height, picture.width))
        drawn.colorspace = picture.colorspace
        for before, after in zip(planes_of(picture), planes_of(drawn), strict=True):
            after[:] = before
        self.contrast = contrast(saliency)
        height = raised(saliency, self.contrast)
        if height is not None:
            if self.style == "heat":
                self._heat(drawn, np.clip(height, 0, None))
            else:
                self._contours(drawn, np.clip(height, 0, None))
        if caption:
            write_caption(drawn, caption)
        return drawn

    def _heat(self, drawn: av.VideoFrame, height: NDArray[np.float32]) -> None:
        small = av.VideoFrame.from_ndarray((height * 255 + 0.5).astype(np.uint8), "gray")
        colours = planar(self.table.tobytes(), drawn.colorspace)
        levels: list[Image.Image] = []
        for plane, scaler in zip(planes_of(drawn)[:2], self._scalers, strict=True):
            rows, columns = plane.shape
            large = scaler.reformat(small, columns, rows, "gray", interpolation=Interpolation.BICUBIC)
            levels.append(Image.fromarray(large.to_ndarray()))
        masks = [level.point(self._opacity.tobytes()) for level in levels]
        for number, plane in enumerate(planes_of(drawn)):
            half = min(number, 1)
            colour = levels[half].point(colours[number].tobytes())
            plane[:] = np.asarray(Image.composite(colour, Image.fromarray(plane), masks[half]))

    def _contours(self, drawn: av.VideoFrame, height: NDArray[np.float32]) -> None:
        small = av.VideoFrame.from_ndarray((height * 65535 + 0.5).astype(np.uint16), "gray16le")
        planes = planes_of(drawn)
        rows, columns = planes.luma.shape
        large = self._scalers[0].reformat(
            small, columns, rows, "gray16le", interpolation=Interpolation.BICUBIC
        )
        marks = lines(large.to_ndarray(), [round(level * 65535) for level in LINES])
        colours = np.concatenate([np.zeros((2, 3), np.uint8), line_colours(self.table)])
        inks = planar(colours.tobytes(), drawn.colorspace)
        np.copyto(planes.luma, inks[0][marks], where=marks > 0)
        # of the four pixels that share a colour, each line covers some
        quarters = [marks[row::2, column::2] for row in (0, 1) for column in (0, 1)]
        bare = sum((quarter == 0).astype(np.uint16) for quarter in quarters)
        for plane, ink in zip(planes[1:], inks[1:], strict=True):
            weight = ink.astype(np.uint16)
            weight[0] = 0
            plane[:] = (plane * bare + sum(weight[quarter] for quarter in quarters) + 2) >> 2


@cache
def planar(colours: bytes, colorspace: int) -> tuple[NDArray[np.uint8], ...]:
    """Luma, blue and red of (N, 3) RGB colours in limited range."""
    red, green, blue = np.frombuffer(colours, np.uint8).reshape(-1, 3).T / 255
    of_red, of_blue = LUMA.get(colorspace, LUMA[1])
    luma = of_red * red + (1 - of_red - of_blue) * green + of_blue * blue
    planes = (
        16 + 219 * luma,
        128 + 112 * (blue - luma) / (1 - of_blue),
        128 + 112 * (red - luma) / (1 - of_red),
    )
    return tuple(np.round(plane).astype(np.uint8) for plane in planes)


def write_caption(picture: av.VideoFrame, text: str) -> None:
    """A line on a dark ground in the lower left corner, changed in place."""
    letters = max(10, picture.height // 30)
    rows = 2 * letters
    columns = min(picture.width, 2 * round(0.31 * letters * (len(text) + 2)))
    words = text_mask((rows, columns), text, left=letters // 2, middle=letters, height=letters)
    half = np.asarray(Image.fromarray(words).reduce(2))
    for plane, mask, black, ink in zip(
        planes_of(picture), (words, half, half), (16, 128, 128), (WORDS, 128, 128), strict=True
    ):
        band = plane[-mask.shape[0] :, : mask.shape[1]]
        dark = (band.astype(np.uint16) + 2 * black) // 3
        band[:] = (dark * (255 - mask.astype(np.uint16)) + ink * mask.astype(np.uint16) + 127) // 255
