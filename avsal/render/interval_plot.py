"""Differences between conditions as a picture: intervals, the margin shaded, every video a dot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from avsal.render.palette import condition_tones
from avsal.render.style import LABEL, new_figure, tidy, written

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["interval_figure"]


class Compared(Protocol):
    """What is drawn of a comparison; see `avsal.ablation.verdicts.Comparison`."""

    @property
    def dataset(self) -> str:
        """And."""

    @property
    def subgroup(self) -> str:
        """What the videos belong to."""

    @property
    def metric(self) -> str:
        """Which."""

    @property
    def condition(self) -> str:
        """Compared with the original."""

    @property
    def difference(self) -> float:
        """Mean over videos."""

    @property
    def low(self) -> float:
        """Of the interval."""

    @property
    def high(self) -> float:
        """Of the interval."""

    @property
    def margin(self) -> float:
        """The smallest difference that matters."""

    @property
    def differences(self) -> Mapping[str, float]:
        """By video."""


def interval_figure(groups: Sequence[Sequence[Compared]], path: str | Path | None = None) -> Figure:
    """Draw one panel for each group; a PNG, PDF or SVG is written where a path is given.

    Args:
        groups: comparisons of one data set, subgroup and metric each.
        path: of the picture; None: only the figure is made.

    Raises:
        MediaError: the file cannot be written.
    """
    rows = sum(len(group) for group in groups)
    figure = new_figure(7.5, 0.42 * rows + 0.9 * len(groups))
    heights = [len(group) + 0.8 for group in groups]
    axes = figure.subplots(len(groups), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for axis, group in zip(axes[:, 0], groups, strict=True):
        first = group[0]
        tones = condition_tones(["original", *(one.condition for one in group)])
        axis.axvspan(-first.margin, first.margin, color="#00000014", lw=0)
        axis.axvline(0, color="#777777", lw=0.8, ls="--")
        for place, one in enumerate(group):
            colour = tones[one.condition][0]
            values = sorted(one.differences.values())
            lanes = [place + 0.14 + 0.06 * (number * 2 % 5) for number in range(len(values))]
            axis.plot(values, lanes, "o", color=colour, ms=2.2, alpha=0.6, mew=0)
            if isfinite(one.low) and isfinite(one.high):
                axis.plot([one.low, one.high], [place, place], color=colour, lw=2)
            axis.plot([one.difference], [place], "|", color=colour, ms=10, mew=2)
        tidy(axis, grid="x", left=False)
        axis.set_yticks(range(len(group)), [one.condition for one in group], fontsize=LABEL)
        axis.set_ylim(len(group) - 0.4, -0.5)
        place_words = ", ".join(text for text in (first.dataset, first.subgroup) if text)
        axis.set_title(
            f"{place_words}: {first.metric}, original minus another; shaded: within the margin, "
            f"{first.margin:.2g}".lstrip(": "),
            fontsize=LABEL,
            loc="left",
        )
    return written(figure, path)
