"""A curve over time: how much, and where to, each sound moved the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from avsal.render.style import COLOURS, LABEL, TICK, TITLE, new_figure, tidy, written

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Moves", "map_shift_plot"]


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
    times: Sequence[float],
    moves: Mapping[str, Sequence[Moves]],
    path: str | Path | None = None,
    *,
    title: str,
) -> Figure:
    """Draw, and write as a PNG, PDF or SVG where a path is given.

    Args:
        times: seconds of the frames.
        moves: of each condition, one a frame.
        path: of the picture; None: only the figure is made.
        title: above it.

    Raises:
        MediaError: the file cannot be written.
    """
    figure = new_figure(8, 5)
    axes = figure.subplots(3, 1, sharex=True)
    labels = ("mass moved", "to the right\n(frame widths)", "downwards\n(frame heights)")
    for number, (name, found) in enumerate(moves.items()):
        colour = COLOURS[number % len(COLOURS)]
        curves = zip(*((move.moved, move.right, move.down) for move in found), strict=True)
        for axis, values in zip(axes, curves, strict=True):
            axis.plot(times, values, color=colour, lw=1.3, label=name)
    for axis, label in zip(axes, labels, strict=True):
        axis.set_ylabel(label)
        tidy(axis)
    axes[0].set_ylim(0, None)
    figure.suptitle(title, fontsize=TITLE)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), fontsize=TICK, frameon=False)
    axes[-1].set_xlabel("seconds", fontsize=LABEL)
    return written(figure, path)
