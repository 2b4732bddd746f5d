"""The one way in which avsal changes a sample rate, in training, prediction and evaluation alike."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

__all__ = ["RESAMPLER", "resample", "resampling_stream"]

RESAMPLER = "soxr HQ"
"""Name of the resampler, for the records of models and predictions."""

QUALITY = "HQ"


def resample(samples: NDArray[np.float32], from_rate: int, to_rate: int) -> NDArray[np.float32]:
    """Change the sample rate of a whole signal; sample 0 keeps its time.

    Args:
        samples: (A,) or (channels, A) float32.
        from_rate: of `samples` in Hz.
        to_rate: wanted, in Hz.

    Returns:
        (A',) or (channels, A') float32 with A' = A * to_rate / from_rate, rounded.

    Raises:
        ValueError: a rate is not positive.
    """
    if from_rate <= 0 or to_rate <= 0:
        raise ValueError(f"sample rates must be positive but are {from_rate} and {to_rate} Hz")
    samples = np.asarray(samples, dtype=np.float32)
    if from_rate == to_rate or samples.size == 0:
        return samples
    return soxr.resample(np.ascontiguousarray(samples.T), from_rate, to_rate, quality=QUALITY).T


def resampling_stream(from_rate: int, to_rate: int, num_channels: int = 1) -> soxr.ResampleStream:
    """The same resampler for a signal that comes in pieces; together they give what `resample` gives."""
    return soxr.ResampleStream(from_rate, to_rate, num_channels, dtype="float32", quality=QUALITY)
