"""All rows of one video: its ground truth is drawn once a frame, and every map is scored against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError, MediaError
from avsal.evaluation.baselines import VideoBaselines
from avsal.evaluation.centre_bias import CentreBias
from avsal.evaluation.kernel_density import Mixture
from avsal.evaluation.maps import MapSource, PredictedMap
from avsal.evaluation.problems import Problem
from avsal.evaluation.scores import ScoreCollector, VideoScores
from avsal.evaluation.scoring import possible_metrics, score_map
from avsal.evaluation.settings import EvaluationSettings
from avsal.evaluation.truth import VideoTruth
from avsal.metrics import Map, Sampler

__all__ = ["Context", "VideoResult", "score_video"]


@dataclass(frozen=True)
class Context:
    """What all videos of a data set share.

    Attributes:
        settings: how maps are scored.
        source: of the maps.
        sampler: of the negatives of shuffled AUC.
        centre: bias of the data set.
        why_no_centre: the reason where there is none.
    """

    settings: EvaluationSettings
    source: MapSource | None
    sampler: Sampler | None
    centre: CentreBias | None
    why_no_centre: str | None


@dataclass(frozen=True)
class VideoResult:
    """One video's scores.

    Attributes:
        video: its id.
        maps: scores of the source's maps; None without a source or without maps of this video.
        baselines: scores by row.
        conditions: scores of the source's maps with each of several sounds, by row.
        absent: why a baseline row is absent, by row.
        mixture: of the observers' density, None where there is none.
        problems: of its maps, and of the video itself.
    """

    video: str
    maps: VideoScores | None
    baselines: dict[str, VideoScores]
    conditions: dict[str, VideoScores]
    absent: dict[str, str]
    mixture: Mixture | None
    problems: list[Problem]

    @property
    def scores(self) -> list[VideoScores]:
        """The source's, if any, and those of the baseline rows."""
        own = [self.maps] if self.maps is not None else []
        return [*own, *self.conditions.values(), *self.baselines.values()]


def score_video(truth: VideoTruth, context: Context) -> VideoResult:
    """Score one video.

    Raises:
        MapError: a map is not finite, or negative where a density is needed; names the frame.
    """
    settings, video = context.settings, truth.video
    family = "objects" if truth.masks else settings.family
    centre = None if context.centre is None else context.centre.map(video, truth.size)
    baselines = VideoBaselines(truth, centre, context.why_no_centre)
    collectors: dict[str, ScoreCollector] = {}
    maps = _Maps(truth, context.source)
    conditions: dict[str, None] = {}

    def collect(row: str) -> ScoreCollector:
        if row not in collectors:
            collectors[row] = ScoreCollector(truth.recording.dataset, video, row, family)
        return collectors[row]

    baseline = None if truth.masks or centre is None else Map(centre, role="baseline")
    try:
        for known, time in zip(truth, truth.times.tolist(), strict=True):
            others = None
            if known.fixations is not None and context.sampler is not None:
                others = context.sampler(video, known.frame)
            whole = replace(known, others=others, baseline=baseline)
            found = maps.at(known.frame)
            if found is not None and found.map is not None:
                if np.isnan(time) and found.time is not None:
                    time = found.time
                assert context.source is not None
                metrics = possible_metrics(truth.metrics, whole)
                collect(context.source.name).add(
                    known.frame, time, score_map(found.map, whole, metrics, settings)
                )
                for row, saliency in found.condition_maps.items():
                    collect(row).add(known.frame, time, score_map(saliency, whole, metrics, settings))
                    conditions[row] = None
            for row, scores in baselines.score(whole):
                collect(row).add(known.frame, time, scores)
    except (DatasetError, MediaError) as error:
        maps.close()
        problem = Problem("unusable recording", f"{video}: {error}")
        return VideoResult(video, None, {}, {}, {}, None, [*maps.problems, problem])
    maps.close()
    finished = {row: collector.finished() for row, collector in collectors.items()}
    scored = None if context.source is None else finished.pop(context.source.name, None)
    sounds = {row: finished.pop(row) for row in conditions}
    problems = maps.problems
    if scored is not None and scored.constant:
        text = f"{video}: {scored.constant} of {len(scored.frames)} maps, scored as the uniform map"
        problems.append(Problem("constant map", text, scored.constant))
    return VideoResult(video, scored, finished, sounds, baselines.absent, baselines.mixture, problems)


class _Maps:
    """The source's maps beside the frames of a video, with what is missing or odd."""

    def __init__(self, truth: VideoTruth, source: MapSource | None) -> None:
        self.problems: list[Problem] = []
        self._video = truth.video
        self._number = len(truth.frames)
        self._missing: list[int] = []
        self._resized: list[str] = []
        self._next: PredictedMap | None = None
        self._maps: Iterator[PredictedMap] | None = None
        if source is not None:
            self._maps = source(truth)
            if self._maps is None:
                self.problems.append(Problem("video without maps", f"{truth.video}: none in {source.name}"))
            else:
                self._advance()

    def at(self, frame: int) -> PredictedMap | None:
        """The map of a frame; frames must be asked for in order."""
        if self._maps is None:
            return None
        while self._next is not None and self._next.frame < frame:
            self._advance()
        found = self._next
        if found is None or found.frame != frame:
            self._missing.append(frame)
            return None
        if found.problem is not None:
            if found.map is None:
                self.problems.append(Problem("unreadable map", f"{self._video}/{frame}: {found.problem}"))
            else:
                self._resized.append(f"{self._video}/{frame}: {found.problem}")
        return found

    def close(self) -> None:
        """Say what was missing or of another size: each by name, or in one line where it is all of them."""
        maps, self._maps = self._maps, None
        if maps is not None and hasattr(maps, "close"):
            maps.close()  # a video that was not read to its end
        if self._missing:
            number = len(self._missing)
            text = f"{self._video}: {number} of {self._number} frames (from 0): {_listed(self._missing)}"
            self.problems.append(Problem("missing map", text, number))
        if len(self._resized) > 1 and len(self._resized) == self._number:
            text = f"{self._resized[0]}; all {self._number} maps, resized"
            self.problems.append(Problem("wrong size", text, self._number))
        else:
            self.problems += [Problem("wrong size", f"{line}, resized") for line in self._resized]

    def _advance(self) -> None:
        assert self._maps is not None
        try:
            self._next = next(self._maps, None)
        except (DatasetError, MediaError) as error:  # the rest of the video's maps is then missing
            self._next = None
            self.problems.append(Problem("unreadable map", f"{self._video}: {error}"))


def _listed(frames: Sequence[int]) -> str:
    """Frame numbers (from 0) with runs in short."""
    steps = np.flatnonzero(np.diff(frames) > 1)
    runs: list[NDArray[np.int64]] = np.split(np.asarray(frames), steps + 1)
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return ", ".join(texts[:20]) + (f" and {len(texts) - 20} more runs" if len(texts) > 20 else "")
