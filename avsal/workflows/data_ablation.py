"""What an ablation of data sets found: verdicts, tables, a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from avsal.report import ResultTable
from avsal.report.ablation_pages import data_page
from avsal.report.ablation_tables import comparison_lines
from avsal.report.ablation_words import all_findings, answer, leading
from avsal.report.page_content import Page, Players
from avsal.workflows.compared import ComparedConditions

__all__ = ["DataAblation"]


@dataclass(frozen=True)
class DataAblation(ComparedConditions):
    """What sound does to how well a model predicts gaze; prints as a table.

    Attributes:
        tables: means beside published numbers, one a run.
        moved: share of the map's mass that sound moves, by data set and video.
        players: of the videos that sound moves most.
        notes: what was lost or left out.
        complete: whether nothing was.
    """

    tables: Sequence[ResultTable]
    moved: Mapping[tuple[str, str], float]
    players: Sequence[Players]
    notes: Sequence[str]
    complete: bool
    _folders: Sequence[object] = ()  # of the players' videos, which go when the result does

    files: ClassVar = ("conditions.csv", "comparisons.csv", "report.html", "ablation.json")

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
    def page(self) -> Page:
        """The report, with players."""
        return data_page(
            self.scores, self.comparisons, self.tables, self.moved, self.players, self.facts, self.notes
        )

    @property
    def summary(self) -> dict[str, Any]:
        """What ``ablation.json`` holds."""
        return {
            **self.facts,
            "answers": self.answers,
            "margins": {one.metric: one.margin for one in self.comparisons},
            "verdicts": self.verdicts,
            "moved": {" ".join(key): share for key, share in self.moved.items()},
            "notes": list(self.notes),
        }
