"""The audio conditions of an ablation: named, seeded transformations of a waveform alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import inf

import numpy as np
from numpy.typing import NDArray

from avsal.ablation.audio_changes import (
    band,
    harmonic_part,
    noise_with_envelope,
    percussive_part,
    pitch_shifted,
    scrambled,
)
from avsal.errors import ConfigError, did_you_mean

__all__ = [
    "CONDITIONS",
    "REFERENCE",
    "Condition",
    "ConditionKind",
    "conditions_help",
    "derangement",
    "parse_condition",
    "parse_conditions",
    "seed_for",
]

Waveform = NDArray[np.float32]

#: what every other condition is compared with
REFERENCE = "original"

#: names of before the vocabulary was settled; they are understood, with a note, for one release
FORMER_NAMES = {"true": "original", "other": "swapped", "absent": "video_only"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """What a condition may use.

    Attributes:
        audio: (A,) of the video, in [-1, 1].
        sample_rate: in Hz.
        value: seconds, decibels or whatever the condition's unit is; 0 where it has none.
        rng: for conditions that draw.
        other: (any,) another video's audio at the same rate, never empty; None where there is none.
        alike: that of another video of the same category.
    """

    audio: Waveform
    sample_rate: int
    value: float
    rng: np.random.Generator
    other: Waveform | None
    alike: Waveform | None = None


@dataclass(frozen=True)
class ConditionKind:
    """One entry of the table of conditions.

    Attributes:
        transform: gives the audio under the condition, as long as the original; None for no audio at all.
        summary: in words, for help and reports.
        unit: of the value after the colon, such as ``SECONDS``; None where there is no value.
        needs_other: whether it needs another video's audio.
        needs_alike: whether it needs the audio of another video of the same category.
        limits: the smallest and the largest value, which are stated in errors.
    """

    transform: Callable[[Source], Waveform | None]
    summary: str
    unit: str | None = None
    needs_other: bool = False
    needs_alike: bool = False
    limits: tuple[float, float] = (-inf, inf)


def _noise(source: Source) -> Waveform:
    audio = source.audio
    level = np.sqrt(np.mean(np.square(audio, dtype=np.float64))) if len(audio) else 0.0
    return (source.rng.standard_normal(len(audio)) * level).astype(np.float32)


def _swapped(source: Source) -> Waveform:
    assert source.other is not None, "checked by `Condition.apply`"
    return np.resize(source.other, len(source.audio)).astype(np.float32)


def _swapped_category(source: Source) -> Waveform:
    assert source.alike is not None, "checked by `Condition.apply`"
    return np.resize(source.alike, len(source.audio)).astype(np.float32)


def _gain(source: Source) -> Waveform:
    return (source.audio * 10 ** (source.value / 20)).astype(np.float32)


def _shift(source: Source) -> Waveform:
    return _shifted(source.audio, round(source.value * source.sample_rate))


#: of filters, in Hz; half the sample rate is a bound besides
FREQUENCIES = (1, 1e6)

#: every condition that `Condition.apply` knows; the one place where a condition is added
CONDITIONS: dict[str, ConditionKind] = {
    REFERENCE: ConditionKind(lambda source: source.audio, "the video's own audio, as it is"),
    "zero": ConditionKind(lambda source: np.zeros_like(source.audio), "silence, which a model is given"),
    "noise": ConditionKind(_noise, "white Gaussian noise of the same root mean square over the whole video"),
    "swapped": ConditionKind(
        _swapped,
        "another video's audio at its own level, repeated or cut to this one's length",
        needs_other=True,
    ),
    "shifted": ConditionKind(
        _shift,
        "later by so many seconds, earlier where negative; silence moves in",
        unit="SECONDS",
        limits=(-86400, 86400),
    ),
    "reversed": ConditionKind(
        lambda source: np.ascontiguousarray(source.audio[::-1]), "from its end to its start"
    ),
    "video_only": ConditionKind(lambda source: None, "no audio at all: the visual network alone"),
    "gain": ConditionKind(
        _gain, "louder by so many decibels; not clipped", unit="DECIBEL", limits=(-200, 200)
    ),
    "swapped_category": ConditionKind(
        _swapped_category,
        "as swapped, with a video of the same category; one that is alone in its category is left out",
        needs_alike=True,
    ),
    "harmonic": ConditionKind(lambda source: harmonic_part(source.audio), "steady pitches only"),
    "percussive": ConditionKind(lambda source: percussive_part(source.audio), "onsets and clatter only"),
    "lowpass": ConditionKind(
        lambda source: band(source.audio, source.sample_rate, source.value, "lowpass"),
        "what lies below a frequency",
        unit="HERTZ",
        limits=FREQUENCIES,
    ),
    "highpass": ConditionKind(
        lambda source: band(source.audio, source.sample_rate, source.value, "highpass"),
        "what lies above a frequency",
        unit="HERTZ",
        limits=FREQUENCIES,
    ),
    "envelope": ConditionKind(
        lambda source: noise_with_envelope(source.audio, source.sample_rate, source.rng),
        "noise that is as loud as the audio at every moment",
    ),
    "pitch": ConditionKind(
        lambda source: pitch_shifted(source.audio, source.sample_rate, source.value),
        "higher by so many semitones at the same pace",
        unit="SEMITONES",
        limits=(-24, 24),
    ),
    "scrambled": ConditionKind(
        lambda source: scrambled(source.audio, source.rng),
        "the same spectrum over the whole video with random phases: no event in time is left",
    ),
}


@dataclass(frozen=True)
class Condition:
    """One condition, as it was asked for.

    Attributes:
        name: as it was typed, such as ``shifted:0.2``.
        kind: of `CONDITIONS`.
        value: seconds or decibels, None for the other kinds.
    """

    name: str
    kind: str
    value: float | None = None

    @property
    def needs_other(self) -> bool:
        """Whether another video's audio is needed."""
        return CONDITIONS[self.kind].needs_other

    @property
    def needs_alike(self) -> bool:
        """Whether the audio of another video of the same category is needed."""
        return CONDITIONS[self.kind].needs_alike

    def apply(
        self,
        audio: Waveform,
        sample_rate: int,
        *,
        rng: np.random.Generator,
        other: Waveform | None = None,
        alike: Waveform | None = None,
    ) -> Waveform | None:
        """Transform a whole video's audio as `CONDITIONS` says; its length is kept.

        Args:
            audio: (A,) in [-1, 1].
            sample_rate: in Hz.
            rng: of the noise.
            other: (any,) at the same rate; needed by ``swapped``.
            alike: (any,) of a video of the same category; needed by ``swapped_category``.

        Returns:
            (A,), or None for no audio at all.

        Raises:
            ConfigError: a condition that needs another video's audio without one, or with an empty one; a
                frequency that is not below half the sample rate.
        """
        if self.needs_other and (other is None or not len(other)):
            raise ConfigError(f"the condition {self.kind!r} needs another video's audio, and there is none")
        if self.needs_alike and (alike is None or not len(alike)):
            raise ConfigError(
                f"the condition {self.kind!r} needs another video of the same category, and there is none"
            )
        transform = CONDITIONS[self.kind].transform
        return transform(Source(audio, sample_rate, self.value or 0.0, rng, other, alike))


def _shifted(sound: Waveform, samples: int) -> Waveform:
    """Later by some samples, earlier where negative, zeros moving in."""
    moved = np.zeros_like(sound)
    if abs(samples) < len(sound):
        source = sound[: len(sound) - samples] if samples >= 0 else sound[-samples:]
        begin = max(samples, 0)
        moved[begin : begin + len(source)] = source
    return moved


def parse_condition(text: str) -> Condition:
    """A condition by name, with a value where its kind has one: ``zero``, ``shifted:0.2``, ``gain:-20``.

    Raises:
        ConfigError: no such condition, or a value that is missing, superfluous or no number.
    """
    kind, colon, value = text.strip().partition(":")
    if kind in FORMER_NAMES:
        _log.warning("the condition %r is now called %r", kind, FORMER_NAMES[kind])
        kind = FORMER_NAMES[kind]
    if kind not in CONDITIONS:
        hint = did_you_mean(kind, CONDITIONS)
        raise ConfigError(f"unknown condition {kind!r}: expected some of {', '.join(_usages())}{hint}")
    unit = CONDITIONS[kind].unit
    if unit is None:
        if colon:
            raise ConfigError(f"the condition {kind!r} takes no value but was given {value!r}")
        return Condition(kind, kind)
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    low, high = CONDITIONS[kind].limits
    if not np.isfinite(number) or not low <= number <= high:
        bounds = f" from {low:g} to {high:g}" if np.isfinite(high) else ""
        raise ConfigError(f"expected a number{bounds} as in {kind}:{unit} but found {text!r}")
    return Condition(f"{kind}:{number:g}", kind, number)


def parse_conditions(text: str) -> tuple[Condition, ...]:
    """Conditions with commas between; ``original`` comes first and is always among them.

    Raises:
        ConfigError: as `parse_condition`, or nothing that ``original`` could be compared with.
    """
    found = {REFERENCE: Condition(REFERENCE, REFERENCE)}
    for part in text.split(","):
        if part.strip():
            condition = parse_condition(part)
            found[condition.name] = condition
    if len(found) < 2:
        raise ConfigError(f"expected a condition beside 'original': some of {', '.join(_usages()[1:])}")
    return tuple(found.values())


def conditions_help() -> str:
    """All conditions with what they are, for help."""
    told = (f"{usage} ({entry.summary})" for usage, entry in zip(_usages(), CONDITIONS.values(), strict=True))
    return "; ".join(told)


def _usages() -> list[str]:
    return [kind if entry.unit is None else f"{kind}:{entry.unit}" for kind, entry in CONDITIONS.items()]


def seed_for(seed: int, *names: str) -> np.random.Generator:
    """Chance that depends on a seed and on names, such as video and condition, and not on any order."""
    digest = sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], np.uint32).tolist()])


def derangement(names: Sequence[str], seed: int) -> dict[str, str]:
    """For each video another one whose sound it is given; every sound is given once.

    Drawn uniformly among all permutations that leave none in its place, by drawing anew until one does; about
    e draws are needed.

    Raises:
        ConfigError: fewer than two names, or two alike.
    """
    ordered = sorted(names)
    if len(ordered) < 2 or len(set(ordered)) < len(ordered):
        raise ConfigError(f"'swapped' needs at least two videos of different names but found {len(ordered)}")
    rng = seed_for(seed, "derangement", *ordered)
    places = np.arange(len(ordered))
    while True:
        drawn = rng.permutation(len(ordered))
        if not (drawn == places).any():
            return {name: ordered[i] for name, i in zip(ordered, drawn, strict=True)}
