"""Maps as encoders take them: a quantiser offset for each block of each frame, finer where people look."""

from __future__ import annotations

import csv
from abc import abstractmethod
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from avsal.media.atomic import atomic_path
from avsal.render.output import Output

if TYPE_CHECKING:
    from avsal.prediction import Prediction

__all__ = ["OffsetGrid", "SvtAv1Offsets", "X265Offsets", "block_offsets"]

STEADY = 0.2
"""Seconds in which offsets follow a map by two thirds, so that blocks do not flicker; they jump at cuts."""

STRONGEST_AT = 2.0
"""Powers of two by which a block's saliency differs from the frame's mean where the offset is largest."""

AV1_LEVELS = 7
"""Different offsets in one frame; AV1 has eight segments, one of which is left to the encoder."""


def block_means(saliency: NDArray[np.float32], size: tuple[int, int], block: int) -> NDArray[np.float64]:
    """The mean of a map over each block of a video's frame.

    Args:
        saliency: (h, w) of any size.
        size: (H, W) of the frame.
        block: pixels of a block's side; those at the right and bottom may be smaller.

    Returns:
        (ceil(H / block), ceil(W / block)).
    """
    means = saliency.astype(np.float64)
    for axis, length in enumerate(size):
        own = means.shape[axis]
        edges = np.append(np.arange(0, length, block), length) * (own / length)
        summed = np.concatenate([np.zeros_like(means.take([0], axis)), np.cumsum(means, axis)], axis)
        # between two rows the sum grows evenly
        below = np.minimum(edges.astype(int), own)
        share = np.expand_dims(edges - below, tuple(other for other in (0, 1) if other != axis))
        at = summed.take(below, axis) * (1 - share) + summed.take(np.minimum(below + 1, own), axis) * share
        widths = np.expand_dims(np.diff(edges), tuple(other for other in (0, 1) if other != axis))
        means = np.diff(at, axis=axis) / widths
    return means


def block_offsets(means: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Quantiser offsets of blocks: 0 at the frame's mean, ``-strength`` at four times it, ``strength`` at a
    quarter, in between by the logarithm. A map that is zero gives zeros.

    Args:
        means: (rows, columns) of blocks.
        strength: the largest offset.
    """
    mean = float(means.mean())
    if mean <= 0:
        return np.zeros_like(means)
    level = np.log2(np.maximum(means / mean, 1e-9)) / STRONGEST_AT
    return -strength * np.clip(level, -1, 1)


class _Offsets(Output):
    """Writes the offsets of each frame; see `block_offsets`."""

    block: int
    binary = False

    def _open(self) -> None:
        temporary = self._stack.enter_context(atomic_path(self.path))
        how: dict[str, Any] = {} if self.binary else {"newline": "", "encoding": "utf-8"}
        self.file: IO[Any] = self._stack.enter_context(temporary.open("wb" if self.binary else "w", **how))
        self._means: NDArray[np.float64] | None = None
        self._cuts = 0

    def write(self, prediction: Prediction) -> None:
        """Add one frame."""
        now = block_means(prediction.map, self.request.info.size, self.block)
        cuts = sum(time <= prediction.time + 1e-6 for time in self.request.cuts)
        if self._means is None or cuts > self._cuts:
            self._means = now
        else:
            follow = 1 - np.exp(-prediction.duration / STEADY)
            self._means = self._means + follow * (now - self._means)
        self._cuts = cuts
        self.add(prediction, block_offsets(self._means, self.request.roi_strength))

    @abstractmethod
    def add(self, prediction: Prediction, offsets: NDArray[np.float64]) -> None:
        """Write the offsets (rows, columns) of one frame."""

    def remarks(self) -> dict[str, Any]:
        """What a reader of the file must know."""
        height, width = self.request.info.size
        rows, columns = -(-height // self.block), -(-width // self.block)
        return {"block": self.block, "rows": rows, "columns": columns, "strongest": self.request.roi_strength}


class OffsetGrid(_Offsets):
    """A CSV line a frame: `frame`, `time`, and the offset of each block of 64x64, named by row and column."""

    suffix = "_roi.csv"
    block = 64

    def add(self, prediction: Prediction, offsets: NDArray[np.float64]) -> None:
        """See `_Offsets.add`."""
        rows, columns = offsets.shape
        writer = csv.writer(self.file, lineterminator="\n")
        if prediction.index == 0:
            names = (f"r{row}c{column}" for row in range(rows) for column in range(columns))
            writer.writerow(["frame", "time", *names])
        values = (f"{value:.2f}" for value in offsets.flat)
        writer.writerow([prediction.index, f"{prediction.time:.6f}", *values])


class SvtAv1Offsets(_Offsets):
    """For ``SvtAv1EncApp --roi-map-file``: a line a frame, its number, then each 64x64 block's offset.

    Blocks go row by row. A frame has at most `AV1_LEVELS` different offsets, whole numbers.
    """

    suffix = "_svtav1.txt"
    block = 64

    def add(self, prediction: Prediction, offsets: NDArray[np.float64]) -> None:
        """See `_Offsets.add`."""
        strength = self.request.roi_strength
        levels = np.unique(np.round(np.linspace(-strength, strength, AV1_LEVELS)).astype(int))
        nearest = np.abs(offsets.reshape(-1, 1) - levels).argmin(1)
        self.file.write(f"{prediction.index} {' '.join(map(str, levels[nearest]))}\n")


class X265Offsets(_Offsets):
    """For x265's ``quantOffsets``: float32, little-endian, (frames, rows, columns) of 16x16 blocks."""

    suffix = "_x265.f32"
    block = 16
    binary = True

    def add(self, prediction: Prediction, offsets: NDArray[np.float64]) -> None:
        """See `_Offsets.add`."""
        self.file.write(offsets.astype("<f4").tobytes())
