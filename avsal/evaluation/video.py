"""All rows of one video: its ground truth is drawn once a frame, and every map is scored against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from avsal.errors import DatasetError, MediaError
from avsal.evaluation.adaptation import Adaptation
from avsal.evaluation.areas import Areas, Box, boxes_on
from avsal.evaluation.baselines import VideoBaselines
from avsal.evaluation.centre_bias import CentreBias
from avsal.evaluation.fixation_rows import FixationCollector, FixationRows
from avsal.evaluation.kernel_density import Mixture
from avsal.evaluation.maps import MapSource, PredictedMap
from avsal.evaluation.problems import Problem
from avsal.evaluation.scores import ScoreCollector, VideoScores
from avsal.evaluation.scoring import possible_metrics, score_map, treat_map
from avsal.evaluation.settings import EvaluationSettings
from avsal.evaluation.truth import VideoTruth
from avsal.metrics import Map, Sampler

__all__ = ["Context", "VideoResult", "score_video"]


@dataclass(frozen=True)
class Context:
    """What all videos of a data set share.

    Attributes:
        settings: how maps are scored.
        sources: of the maps, each of another name.
        sampler: of the negatives of shuffled AUC.
        centre: bias of the data set.
        why_no_centre: the reason where there is none.
        adaptations: of the sources whose maps are brought to the data set's, by name.
        areas: of interest.
    """

    settings: EvaluationSettings
    sources: tuple[MapSource, ...]
    sampler: Sampler | None
    centre: CentreBias | None
    why_no_centre: str | None
    adaptations: Mapping[str, Adaptation] = field(default_factory=dict)
    areas: Areas = field(default_factory=dict)


@dataclass(frozen=True)
class VideoResult:
    """One video's scores.

    Attributes:
        video: its id.
        models: scores of each source's maps, by its name; without those that have no maps of this video.
        baselines: scores by row.
        conditions: scores of a source's maps with each of several sounds, by row.
        absent: why a baseline row is absent, by row.
        mixture: of the observers' density, None where there is none.
        problems: of its maps, and of the video itself.
        fixations: how salient each fixation was, one entry a row, where that was asked for.
    """

    video: str
    models: dict[str, VideoScores]
    baselines: dict[str, VideoScores]
    conditions: dict[str, VideoScores]
    absent: dict[str, str]
    mixture: Mixture | None
    problems: list[Problem]
    fixations: list[FixationRows] = field(default_factory=list)

    @property
    def maps(self) -> VideoScores | None:
        """The first source's scores; None without a source or without maps of this video."""
        return next(iter(self.models.values()), None)

    @property
    def scores(self) -> list[VideoScores]:
        """The sources', if any, and those of the baseline rows."""
        return [*self.models.values(), *self.conditions.values(), *self.baselines.values()]


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
    maps = {source.name: _Maps(truth, source) for source in context.sources}
    conditions: dict[str, None] = {}

    def collect(row: str) -> ScoreCollector:
        if row not in collectors:
            collectors[row] = ScoreCollector(truth.recording.dataset, video, row, family)
        return collectors[row]

    looks: dict[str, FixationCollector] = {}

    def single(row: str) -> FixationCollector:
        return looks.setdefault(row, FixationCollector(truth.recording.dataset, video, row))

    def boxes(frame: int) -> list[Box]:
        return boxes_on(
            context.areas,
            video,
            frame,
            truth.size[0] / truth.video_size[0],
            truth.size[1] / truth.video_size[1],
        )

    baseline = None if truth.masks or centre is None else Map(centre, role="baseline")
    try:
        for known, time in zip(truth, truth.times.tolist(), strict=True):
            others = None
            if known.fixations is not None and context.sampler is not None:
                others = context.sampler(video, known.frame)
            whole = replace(known, others=others, baseline=baseline)
            metrics = possible_metrics(truth.metrics, whole)
            for name, own in maps.items():
                found = own.at(known.frame)
                if found is None or found.map is None:
                    continue
                if np.isnan(time) and found.time is not None:
                    time = found.time
                shown = {name: found.map, **found.condition_maps}
                for row, saliency in shown.items():
                    adaptation = context.adaptations.get(name)
                    treated = treat_map(saliency, known.label, settings, truth.size, adaptation, centre)
                    collect(row).add(known.frame, time, score_map(treated, whole, metrics, settings))
                    if settings.fixations and known.fixations is not None:
                        single(row).add(known.frame, time, treated, known.fixations, boxes(known.frame))
                conditions |= dict.fromkeys(found.condition_maps)
            for row, scores in baselines.score(whole, time):
                collect(row).add(known.frame, time, scores)
    except (DatasetError, MediaError) as error:
        problem = Problem("unusable recording", f"{video}: {error}")
        return VideoResult(video, {}, {}, {}, {}, None, [*_closed(maps), problem])
    finally:
        baselines.close()
        for own in maps.values():
            own.close()
    finished = {row: collector.finished() for row, collector in collectors.items()}
    models = {name: finished.pop(name) for name in maps if name in finished}
    sounds = {row: finished.pop(row) for row in conditions}
    problems = _closed(maps)
    for entry in models.values():
        if entry.constant:
            text = f"{video}: {entry.constant} of {len(entry.frames)} maps, scored as the uniform map"
            problems.append(Problem("constant map", _by(entry.model, maps, text), entry.constant))
    return VideoResult(
        video,
        models,
        finished,
        sounds,
        baselines.absent,
        baselines.mixture,
        problems,
        [one.finished() for one in looks.values()],
    )


def _closed(maps: Mapping[str, _Maps]) -> list[Problem]:
    """What was wrong with the maps of all sources, which are told apart where there are several."""
    problems: list[Problem] = []
    for name, own in maps.items():
        own.close()
        problems += [replace(problem, text=_by(name, maps, problem.text)) for problem in own.problems]
    return problems


def _by(name: str, maps: Mapping[str, _Maps], text: str) -> str:
    return f"{name}: {text}" if len(maps) > 1 else text


class _Maps:
    """The source's maps beside the frames of a video, with what is missing or odd."""

    def __init__(self, truth: VideoTruth, source: MapSource) -> None:
        self.problems: list[Problem] = []
        self._video = truth.video
        self._number = len(truth.frames)
        self._missing: list[int] = []
        self._resized: list[str] = []
        self._next: PredictedMap | None = None
        self._maps: Iterator[PredictedMap] | None = source(truth)
        self._closed = False
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
        """Say what was missing or of another size, once a video."""
        if self._closed:
            return
        self._closed, maps, self._maps = True, self._maps, None
        if maps is not None and hasattr(maps, "close"):
            maps.close()  # a video that was not read to its end
        if self._missing:
            number = len(self._missing)
            text = f"{self._video}: {number} of {self._number} frames (from 0): {_listed(self._missing)}"
            kind = "missing map" if number < self._number else "video without maps"
            self.problems.append(Problem(kind, text, number))
        if self._resized:
            number = len(self._resized)
            which = f"; all {number}" if number == self._number else f" and {number - 1} more"
            text = (
                f"{self._resized[0]}, resized" if number == 1 else f"{self._resized[0]}{which} maps, resized"
            )
            self.problems.append(Problem("wrong size", text, number))

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
