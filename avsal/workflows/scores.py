"""What an evaluation returns: scores that can be asked for tables, plots and files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.evaluation import (
    AveragingProtocol,
    FixationRows,
    Problems,
    RowWriter,
    VideoScores,
    aggregate,
    by_area,
    write_fixations,
)
from avsal.media.atomic import write_text
from avsal.render.style import Drawn
from avsal.report import ResultTable, dot_plot
from avsal.workflows.results import whole_result, write_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Scores", "VideoMean"]


@dataclass(frozen=True)
class VideoMean:
    """One metric's mean over the frames of one video.

    Attributes:
        row: what was scored.
        video: the recording's id.
        metric: its name.
        mean: over the frames where it is defined.
        frames: how many those are.
        family: of definitions.
        sampler: of negatives, empty where the metric has none.
    """

    row: str
    video: str
    metric: str
    mean: float
    frames: int
    family: str
    sampler: str


@dataclass(frozen=True)
class Scores(Drawn):
    """What an evaluation found.

    Attributes:
        table: averages over videos, beside published numbers; it prints as Markdown.
        frames: the scores of each frame, by row, one entry a video.
        problems: what was not as it should be, told and counted.
        facts: data, settings, protocol, model, notes: what `save` writes to evaluation.json.
        averaging: the protocol.
        common: the scores that the averages are of: those on frames that all rows share.
        fixations: how salient each fixation was to each row, where ``fixations`` or ``areas`` was asked for.
    """

    table: ResultTable
    frames: Mapping[str, list[VideoScores]]
    problems: Problems
    facts: Mapping[str, Any]
    averaging: AveragingProtocol
    common: Mapping[str, Sequence[VideoScores]]
    fixations: Sequence[FixationRows] = ()

    def __repr__(self) -> str:
        return f"<Scores of {', '.join(self.frames)} on {self.table.title}>"

    def __str__(self) -> str:
        text = self.table.to_markdown()
        if self.areas:
            text += "\n| row | area | fixations | share | NSS there | rank |\n|---|---|--:|--:|--:|--:|\n"
            text += "".join(
                f"| {one['row']} | {one['area']} | {one['fixations']:.0f} | {one['share']:.1%} "
                f"| {one['saliency']:.3f} | {one['rank']:.3f} |\n"
                for one in self.areas
            )
        return text

    @property
    def complete(self) -> bool:
        """Whether no map and no recording had to be left out."""
        return not self.problems.excluding

    @property
    def videos(self) -> list[VideoMean]:
        """The mean of each row, video and metric."""
        return [
            VideoMean(row, video, metric, mean, count, result.family, result.sampler or "")
            for row, entries in self.common.items()
            for metric, result in aggregate(entries, self.averaging).items()
            for video, mean, count in zip(
                result.videos, result.means.tolist(), result.counts.tolist(), strict=True
            )
        ]

    @property
    def areas(self) -> list[dict[str, str | float]]:
        """Gaze by area of interest, ready for a data frame: a row for each row of the table and area.

        Of each the number of fixations, their share of all, and the means of saliency (their NSS) and rank.
        Area ``elsewhere`` is what no area holds.
        """
        if self.facts["choices"]["areas"] is None:
            return []
        return [
            {"dataset": dataset, "row": row, "area": area or "elsewhere", **found}
            for (dataset, row, area), found in sorted(by_area(self.fixations).items())
        ]

    def figure(self) -> Figure:
        """The table drawn: a panel a metric, a dot a row, intervals over videos."""
        return dot_plot(self.table)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write all of it: ``frames/ROW.csv``, ``videos.csv``, ``table.md|tex|csv``, ``plot.png``.

        ``fixations.csv`` and ``areas.csv`` too where they were asked for.

        ``evaluation.json`` comes last: where it stands, the evaluation is whole.

        Raises:
            ConfigError: an evaluation is there already, and `overwrite` is False.
            MediaError: a file cannot be written.
        """
        folder = Path(folder)
        summary = folder / "evaluation.json"
        with whole_result([summary], overwrite=overwrite):
            for left in [*folder.glob(".*.part*"), *(folder / "frames").glob(".*.part*")]:
                left.unlink(missing_ok=True)  # of a run that was killed
            (folder / "frames").mkdir(parents=True, exist_ok=True)
            for old in (folder / "frames").glob("*.csv"):
                if old.stem not in self.frames:
                    old.unlink()
            for row, entries in self.frames.items():
                with RowWriter(folder / "frames" / f"{row}.csv") as writer:
                    for entry in entries:
                        writer.write(entry)
            texts = {"md": self.table.to_markdown(), "tex": self.table.to_latex(), "csv": self.table.to_csv()}
            for suffix, text in texts.items():
                write_text(folder / f"table.{suffix}", text)
            self.plot(folder / "plot.png")
            for name, wanted in (("fixations.csv", self.fixations), ("areas.csv", self.areas)):
                if not wanted:
                    (folder / name).unlink(missing_ok=True)
            if self.fixations:
                write_fixations(folder / "fixations.csv", self.fixations)
            if self.areas:
                write_table(folder / "areas.csv", self.areas)
            write_table(folder / "videos.csv", [asdict(mean) for mean in self.videos])
            write_text(summary, json.dumps(self.facts, indent=2, default=str) + "\n")
        return folder
