"""A curve over time: how much, and where to, each sound moved the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from avsal.media import atomic_path

__all__ = ["Moves", "map_shift_plot"]

_COLOURS = ("#0b6bcb", "#c2631b", "#2b8a3e", "#9c36b5", "#c92a2a", "#0c8599", "#7a7a7a")


class Moves(Protocol):
    """What is drawn of a frame; see `avsal.ablation.map_shift.MapShift`."""

    @property
    def moved(self) -> float:
        """Share of the map's mass."""

    @property
    def right(self) -> float:
        """In widths."""

    @property
    def down(self) -> float:
        """In heights."""


def map_shift_plot(
    times: Sequence[float], moves: Mapping[str, Sequence[Moves]], path: str | Path, *, title: str
) -> None:
    """Draw as a PNG, PDF or SVG, as the suffix says.

    Args:
        times: seconds of the frames.
        moves: of each condition, one a frame.
        path: of the picture.
        title: above it.

    Raises:
        MediaError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.subplots(3, 1, sharex=True)
    labels = ("mass moved", "to the right\n(frame widths)", "downwards\n(frame heights)")
    for number, (name, found) in enumerate(moves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        curves = zip(*((move.moved, move.right, move.down) for move in found), strict=True)
        for axis, values in zip(axes, curves, strict=True):
            axis.plot(times, values, color=colour, lw=1.3, label=name)
    for axis, label in zip(axes, labels, strict=True):
        axis.set_ylabel(label, fontsize=8)
        axis.tick_params(labelsize=7, length=2)
        axis.grid(color="#e6e6e6", lw=0.6)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[0].set_ylim(0, None)
    figure.suptitle(title, fontsize=9)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), fontsize=7, frameon=False)
    axes[-1].set_xlabel("seconds", fontsize=8)
    path = Path(path)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.removeprefix("."))
