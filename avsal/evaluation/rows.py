"""One line for every video, frame and metric, as CSV: all tables can be made from it again."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from avsal.errors import DatasetError
from avsal.evaluation.scores import FrameRow, ScoreCollector, VideoScores
from avsal.media import atomic_path
from avsal.media.cells import cell, from_cell

__all__ = ["COLUMNS", "RowWriter", "read_rows"]

COLUMNS = (
    "dataset",
    "video",
    "frame",
    "time",
    "metric",
    "value",
    "family",
    "sampler",
    "num_fixations",
    "reason",
)


class RowWriter:
    """Writes the rows of one model video by video; the file appears when it is whole.

    Frames are numbered from 0; time is in seconds, empty where unknown; a value that is not defined is empty
    and has its reason beside it.

    Args:
        path: of the CSV file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.num_rows = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            stream = stack.enter_context(temporary.open("w", newline="", encoding="utf-8"))
            self._writer = csv.writer(stream, lineterminator="\n")
            self._writer.writerow(COLUMNS)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, scores: VideoScores) -> None:
        """Add one video."""
        columns = [(metric, values.tolist()) for metric, values in scores.values.items()]
        for at, (frame, time, count) in enumerate(
            zip(scores.frames.tolist(), scores.times.tolist(), scores.num_fixations.tolist(), strict=True)
        ):
            stamp = "" if np.isnan(time) else f"{time:.6f}"
            for metric, values in columns:
                value = values[at]
                self._writer.writerow(
                    (
                        cell(scores.dataset),
                        cell(scores.video),
                        frame,
                        stamp,
                        metric,
                        "" if np.isnan(value) else f"{value:.9g}",
                        scores.family,
                        scores.samplers.get(metric, ""),
                        "" if count < 0 else count,
                        scores.reasons.get(metric, {}).get(at, ""),
                    )
                )
                self.num_rows += 1


def read_rows(path: str | Path, model: str | None = None) -> list[VideoScores]:
    """Read what `RowWriter` wrote; the model is named after the file unless told otherwise.

    Raises:
        DatasetError: the file is missing or has other columns.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.reader(stream)
            header = tuple(next(reader, ()))
            if header != COLUMNS:
                raise DatasetError(
                    f"{path}: expected the columns {', '.join(COLUMNS)} but found {', '.join(header)[:80]}; "
                    "give a file from the folder `frames` of an evaluation"
                )
            return list(_videos(reader, model or path.stem, path))
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, OverflowError, LookupError) as error:
        raise DatasetError(f"{path} cannot be read ({error}); give the rows of an evaluation") from error


def _videos(lines: Iterable[list[str]], model: str, path: Path) -> Iterable[VideoScores]:
    current: tuple[str, str, str] | None = None
    collector: ScoreCollector | None = None
    frame: tuple[int, float, int | None] | None = None
    values: dict[str, float] = {}
    reasons: dict[str, str] = {}
    samplers: dict[str, str] = {}

    def flush() -> None:
        if collector is not None and frame is not None:
            row = FrameRow(dict(values), dict(reasons), frame[2], dict(samplers))
            collector.add(frame[0], frame[1], row)
        values.clear()
        reasons.clear()

    for line in lines:
        try:
            dataset, video, index, time, metric, value, family, sampler, count, reason = line
            dataset, video = from_cell(dataset), from_cell(video)
            here = int(index), float(time or "nan"), int(count) if count else None
            number = float(value) if value else float("nan")
        except ValueError as error:
            raise DatasetError(
                f"{path}: a line is damaged ({','.join(line)[:80]}); evaluate again"
            ) from error
        if frame is None or here[0] != frame[0] or (dataset, video, family) != current:
            flush()
            frame = here
        if (dataset, video, family) != current:
            if collector is not None:
                yield collector.finished()
            current = dataset, video, family
            collector = ScoreCollector(dataset, video, model, family)
        values[metric] = number
        if reason:
            reasons[metric] = reason
        if sampler:
            samplers[metric] = sampler
    flush()
    if collector is not None:
        yield collector.finished()
