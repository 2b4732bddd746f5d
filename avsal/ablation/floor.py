"""What moves a map without meaning anything: the floor that a change by sound must rise above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avsal.ablation.conditions import REFERENCE, Condition, seed_for
from avsal.ablation.map_shift import map_shift

__all__ = ["FLOOR_SOUNDS", "Floor", "FloorMeasure", "floor_sounds"]

Waveform = NDArray[np.float32]

#: sounds that are heard beside the conditions: the original a little fainter, and two draws of noise
FLOOR_SOUNDS = ("floor gain:-1", "floor noise", "floor noise again")


def floor_sounds(sound: Waveform, sample_rate: int, *, seed: int, video: str) -> dict[str, Waveform | None]:
    """The sounds of the floor by name, to be heard beside the conditions of a video.

    Args:
        sound: (A,) of the video.
        sample_rate: in Hz.
        seed: of all chance.
        video: its name.
    """
    quieter, *noises = FLOOR_SOUNDS
    found = {quieter: Condition("gain:-1", "gain", -1.0).apply(sound, sample_rate, rng=seed_for(seed))}
    for name in noises:
        found[name] = Condition("noise", "noise").apply(sound, sample_rate, rng=seed_for(seed, video, name))
    return found


@dataclass(frozen=True)
class Floor:
    """Shares of a map's mass that lie elsewhere, means over frames; see `MapShift.moved`.

    Attributes:
        quieter: with the original audio against the original 1 dB fainter.
        noise: with one draw of noise against another.
        frames: from one computed frame to the next, with the original audio; 0 with a single frame.
    """

    quieter: float
    noise: float
    frames: float

    @property
    def meaningless(self) -> float:
        """The larger change by sound of the two that should not matter."""
        return max(self.quieter, self.noise)


class FloorMeasure:
    """Takes the maps of each computed frame by the sound's name, `REFERENCE` and `FLOOR_SOUNDS` among "
    "them."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None
        self._moved: dict[str, list[float]] = {"quieter": [], "noise": [], "frames": []}

    def add(self, maps: Mapping[str, NDArray[np.float32]]) -> None:
        """Take one frame."""
        original, (quieter, noise, again) = maps[REFERENCE], (maps[name] for name in FLOOR_SOUNDS)
        pairs = {"quieter": (original, quieter), "noise": (noise, again)}
        if self._before is not None:
            pairs["frames"] = (self._before, original)
        for name, pair in pairs.items():
            self._moved[name].append(map_shift(*pair).moved)
        self._before = original.copy()

    def result(self) -> Floor | None:
        """Means over frames; None before the first."""
        if not self._moved["quieter"]:
            return None
        return Floor(**{name: _mean(values) for name, values in self._moved.items()})


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
