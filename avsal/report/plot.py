"""A dot plot of results: one panel a metric, one line a row, intervals over videos."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from avsal.render.style import BLUE, GREY, LABEL, ORANGE, TITLE, new_figure, tidy, written
from avsal.report.labels import COSTS, PERCENT, metric_label
from avsal.report.table import Kind, ResultTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["dot_plot"]

_COLOURS: dict[Kind, str] = {"baseline": GREY, "measured": BLUE, "cited": ORANGE}
_MOST_PANELS = 4  # in one line
_LINE = 0.24  # inches


def dot_plot(table: ResultTable, path: str | Path | None = None) -> Figure:
    """Draw a table; a PNG, PDF or SVG is written where a path is given.

    Filled dots are measured here, hollow ones cited.

    Raises:
        MediaError: the file cannot be written.
        ValueError: the table has no numbers.
    """
    from matplotlib.lines import Line2D

    metrics = [metric for metric in table.metrics if metric not in PERCENT and metric not in COSTS]
    rows = [row for row in table.rows if any(metric in row.cells for metric in metrics)]
    if not metrics or not rows:
        raise ValueError("the table has no numbers to draw")
    num_columns = min(_MOST_PANELS, len(metrics))
    num_lines = -(-len(metrics) // num_columns)
    height = num_lines * (_LINE * len(rows) + 0.62) + 0.55
    figure = new_figure(2.3 + 1.75 * num_columns, height)
    axes = figure.subplots(num_lines, num_columns, sharey=True, squeeze=False)
    places = range(len(rows) - 1, -1, -1)
    for axis, metric in zip(axes.flat, metrics, strict=False):
        for place, row in zip(places, rows, strict=True):
            cell = row.cells.get(metric)
            if cell is None or not isfinite(cell.value):
                continue
            colour = _COLOURS[row.kind]
            if cell.low is not None and cell.high is not None:
                axis.plot([cell.low, cell.high], [place, place], color=colour, lw=1.4, alpha=0.55, zorder=2)
            fill = "white" if row.kind == "cited" else colour
            axis.plot([cell.value], [place], "o", color=colour, mfc=fill, ms=4.5, mew=1.2, zorder=3)
        axis.set_title(metric_label(metric), fontsize=TITLE, pad=4)
        tidy(axis, left=False)
        axis.set_yticks(list(places), [row.name for row in rows], fontsize=LABEL, color="black")
        axis.set_ylim(-0.6, len(rows) - 0.4)
        axis.tick_params(axis="y", length=0)
    for axis in list(axes.flat)[len(metrics) :]:
        axis.set_visible(False)
    kinds = dict.fromkeys(row.kind for row in rows)
    words: dict[Kind, str] = {
        "baseline": "baseline, measured here",
        "measured": "measured here",
        "cited": "cited",
    }
    marks = [
        Line2D([], [], ls="", marker="o", ms=4.5, color=_COLOURS[kind], label=words[kind])
        if kind != "cited"
        else Line2D([], [], ls="", marker="o", ms=4.5, color=_COLOURS[kind], mfc="white", label=words[kind])
        for kind in kinds
    ]
    figure.suptitle(table.title, fontsize=10, x=0.01, ha="left")
    figure.legend(handles=marks, loc="outside lower left", ncols=len(marks), fontsize=7.5, frameon=False)
    return written(figure, path)
