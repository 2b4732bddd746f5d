"""What ablations whose conditions are scored have in common: comparisons, a picture, a page, four files."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from avsal.ablation.verdicts import Comparison, ConditionScore
from avsal.media.atomic import write_text
from avsal.render.interval_plot import interval_figure
from avsal.render.style import Drawn
from avsal.report.ablation_words import leading
from avsal.report.page import write_page
from avsal.report.page_content import Page
from avsal.workflows.results import whole_result, write_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ComparedConditions"]


@dataclass(frozen=True)
class ComparedConditions(Drawn):
    """Scores of videos under conditions, and what the tests say of them.

    Attributes:
        comparisons: of the original audio with every condition, for each data set, subgroup and metric.
        scores: of videos, what the comparisons are computed from.
        facts: what was run, in words.
        files: names of scores, comparisons, report and summary, in the order in which they are written.
    """

    comparisons: Sequence[Comparison]
    scores: Sequence[ConditionScore]
    facts: Mapping[str, str]
    files: ClassVar[tuple[str, str, str, str]]

    @property
    @abstractmethod
    def page(self) -> Page:
        """The report."""

    @property
    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """What the JSON file holds."""

    @property
    def table(self) -> list[dict[str, float | int | str | None]]:
        """A row for each comparison, ready for a data frame."""
        return [one.row() for one in self.comparisons]

    def figure(self) -> Figure:
        """Intervals with the margin shaded and every video a dot, for `avsal.plot` and notebooks."""
        return interval_figure(leading(self.comparisons))

    def report(self, path: str | Path) -> Path:
        """Write the page: one HTML file that opens from disk and loads nothing."""
        write_page(path, self.page)
        return Path(path)

    @classmethod
    def paths(cls, folder: str | Path) -> dict[str, Path]:
        """What `save` writes, by name of the file."""
        return {name: Path(folder) / name for name in cls.files}

    def save(self, folder: str | Path, *, overwrite: bool = False) -> dict[str, Path]:
        """Write scores, comparisons, report and, last, the JSON summary.

        Returns:
            `paths`.

        Raises:
            ConfigError: one is there already, and `overwrite` is False.
        """
        paths = self.paths(folder)
        scores, comparisons, report, summary = paths.values()
        with whole_result(paths.values(), overwrite=overwrite):
            write_table(scores, [asdict(row) for row in self.scores])
            write_table(comparisons, self.table)
            self.report(report)
            write_text(summary, json.dumps(self.summary, indent=2, allow_nan=False) + "\n")
        return paths
