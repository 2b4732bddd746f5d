"""What is heard: named, seeded transformations of a waveform alone."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError

__all__ = ["KINDS", "Condition", "derangement", "parse_condition", "parse_conditions", "seed_for"]

Waveform = NDArray[np.float32]

#: kinds with what their value is, None for those without
KINDS: dict[str, str | None] = {
    "true": None,
    "zero": None,
    "noise": None,
    "other": None,
    "shifted": "SECONDS",
    "reversed": None,
    "absent": None,
    "gain": "DECIBEL",
}


@dataclass(frozen=True)
class Condition:
    """One way of hearing a film.

    Attributes:
        name: as it was typed, such as ``shifted:0.2``.
        kind: of `KINDS`.
        value: seconds or decibels, None for the other kinds.
    """

    name: str
    kind: str
    value: float | None = None

    def apply(
        self, sound: Waveform, sample_rate: int, *, rng: np.random.Generator, other: Waveform | None = None
    ) -> Waveform | None:
        """Transform a whole film's sound; its length is kept.

        - ``true``: as it is.
        - ``zero``: silence, which a model hears.
        - ``noise``: white Gaussian noise of the same root mean square over the whole film.
        - ``other``: another film's sound at its own level, repeated or cut to this one's length.
        - ``shifted``: later by `value` seconds, earlier where it is negative; silence moves in.
        - ``reversed``: from its end to its start.
        - ``absent``: None, no sound at all: the visual network alone.
        - ``gain``: louder by `value` decibels; not clipped.

        Args:
            sound: (A,) in [-1, 1].
            sample_rate: in Hz.
            rng: of the noise.
            other: (any,) at the same rate; needed by ``other``.

        Returns:
            (A,), or None.

        Raises:
            ConfigError: ``other`` without another sound, or an empty one.
        """
        match self.kind:
            case "true":
                return sound
            case "zero":
                return np.zeros_like(sound)
            case "noise":
                level = np.sqrt(np.mean(np.square(sound, dtype=np.float64))) if len(sound) else 0.0
                return (rng.standard_normal(len(sound)) * level).astype(np.float32)
            case "other":
                if other is None or not len(other):
                    raise ConfigError("the condition 'other' needs another film's sound, and there is none")
                return np.resize(other, len(sound)).astype(np.float32)
            case "shifted":
                return _shifted(sound, round((self.value or 0.0) * sample_rate))
            case "reversed":
                return np.ascontiguousarray(sound[::-1])
            case "gain":
                return (sound * 10 ** ((self.value or 0.0) / 20)).astype(np.float32)
            case _:
                return None


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
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"unknown condition {kind!r}: expected some of {', '.join(_usages())}{hint}")
    unit = KINDS[kind]
    if unit is None:
        if colon:
            raise ConfigError(f"the condition {kind!r} takes no value but was given {value!r}")
        return Condition(kind, kind)
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise ConfigError(f"expected a number as in {kind}:{unit} but found {text!r}")
    return Condition(f"{kind}:{number:g}", kind, number)


def parse_conditions(text: str) -> tuple[Condition, ...]:
    """Conditions with commas between; ``true`` comes first and is always among them.

    Raises:
        ConfigError: as `parse_condition`, or nothing that ``true`` could be compared with.
    """
    found = {"true": Condition("true", "true")}
    for part in text.split(","):
        if part.strip():
            condition = parse_condition(part)
            found[condition.name] = condition
    if len(found) < 2:
        raise ConfigError(f"expected a condition beside 'true': some of {', '.join(_usages()[1:])}")
    return tuple(found.values())


def _usages() -> list[str]:
    return [kind if unit is None else f"{kind}:{unit}" for kind, unit in KINDS.items()]


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
        raise ConfigError(f"'other' needs at least two videos of different names but found {len(ordered)}")
    rng = seed_for(seed, "derangement", *ordered)
    places = np.arange(len(ordered))
    while True:
        drawn = rng.permutation(len(ordered))
        if not (drawn == places).any():
            return {name: ordered[i] for name, i in zip(ordered, drawn, strict=True)}
