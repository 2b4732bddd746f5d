"""Ways to read a window's sound: from a reader, from samples in memory, or silence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from avsal.media.sources import WindowedSound

__all__ = ["ReadSound", "read_from", "reading", "silence"]

#: gives samples from a second on, so many
ReadSound = Callable[[float, int], NDArray[np.float32]]


def reading(samples: NDArray[np.float32], sample_rate: int) -> ReadSound:
    """Reads from (A,) samples that begin at 0 of the video's clock; zeros beyond their ends."""

    def read(first: float, length: int) -> NDArray[np.float32]:
        begin = round(first * sample_rate)
        piece = np.zeros(length, np.float32)
        low, high = max(begin, 0), min(begin + length, len(samples))
        if low < high:
            piece[low - begin : high - begin] = samples[low:high]
        return piece

    return read


def read_from(reader: WindowedSound, first: float, samples: int) -> NDArray[np.float32]:
    """Samples of a sound from a second on."""
    return reader.read(first, first + samples / reader.sample_rate)


def silence(first: float, length: int) -> NDArray[np.float32]:
    """Samples of silence."""
    return np.zeros(length, np.float32)
