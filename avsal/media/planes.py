"""Pictures as videos are encoded, luma at full size and colour at half, to be painted on without RGB.

All of them are 8-bit 4:2:0 of limited range, in BT.709 or BT.601 as their `colorspace` says, upright, and of
even sides: an odd height or width grows by one row or column, a repeat of the last.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import av
import numpy as np
from numpy.typing import NDArray

from avsal.media.orientation import UPRIGHT, Orientation
from avsal.media.pixels import RgbConverter, YuvConverter, YuvScaler

__all__ = ["PictureConverter", "Planes", "empty_picture", "even", "planes_of"]

#: what is stored as planes of luma and colour, without transparency
PLANAR = ("yuv4", "yuvj4", "nv", "p0", "p2", "p4")


class Planes(NamedTuple):
    """Views of a picture's samples: writing to them changes the picture.

    Attributes:
        luma: (H, W) uint8, 16 (black) to 235 (white).
        blue: (H / 2, W / 2) uint8, 128 for grey.
        red: as `blue`.
    """

    luma: NDArray[np.uint8]
    blue: NDArray[np.uint8]
    red: NDArray[np.uint8]


def planes_of(picture: av.VideoFrame) -> Planes:
    """The samples of a yuv420p picture."""
    return Planes(
        *(
            np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
            for plane in cast("tuple[Any, ...]", picture.planes)
        )
    )


def empty_picture(size: tuple[int, int]) -> av.VideoFrame:
    """A picture of (H, W), both even, whose samples are still to be written."""
    return av.VideoFrame(size[1], size[0], "yuv420p")


def even(size: tuple[int, int]) -> tuple[int, int]:
    """(H, W) of the picture that holds one of another size."""
    return size[0] + size[0] % 2, size[1] + size[1] % 2


class PictureConverter:
    """Converts decoded frames, or RGB arrays, to pictures of one size.

    A frame that is such a picture already is passed on as it is, which costs nothing; it may be read, not
    written. More than 8 bits a sample are rounded; HDR transfer curves (PQ, HLG) stay as they are.

    Args:
        size: (H, W) of what is shown, upright.
        orientation: how stored pictures stand.
    """

    def __init__(self, size: tuple[int, int], orientation: Orientation = UPRIGHT) -> None:
        self.size = size
        self._direct = orientation == UPRIGHT and size == even(size)
        self._rgb = RgbConverter(size, orientation)
        self._scale = YuvScaler(size)
        self._yuv = YuvConverter()

    def __call__(self, frame: av.VideoFrame | NDArray[np.uint8]) -> av.VideoFrame:
        """The picture of a decoded frame of any pixel format and size, or of (H, W, 3) RGB of the size."""
        if isinstance(frame, av.VideoFrame):
            # transparent pixels are mixed, and turned pictures turned, in RGB
            opaque = not any(component.is_alpha for component in frame.format.components)
            if self._direct and opaque and frame.format.name.startswith(PLANAR):
                return self._scale(frame)
            frame = self._rgb(frame)
        height, width = even(self.size)
        border = ((0, height - self.size[0]), (0, width - self.size[1]), (0, 0))
        return self._yuv(np.pad(frame, border, mode="edge"))
