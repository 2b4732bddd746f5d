"""What happens in a video of sounding objects: who is there, where, to which rhythm, and who is heard when.

A scene is drawn from random numbers alone and holds everything that picture, sound and observers need, so
that each of them can be made, and checked, without the others. Legend: K objects, T frames.

Lengths are given for frames of 64 x 112 pixels and scale with the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["KINDS", "REFERENCE_SIZE", "Cue", "Kind", "Scene", "Turns", "draw_scene", "pulse", "scale_of"]

Cue = Literal["identity", "rhythm", "synchrony"]
Float = TypeVar("Float", np.float32, np.float64)

#: (H, W) at which all lengths are stated.
REFERENCE_SIZE = (64, 112)
#: Distance that object centres keep from the frame's edge and from each other, in pixels, judged every 0.4 s;
#: in between it may be up to 2 pixels less.
MARGIN = 13.0
SEPARATION = 26.0
#: Objects sway about their place: top speed in pixels a second and oscillations a second, per axis; then a
#: small quick wobble in pixels and its oscillations a second.
SPEED = (2.0, 8.0)
SWAY_RATE = (0.2, 0.4)
WOBBLE = 1.0
WOBBLE_RATE = (0.7, 1.3)
#: Speed of the camera's drift along each axis, in pixels a second.
CAMERA_SPEED = 5.0
#: Pulses a second of objects whose rates differ, each shifted at random by up to RATE_JITTER of itself. The
#: steps between them are wider than the jitter, the fastest stays below half of 15 frames a second.
RATES = (1.6, 2.6, 4.2, 6.0)
RATE_JITTER = 0.07
#: Pulses a second of objects that differ in phase only.
COMMON_RATE = (1.5, 3.0)
#: Pulses a second of a sound that keeps to no object's rhythm; slower than all of RATES.
UNRELATED_RATE = (0.7, 1.1)
PITCH_JITTER = 0.03
#: Peak amplitude of a voice's fundamental; full scale is 1.
LEVEL = (0.05, 0.3)
#: Amplitudes of the harmonics, fundamental first, of voices that say nothing about the object.
PLAIN_HARMONICS = (1.0, 0.354, 0.192, 0.125)


@dataclass(frozen=True)
class Kind:
    """A look and the voice that belongs to it under the cue `identity`.

    Attributes:
        shape: of the outline.
        colour: RGB in 0..255 at full brightness.
        pitch: of the fundamental in Hz.
        harmonics: amplitudes, fundamental first: the timbre.
    """

    shape: Literal["disc", "square", "diamond", "cross"]
    colour: tuple[float, float, float]
    pitch: float
    harmonics: tuple[float, ...]


#: Shape AND colour tell the kinds apart: shape alone did not survive a small encoder.
KINDS = (
    Kind("disc", (240, 84, 66), 220.0, (1.0, 0.354, 0.192, 0.125)),
    Kind("square", (84, 205, 96), 440.0, (1.0, 0.1, 0.4, 0.05)),
    Kind("diamond", (88, 140, 250), 880.0, (1.0, 0.6, 0.1, 0.05)),
    Kind("cross", (245, 214, 72), 1760.0, (1.0, 0.2, 0.1, 0.05)),
)


@dataclass(frozen=True)
class Turns:
    """Which object has its turn when.

    Attributes:
        starts: (S,) seconds, ascending, the first 0; a turn lasts until the next one starts.
        objects: (S,) index of the object, neighbours differ.
    """

    starts: NDArray[np.float64]
    objects: NDArray[np.int64]

    def at(self, seconds: NDArray[np.float64]) -> NDArray[np.int64]:
        """The object whose turn it is at each time; times before the video belong to the first turn."""
        turn = np.searchsorted(self.starts, seconds, side="right") - 1
        return self.objects[np.maximum(turn, 0)]

    @classmethod
    def draw(cls, rng: np.random.Generator, num_objects: int, seconds: float, every: float) -> Turns:
        """Turns of 0.75 to 1.25 times `every` seconds; each goes to any other object with equal chance."""
        starts, objects = [0.0], [int(rng.integers(num_objects))]
        while (start := starts[-1] + every * rng.uniform(0.75, 1.25)) < seconds:
            starts.append(start)
            objects.append((objects[-1] + int(rng.integers(1, num_objects))) % num_objects)
        return cls(np.array(starts), np.array(objects, dtype=np.int64))


@dataclass(frozen=True)
class Scene:
    """Everything that happens in one video.

    Attributes:
        size: (H, W) in pixels.
        times: (T,) seconds at which frames are shown.
        seconds: length of the video.
        tracks: (T, K, 2) object centres as (x, y) in pixels; a pixel's centre lies at its index + 0.5.
        camera: (T, 2) how far the camera has drifted, (x, y) in pixels.
        kinds: K looks: all different under `identity`, all the same otherwise.
        rates: (K,) pulses a second that are seen.
        phases: (K,) of those pulses at time 0, in cycles.
        sound_rates: (K,) pulses a second that are heard on the object's turn.
        sound_phases: (K,) of those pulses at time 0, in cycles.
        pitches: (K,) fundamentals in Hz.
        harmonics: K tuples of amplitudes, fundamental first.
        level: peak amplitude of the fundamentals.
        turns: who is heard when.
    """

    size: tuple[int, int]
    times: NDArray[np.float64]
    seconds: float
    tracks: NDArray[np.float64]
    camera: NDArray[np.float64]
    kinds: tuple[Kind, ...]
    rates: NDArray[np.float64]
    phases: NDArray[np.float64]
    sound_rates: NDArray[np.float64]
    sound_phases: NDArray[np.float64]
    pitches: NDArray[np.float64]
    harmonics: tuple[tuple[float, ...], ...]
    level: float
    turns: Turns

    @property
    def num_objects(self) -> int:
        """K."""
        return len(self.kinds)

    @property
    def pulses(self) -> NDArray[np.float64]:
        """(T, K) how far each object is opened in each frame, in [0, 1]."""
        return pulse(self.times[:, None] * self.rates + self.phases)

    @property
    def heard(self) -> NDArray[np.int64]:
        """(T,) index of the object heard while each frame is shown."""
        return self.turns.at(self.times)


def pulse(cycles: NDArray[Float]) -> NDArray[Float]:
    """The rhythm that is seen and heard: (0.5 - 0.5 cos)^1.5 of the phase in cycles, in [0, 1]."""
    # the same as |sin|^3 of half the angle, which has no power of a tiny negative number
    return np.abs(np.sin(cycles.dtype.type(np.pi) * cycles)) ** 3


def scale_of(size: tuple[int, int]) -> float:
    """How many pixels of a frame of (H, W) stand for one pixel at REFERENCE_SIZE."""
    return min(size[0] / REFERENCE_SIZE[0], size[1] / REFERENCE_SIZE[1])


def draw_scene(
    rng: np.random.Generator,
    cue: Cue,
    *,
    num_frames: int,
    size: tuple[int, int],
    frame_rate: float,
    switch_every: float,
) -> Scene:
    """Draw a scene; the heard objects are drawn independently of all that is seen.

    Args:
        rng: all randomness comes from here.
        cue: what ties the sound to its object. ``identity``: pitch and timbre belong to colour and shape, the
            sound keeps to no object's rhythm. ``rhythm``: alike objects pulse at different rates, the sound
            at the rate of one but at a phase of its own. ``synchrony``: alike objects pulse at one rate,
            1/K cycle apart, the sound together with one of them.
        num_frames: T.
        size: (H, W) in pixels.
        frame_rate: frame rate in frames a second.
        switch_every: mean length of a turn in seconds.
    """
    seconds = num_frames / frame_rate
    times = np.arange(num_frames) / frame_rate
    K = int(rng.integers(2, 5))
    order = rng.permutation(len(KINDS))
    own_rates = rng.permutation(RATES)[:K] * rng.uniform(1 - RATE_JITTER, 1 + RATE_JITTER, K)
    own_phases, other_phases = rng.random((2, K))
    if cue == "identity":
        kinds = tuple(KINDS[kind] for kind in order[:K])
        rates, phases = own_rates, own_phases
        sound_rates, sound_phases = np.full(K, rng.uniform(*UNRELATED_RATE)), np.full(K, other_phases[0])
        pitches = np.array([kind.pitch for kind in kinds]) * rng.uniform(
            1 - PITCH_JITTER, 1 + PITCH_JITTER, K
        )
        harmonics = tuple(kind.harmonics for kind in kinds)
    else:
        kinds = (KINDS[order[0]],) * K
        pitches = np.exp(rng.uniform(np.log(KINDS[0].pitch), np.log(KINDS[-1].pitch), K))
        harmonics = (PLAIN_HARMONICS,) * K
        if cue == "rhythm":
            rates, phases, sound_rates, sound_phases = own_rates, own_phases, own_rates, other_phases
        else:
            rates = sound_rates = np.full(K, rng.uniform(*COMMON_RATE))
            phases = sound_phases = (own_phases[0] + rng.permutation(K) / K) % 1.0
    level = float(np.exp(rng.uniform(*np.log(LEVEL))))
    camera = times[:, None] * rng.uniform(-CAMERA_SPEED, CAMERA_SPEED, 2) * scale_of(size)
    turns = Turns.draw(rng, K, seconds, switch_every)
    return Scene(
        size=size,
        times=times,
        seconds=seconds,
        tracks=_draw_tracks(rng, K, times, size),
        camera=camera,
        kinds=kinds,
        rates=rates,
        phases=phases,
        sound_rates=sound_rates,
        sound_phases=sound_phases,
        pitches=pitches,
        harmonics=harmonics,
        level=level,
        turns=turns,
    )


def _draw_tracks(
    rng: np.random.Generator, num_objects: int, times: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.float64]:
    """(T, K, 2) tracks that stay inside the frame and apart from each other all the time."""
    scale = scale_of(size)
    high = np.array([size[1], size[0]]) / scale - MARGIN
    # every 0.4 s is enough to judge by: nothing moves far in between
    sparse = np.append(np.arange(0.0, times[-1], 0.4), times[-1])
    first, second = np.triu_indices(num_objects, k=1)
    candidates = (64, num_objects, 2)
    for attempt in range(200):
        place = rng.uniform(MARGIN, high, candidates)
        rate = np.stack([rng.uniform(*SWAY_RATE, candidates), rng.uniform(*WOBBLE_RATE, candidates)])
        reach = rng.uniform(*SPEED, candidates) / (2 * np.pi * rate[0])
        # where many objects in a long video find no room, they sway less
        reach = np.stack([reach * 0.9**attempt, np.full(candidates, WOBBLE)])
        phase = rng.random((2, *candidates))
        tracks = _sway(place, reach, rate, phase, sparse)
        inside = ((tracks >= MARGIN) & (tracks <= high)).all(axis=(0, 2, 3))
        gaps = tracks[:, :, first] - tracks[:, :, second]
        apart = ((gaps**2).sum(-1) >= SEPARATION**2).all(axis=(0, 2))
        good = np.flatnonzero(inside & apart)
        if len(good):
            pick = good[0]
            return _sway(place[pick], reach[:, pick], rate[:, pick], phase[:, pick], times) * scale
    raise RuntimeError(f"found no room for {num_objects} objects in frames of {size} pixels")


def _sway(
    place: NDArray[np.float64],
    reach: NDArray[np.float64],
    rate: NDArray[np.float64],
    phase: NDArray[np.float64],
    times: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(T, ...) positions that oscillate about `place` (...) with waves of (2, ...) reach, rate and phase."""
    t = times.reshape(-1, 1, *([1] * place.ndim))
    return place + (reach * np.sin(2 * np.pi * (rate * t + phase))).sum(axis=1)
