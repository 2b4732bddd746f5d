"""A sound that is handed over piece by piece, read window by window."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avsal.media.arrays import mono_samples
from avsal.media.damage import Damage
from avsal.media.resampling import resampling_stream

__all__ = ["PushedSound"]


class PushedSound:
    """The last seconds of a sound that is pushed, at the model's rate; see `WindowedSound`.

    Args:
        rate: in Hz, of what is pushed.
        sample_rate: in Hz, of what is read.
        keep: seconds that are kept.
    """

    def __init__(self, rate: int, sample_rate: int, keep: float) -> None:
        self.sample_rate, self.damage = sample_rate, Damage("sound")
        self._rate = rate
        self._resampler = None if rate == sample_rate else resampling_stream(rate, sample_rate)
        self._keep = round(keep * sample_rate)
        self._samples = np.zeros(0, np.float32)
        self._begin = 0  # position of the first sample kept
        self._pushed = 0  # samples that came, at `rate`
        self._taken = 0  # samples that were resampled, those filled in too

    def push(self, samples: Any) -> None:
        """Append what came; what comes after silence was filled in for it is dropped."""
        mono, _ = mono_samples(samples, self._rate)
        late = self._taken - self._pushed
        self._pushed += len(mono)
        self._append(mono[max(0, late) :])

    def reaches(self, end: float, *, fill: bool) -> bool:
        """Whether the sound is there up to a second, but for a sample; `fill` makes it so with silence."""
        wanted = round(end * self.sample_rate) - 1
        while fill and self._position < wanted:
            missing = round((wanted - self._position) * self._rate / self.sample_rate)
            self._append(np.zeros(missing + 1, np.float32))
        return self._position >= wanted

    def read(self, start: float, end: float) -> NDArray[np.float32]:
        """See `SoundReader.read`; what has not come is silence."""
        first = round(start * self.sample_rate)
        samples = np.zeros(round((end - start) * self.sample_rate), np.float32)
        low, high = max(first, self._begin), min(first + len(samples), self._position)
        if low < high:
            samples[low - first : high - first] = self._samples[low - self._begin : high - self._begin]
        return samples

    def hold(self, spans: Iterable[tuple[float, float]]) -> None:
        """Nothing: all that windows reach back to is kept."""

    @property
    def _position(self) -> int:
        return self._begin + len(self._samples)

    def _append(self, mono: NDArray[np.float32]) -> None:
        self._taken += len(mono)
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(np.ascontiguousarray(mono))
        self._samples = np.concatenate([self._samples, mono])
        if len(self._samples) > 2 * self._keep:
            dropped = len(self._samples) - self._keep
            self._samples = self._samples[dropped:].copy()
            self._begin += dropped
