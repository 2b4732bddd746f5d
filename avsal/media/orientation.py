"""How a stored picture is turned and mirrored to stand upright on display."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av.video.frame import VideoFrame

__all__ = ["UPRIGHT", "Orientation"]


class Orientation(NamedTuple):
    """A turn by a multiple of 90 degrees with or without mirroring: transpose first, then flip.

    Attributes:
        transposed: rows become columns.
        flipped_rows: top and bottom are exchanged.
        flipped_columns: left and right are exchanged.
    """

    transposed: bool = False
    flipped_rows: bool = False
    flipped_columns: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Orientation:
        """Read the display matrix that a decoder attached to `frame`; angles are rounded to 90 degrees.

        The matrix (ISO/IEC 14496-12, 6.2.2) holds a, b, u, c, d, v, x, y, w and sends the stored point
        (x, y) to (a x + c y, b x + d y), y pointing down.
        """
        matrix = cast("Mapping[str, Any]", frame.side_data).get("DISPLAYMATRIX")
        if matrix is None:
            return cls()
        a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, b < 0, c < 0)
        return cls(False, d < 0, a < 0)

    @property
    def rotation(self) -> int:
        """Degrees clockwise, in 0..270; a mirrored picture is taken as mirrored left to right afterwards."""
        if self.transposed:
            return 90 if not self.flipped_rows else 270
        return 180 if self.flipped_rows else 0

    def stored(self, size: tuple[int, int]) -> tuple[int, int]:
        """The (H, W) of a stored picture whose upright (H, W) is `size`, and the reverse."""
        return (size[1], size[0]) if self.transposed else size

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn a stored (H, W, 3) picture upright."""
        if self.transposed:
            image = image.swapaxes(0, 1)
        if self.flipped_rows:
            image = image[::-1]
        if self.flipped_columns:
            image = image[:, ::-1]
        return np.ascontiguousarray(image)


UPRIGHT = Orientation()
"""Stored as displayed."""
