"""A table of results: measured rows, baseline rows and cited rows, kept apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from avsal.media.cells import cell as safe_cell
from avsal.report.labels import COSTS, NUM_DECIMALS, PERCENT, metric_label

__all__ = ["Cell", "Kind", "ResultTable", "TableRow"]

Kind = Literal["baseline", "measured", "cited"]


@dataclass(frozen=True)
class Cell:
    """One number.

    Attributes:
        value: of the metric.
        low: end of its interval over videos, None where there is none.
        high: the other end.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class TableRow:
    """One model.

    Attributes:
        name: as printed.
        kind: a model or folder of maps ``measured`` here, a ``baseline`` row measured here, or
            ``cited`` from a paper.
        cells: by metric.
        source: of a cited row: paper and table, and whether it was read there.
        num_videos: behind a measured row.
        num_frames: behind a measured row.
        doubt: why a measured row is not what it seems, in a few words.
    """

    name: str
    kind: Kind
    cells: Mapping[str, Cell]
    source: str = ""
    num_videos: int | None = None
    num_frames: int | None = None
    doubt: str = ""


@dataclass(frozen=True)
class ResultTable:
    """One data set's results.

    Attributes:
        title: what was scored.
        metrics: columns in order.
        rows: in order.
        notes: how it was scored, what was left out, and what is missing why.
    """

    title: str
    metrics: Sequence[str]
    rows: Sequence[TableRow]
    notes: Sequence[str] = field(default_factory=tuple)

    def to_markdown(self) -> str:
        """A Markdown table with intervals and notes."""
        head = ["row", *(metric_label(metric) for metric in self.metrics), "videos", "frames", "origin"]
        lines = [f"## {self.title}", "", _markdown_line(head)]
        lines.append("|---|" + "--:|" * (len(head) - 2) + "---|")
        for row in self.rows:
            cells = [_text(row.cells.get(metric), metric) for metric in self.metrics]
            name = f"**{row.name}**" if row.kind == "measured" else row.name
            name += f" ({row.doubt})" if row.doubt else ""
            lines.append(_markdown_line([name, *cells, *_sizes(row), _origin(row)]))
        lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines).rstrip() + "\n"

    def to_latex(self) -> str:
        """A LaTeX `tabular` in the style of `booktabs`, notes as comments."""
        columns = "l" + "r" * len(self.metrics) + "l"
        heads = " & ".join(_latex(metric_label(metric)) for metric in self.metrics)
        lines = [
            f"% {self.title}",
            *(f"% {note}" for note in self.notes),
            f"\\begin{{tabular}}{{{columns}}}",
            "\\toprule",
            f" & {heads} & origin \\\\",
        ]
        before: Kind | None = None
        for row in self.rows:
            if row.kind != before:
                lines.append("\\midrule")
                before = row.kind
            cells = " & ".join(_latex(_text(row.cells.get(metric), metric, False)) for metric in self.metrics)
            name = f"{row.name} ({row.doubt})" if row.doubt else row.name
            lines.append(f"{_latex(name)} & {cells} & {_latex(_origin(row))} \\\\")
        return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"

    def to_csv(self) -> str:
        """One line for each row and metric, for programs."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        header = ("row", "kind", "metric", "value", "low", "high", "videos", "frames", "source")
        writer.writerow(header)
        for row in self.rows:
            for metric in self.metrics:
                if (cell := row.cells.get(metric)) is not None:
                    numbers = [_number(value) for value in (cell.value, cell.low, cell.high)]
                    sizes = [row.num_videos or "", row.num_frames or ""]
                    writer.writerow(
                        [safe_cell(row.name), row.kind, metric, *numbers, *sizes, safe_cell(row.source)]
                    )
        return stream.getvalue()


def _text(cell: Cell | None, metric: str, interval: bool = True) -> str:
    if cell is None or cell.value != cell.value:
        return "\u2013"
    if metric in PERCENT:
        return f"{100 * cell.value:.1f} %"
    decimals = COSTS.get(metric, NUM_DECIMALS)
    text = f"{round(cell.value, decimals) + 0.0:.{decimals}f}"  # the sum turns -0 into 0
    if interval and cell.low is not None and cell.high is not None and cell.low < cell.high:
        text += f" [{cell.low:.2f}, {cell.high:.2f}]"
    return text


def _sizes(row: TableRow) -> list[str]:
    return ["" if number is None else str(number) for number in (row.num_videos, row.num_frames)]


def _origin(row: TableRow) -> str:
    return f"cited: {row.source}" if row.kind == "cited" else "measured here"


def _number(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.6g}"


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _latex(text: str) -> str:
    for plain, escaped in (
        ("\\", "\\textbackslash{}"),
        ("&", "\\&"),
        ("%", "\\%"),
        ("_", "\\_"),
        ("#", "\\#"),
        ("$", "\\$"),
        ("↑", "$\\uparrow$"),
        ("↓", "$\\downarrow$"),
        ("\u2013", "--"),
    ):
        text = text.replace(plain, escaped)
    return text
