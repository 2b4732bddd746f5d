"""What an ablation of data sets found: verdicts, tables, a report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avsal.ablation.verdicts import Comparison, ConditionScore
from avsal.media import atomic_path
from avsal.render.interval_plot import interval_figure
from avsal.render.style import written
from avsal.report import ResultTable
from avsal.report.ablation_pages import data_page
from avsal.report.ablation_tables import comparison_lines, write_rows
from avsal.report.ablation_words import all_findings, answer, leading
from avsal.report.page import write_page
from avsal.report.page_content import Players
from avsal.workflows.results import whole_result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FILES", "DataAblation"]

FILES = ("conditions.csv", "comparisons.csv", "report.html", "ablation.json")


@dataclass(frozen=True)
class DataAblation:
    """What sound does to how well a model predicts gaze; prints as a table.

    Attributes:
        comparisons: of the original audio with every condition, for each data set, subgroup and metric.
        scores: of videos, what the comparisons are computed from.
        tables: means beside published numbers, one a run.
        moved: share of the map's mass that sound moves, by data set and video.
        players: of the videos that sound moves most.
        facts: what was run, in words.
        notes: what was lost or left out.
        complete: whether nothing was.
    """

    comparisons: Sequence[Comparison]
    scores: Sequence[ConditionScore]
    tables: Sequence[ResultTable]
    moved: Mapping[tuple[str, str], float]
    players: Sequence[Players]
    facts: Mapping[str, str]
    notes: Sequence[str]
    complete: bool
    _folders: Sequence[object] = ()  # of the players' videos, which go when the result does

    def __str__(self) -> str:
        return "\n".join([*self.answers, *comparison_lines(self.comparisons)])

    def __repr__(self) -> str:
        verdicts = ", ".join(f"{name}: {verdict}" for name, verdict in self.verdicts.items())
        return f"<DataAblation of {self.facts.get('data', 'recordings')}: {verdicts}>"

    @property
    def answers(self) -> list[str]:
        """Does sound matter? One sentence for each data set and subgroup."""
        return [answer(group) for group in leading(self.comparisons)]

    @property
    def findings(self) -> list[str]:
        """One sentence a finding, with margin and intervals."""
        return all_findings(self.comparisons)

    @property
    def verdicts(self) -> dict[str, str]:
        """Of NSS, or else the first metric: by condition; by ``data set: condition`` where there are "
        "several."""
        groups = leading(self.comparisons)
        return {
            one.condition
            if len(groups) == 1
            else f"{' '.join(filter(None, (one.dataset, one.subgroup)))}: {one.condition}": str(one.verdict)
            for group in groups
            for one in group
        }

    @property
    def table(self) -> list[dict[str, float | int | str | None]]:
        """A row for each comparison, ready for a data frame."""
        return [one.row() for one in self.comparisons]

    def figure(self) -> Figure:
        """Intervals with the margin shaded and every video a dot, for `avsal.plot` and notebooks."""
        return interval_figure(leading(self.comparisons))

    def plot(self, path: str | Path) -> Path:
        """Write `figure` as a .png, .pdf or .svg file."""
        written(self.figure(), path)
        return Path(path)

    def report(self, path: str | Path) -> Path:
        """Write the page: one HTML file that opens from disk and loads nothing."""
        page = data_page(
            self.scores, self.comparisons, self.tables, self.moved, self.players, self.facts, self.notes
        )
        write_page(path, page)
        return Path(path)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> dict[str, Path]:
        """Write scores, comparisons, report and, last, ``ablation.json``.

        Returns:
            the paths, by name of the file.

        Raises:
            ConfigError: one is there already, and `overwrite` is False.
        """
        folder = Path(folder)
        paths = {name: folder / name for name in FILES}
        with whole_result(paths.values(), overwrite=overwrite):
            write_rows(paths["conditions.csv"], [asdict(row) for row in self.scores])
            write_rows(paths["comparisons.csv"], self.table)
            self.report(paths["report.html"])
            summary = {
                **self.facts,
                "answers": self.answers,
                "margins": {one.metric: one.margin for one in self.comparisons},
                "verdicts": self.verdicts,
                "moved": {" ".join(key): share for key, share in self.moved.items()},
                "notes": list(self.notes),
            }
            with atomic_path(paths["ablation.json"]) as temporary:
                temporary.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        return paths
