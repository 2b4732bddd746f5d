"""The scores of one video by one model or baseline row, in columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["FrameRow", "ScoreCollector", "VideoScores"]


@dataclass(frozen=True)
class FrameRow:
    """The scores of one frame.

    Attributes:
        values: by metric, NaN where undefined.
        reasons: why, by metric, for those that are NaN.
        num_fixations: on the frame, repeats counted; None against masks.
        samplers: by metric, of those whose negatives a sampler chose.
        constant: whether the map was the same everywhere.
    """

    values: Mapping[str, float]
    reasons: Mapping[str, str] = field(default_factory=dict)
    num_fixations: int | None = None
    samplers: Mapping[str, str] = field(default_factory=dict)
    constant: bool = False


@dataclass(frozen=True)
class VideoScores:
    """One video's scores.

    Attributes:
        dataset: name of the data set.
        video: the recording's id.
        model: what was scored: a model, a folder of maps, or one of the baseline rows.
        family: of the definitions.
        frames: (F,) 0-based, ascending.
        times: (F,) seconds on the video clock, NaN where unknown.
        num_fixations: (F,) on each frame; -1 against masks.
        values: (F,) by metric, NaN where undefined.
        reasons: by metric, why a frame's value is NaN, by position in `frames`.
        samplers: by metric, where negatives came from.
        constant: how many maps were the same everywhere.
    """

    dataset: str
    video: str
    model: str
    family: str
    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    num_fixations: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    reasons: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    samplers: Mapping[str, str] = field(default_factory=dict)
    constant: int = 0

    def on(self, frames: NDArray[np.int64]) -> VideoScores:
        """The scores of those frames only; `constant` stays that of all."""
        kept = np.flatnonzero(np.isin(self.frames, frames))
        place = {int(old): new for new, old in enumerate(kept)}
        return VideoScores(
            self.dataset,
            self.video,
            self.model,
            self.family,
            self.frames[kept],
            self.times[kept],
            self.num_fixations[kept],
            {metric: values[kept] for metric, values in self.values.items()},
            {
                metric: {place[at]: reason for at, reason in reasons.items() if at in place}
                for metric, reasons in self.reasons.items()
            },
            self.samplers,
            self.constant,
        )

    def excluded(self, metric: str) -> Counter[str]:
        """How many frames have no value of a metric, by reason."""
        return Counter(self.reasons.get(metric, {}).values())


class ScoreCollector:
    """Gathers the frames of one video."""

    def __init__(self, dataset: str, video: str, model: str, family: str) -> None:
        self._about = (dataset, video, model, family)
        self._frames: list[tuple[int, float]] = []
        self._rows: list[FrameRow] = []

    def add(self, frame: int, time: float, row: FrameRow) -> None:
        """Take the scores of the next frame."""
        self._frames.append((frame, time))
        self._rows.append(row)

    def finished(self) -> VideoScores:
        """All frames so far."""
        rows = self._rows
        metrics: Sequence[str] = list(rows[0].values) if rows else []
        return VideoScores(
            *self._about,
            frames=np.array([frame for frame, _ in self._frames], dtype=np.int64),
            times=np.array([time for _, time in self._frames], dtype=np.float64),
            num_fixations=np.array(
                [-1 if row.num_fixations is None else row.num_fixations for row in rows], dtype=np.int64
            ),
            values={metric: np.array([row.values[metric] for row in rows]) for metric in metrics},
            reasons={
                metric: {at: row.reasons[metric] for at, row in enumerate(rows) if metric in row.reasons}
                for metric in metrics
            },
            samplers=rows[0].samplers if rows else {},
            constant=sum(row.constant for row in rows),
        )
