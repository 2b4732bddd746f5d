"""One colour for one condition, in HTML and in pictures, on light paper and on dark."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["INK", "Tone", "condition_tones"]

#: colour on light paper, colour on dark paper; each stands out from its paper by 3 to 1 at least
Tone = tuple[str, str]

INK: Tone = ("#1d1f21", "#e8e8e6")

_OF_KIND: dict[str, Tone] = {
    "original": INK,
    "zero": ("#0b6bcb", "#6cb2ff"),
    "noise": ("#b8560f", "#f0a35e"),
    "swapped": ("#2b7d3a", "#6fce85"),
    "shifted": ("#9c36b5", "#d88ef0"),
    "reversed": ("#c92a2a", "#ff8f8f"),
    "video_only": ("#6b7075", "#a9afb5"),
    "gain": ("#0c7d90", "#5fd0e3"),
    "swapped_category": ("#4d7c0f", "#a8d95a"),
    "harmonic": ("#5c4fd6", "#a79dff"),
    "percussive": ("#a61e5b", "#ff8fbf"),
    "lowpass": ("#1f5f6b", "#8cc0cc"),
    "highpass": ("#8a6d00", "#e0c14a"),
    "envelope": ("#7b4a2b", "#d0a07c"),
    "pitch": ("#8b3fd1", "#c9a0ff"),
    "scrambled": ("#4a5568", "#b3bfd1"),
}
_FURTHER: tuple[Tone, ...] = (
    ("#96700a", "#dcb85c"),
    ("#3d63c9", "#93b4ff"),
    ("#b0306a", "#ff9cc8"),
    ("#59770a", "#b9d170"),
    ("#6e5238", "#c7ab90"),
    ("#2a6a55", "#86cbb4"),
    ("#555c70", "#bcc2d4"),
)


def condition_tones(names: Iterable[str]) -> dict[str, Tone]:
    """A colour for each condition by name: its kind's own, or the next that is free.

    Args:
        names: such as ``zero`` or ``shifted:0.2``, `original` always in the same colour.
    """
    found: dict[str, Tone] = {}
    free = [*_FURTHER]
    for name in dict.fromkeys(names):
        own = _OF_KIND.get(name.partition(":")[0])
        if own is None or own in found.values():
            own = free.pop(0) if free else _FURTHER[len(found) % len(_FURTHER)]
        found[name] = own
    return found
