"""The sound of a scene: one voice at a time, its loudness following the rhythm of whoever is heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datasets_av.sounding_objects.scene import Scene, pulse

__all__ = ["synthesise"]

#: Standard deviation of the noise floor; full scale is 1.
NOISE = 0.002
#: Seconds over which a voice fades in and out at the ends of its turn, so that nothing clicks.
FADE = 0.01


def synthesise(scene: Scene, rng: np.random.Generator, sample_rate: int) -> NDArray[np.float32]:
    """The video's sound.

    Args:
        scene: what happens.
        rng: randomness of the noise floor and of the waves' starting points.
        sample_rate: sample rate in Hz; harmonics at or above half of it are left out.

    Returns:
        (A,) mono samples in [-1, 1]; sample 0 is heard when frame 0 appears, A = seconds x sample rate.
    """
    num_samples = round(scene.seconds * sample_rate)
    sound = NOISE * rng.standard_normal(num_samples, dtype=np.float32)
    edges = np.append(np.round(scene.turns.starts * sample_rate).astype(int), num_samples)
    for start, end, k in zip(edges[:-1], edges[1:], scene.turns.objects, strict=True):
        t = np.arange(start, end) / sample_rate
        loudness = pulse(_wrapped(scene.sound_rates[k] * t + scene.sound_phases[k]))
        loudness *= _fades(end - start, round(FADE * sample_rate))
        wave = np.zeros(end - start, dtype=np.float32)
        # whole cycles are dropped in double precision: single precision would hum in long videos
        cycles = _wrapped(scene.pitches[k] * t + rng.random())
        for harmonic, amplitude in enumerate(scene.harmonics[k], start=1):
            if harmonic * scene.pitches[k] < sample_rate / 2:
                wave += np.float32(amplitude) * np.sin(np.float32(2 * np.pi * harmonic) * cycles)
        sound[start:end] += np.float32(scene.level) * loudness * wave
    return sound


def _wrapped(cycles: NDArray[np.float64]) -> NDArray[np.float32]:
    """The fraction of each number of cycles."""
    return (cycles - np.floor(cycles)).astype(np.float32)


def _fades(num_samples: int, num_fade: int) -> NDArray[np.float32]:
    """(num_samples,) ones with a raised-cosine fade at either end."""
    gain = np.ones(num_samples, dtype=np.float32)
    num_fade = min(num_fade, num_samples // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(num_fade) + 0.5) / max(num_fade, 1))).astype(np.float32)
    gain[:num_fade] *= ramp
    gain[num_samples - num_fade :] *= ramp[::-1]
    return gain
