"""The positions in time of one layer that are kept, by centre frame, in memory that does not grow."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["FeatureCache"]


class FeatureCache:
    """Consecutive positions (H, W, C) of one layer, one for each frame, the newest last.

    A position is named by its centre frame, counted from the tape's first frame. What lies before the first
    position ever appended reads as zeros, which is what a layer pads with.

    Attributes:
        origin: frame of the first position ever appended.
        end: frame after the newest position.
    """

    def __init__(self) -> None:
        self._buffer: Tensor | None = None
        self._begin = 0  # row of the oldest position
        self.origin = self.oldest = self.end = 0

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""
        return 0 if self._buffer is None else self._buffer.nbytes

    def start(self, frame: int) -> None:
        """Begin with an empty tape whose first position will be `frame`'s; memory is kept for it."""
        self._begin = 0
        self.origin = self.oldest = self.end = frame

    def append(self, x: Tensor) -> None:
        """Add positions (P, H, W, C); they are copied."""
        kept, number = self.end - self.oldest, len(x)
        buffer = self._buffer
        if buffer is None or buffer.shape[1:] != x.shape[1:] or buffer.dtype != x.dtype:
            assert kept == 0 or buffer is None or not number, "a tape's positions have one size and type"
            self._buffer = buffer = x.new_empty((2 * number + 8, *x.shape[1:]))
        if self._begin + kept + number > len(buffer):
            old = buffer[self._begin : self._begin + kept]
            if kept + number + kept // 4 > len(buffer):
                self._buffer = buffer = x.new_empty((kept + number + kept // 2 + 8, *x.shape[1:]))
                buffer[:kept] = old
            else:  # towards the front, in pieces that do not overlap their new place
                for row in range(0, kept, self._begin):
                    piece = old[row : row + self._begin]
                    buffer[row : row + len(piece)] = piece
            self._begin = 0
        row = self._begin + kept
        buffer[row : row + number] = x
        self.end += number

    def forget(self, frame: int) -> None:
        """Positions before `frame` are not needed any more."""
        number = min(max(frame - self.oldest, 0), self.end - self.oldest)
        self._begin += number
        self.oldest += number

    def read(self, first: int, end: int, step: int = 1) -> Tensor:
        """Positions first, first + step, .. before `end` as (P, H, W, C): a view where nothing is padded."""
        if end <= first:
            assert self._buffer is not None
            return self._buffer[:0]
        number_before = max(0, -((first - self.origin) // step)) if first < self.origin else 0
        number_before = min(number_before, -((first - end) // step))
        begin = first + number_before * step
        assert self._buffer is not None
        assert end <= self.end or begin >= end, "a position that has not been computed"
        assert begin >= self.oldest or begin >= end, "a position that was forgotten"
        row = self._begin + begin - self.oldest
        positions = self._buffer[row : row + max(0, end - begin) : step]
        if number_before:
            zeros = positions.new_zeros((number_before, *self._buffer.shape[1:]))
            positions = torch.cat([zeros, positions])
        return positions
