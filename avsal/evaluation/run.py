"""Evaluation of a data set: every video and frame, for maps from any source and for the baseline rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.errors import AvsalRuntimeError, ConfigError, DatasetError, MediaError, counted
from avsal.evaluation.adaptation import Adaptation, AdaptationFit, KeptMaps
from avsal.evaluation.areas import Areas
from avsal.evaluation.centre_bias import CentreBias, coverage_of_masks, coverage_of_points
from avsal.evaluation.maps import MapSource
from avsal.evaluation.problems import Problems
from avsal.evaluation.settings import EvaluationSettings
from avsal.evaluation.truth import VideoTruth
from avsal.evaluation.video import Context, VideoResult, score_video
from avsal.metrics import create_sampler
from avsal.types import Recording

__all__ = ["Evaluation", "FrameTimes", "Scorer", "frame_statement"]

#: scores some videos, in order, by what scores one
Scorer = Callable[[Sequence[VideoTruth], Callable[[VideoTruth], VideoResult]], Iterator[VideoResult]]

#: (F,) seconds on the video clock of all frames of a recording's video; None where only the list knows
FrameTimes = Callable[[Recording], NDArray[np.float64] | None]


@dataclass
class Evaluation:
    """One data set with all that its scoring needs; iterate over `score` once.

    Attributes:
        truths: of the recordings that can be scored.
        settings: how.
        sources: of the maps; none for the baseline rows alone.
        problems: of recordings and maps, complete when `score` has ended.
        centre: of the data set, None where there is none.
        why_no_centre: the reason then.
        adaptations: of sources to the data set, by name, see `adapt`.
        areas: of interest, which fixations are filed under.
    """

    truths: list[VideoTruth]
    settings: EvaluationSettings
    sources: tuple[MapSource, ...] = ()
    problems: Problems = field(default_factory=Problems)
    centre: CentreBias | None = None
    why_no_centre: str | None = None
    adaptations: Mapping[str, Adaptation] = field(default_factory=dict)
    areas: Areas = field(default_factory=dict)

    @classmethod
    def prepare(
        cls,
        recordings: Iterable[Recording],
        settings: EvaluationSettings,
        *,
        source: MapSource | Sequence[MapSource] | None = None,
        training: Iterable[Recording] | None = None,
        frame_times: FrameTimes | None = None,
    ) -> Evaluation:
        """Read the gaze of all recordings and fit the centre bias.

        Args:
            recordings: to be scored.
            settings: how.
            source: of the maps, or several; None for the baseline rows alone.
            training: recordings that the centre bias is fitted to; None: each video's is fitted to the other
                scored videos.
            frame_times: reads the time stamps of a video; None: `Recording.num_frames` is taken, and times
                are known only where there is a frame rate.

        Raises:
            DatasetError: nothing can be scored, or, when strict, a recording cannot.
            ConfigError: a metric is not possible, or the recordings mix gaze and masks.
        """
        sources = () if source is None else tuple(source) if isinstance(source, Sequence) else (source,)
        if not sources and not settings.baselines:
            raise ConfigError("neither maps nor baseline rows are asked for: there is nothing to score")
        problems = Problems(settings.strict)
        truths: list[VideoTruth] = []
        for recording in recordings:
            try:
                times = None if frame_times is None else frame_times(recording)
                truth = VideoTruth(recording, settings, times)
            except (DatasetError, MediaError) as error:
                problems.add("unusable recording", f"{recording.id}: {error}")
                continue
            for note in truth.notes:
                problems.add("note", note)
            truths.append(truth)
        if not truths:
            first = f"; the first problem: {problems.found[0].text}" if problems.found else ""
            raise DatasetError(f"expected recordings to score but found none{first}")
        if len({truth.video for truth in truths}) < len(truths):
            raise DatasetError("two recordings have one id: score each fold or split in a run of its own")
        if len({truth.masks for truth in truths}) > 1:
            raise ConfigError("recordings with gaze and with object masks cannot be scored in one run")
        made = cls(truths, settings, sources, problems)
        made._fit_centre(training)
        return made

    def adapt(self, folder: Path) -> Iterator[str]:
        """Make all maps, keep them in a folder, and fit each source's `Adaptation`; yields each video's id.

        What `score` then scores are the kept maps. Errors of single videos are left to `score`.

        Raises:
            ConfigError: there is no centre bias or no density map to adapt to.
            MapError: a map is not finite, or negative.
        """
        if self.centre is None or self.truths[0].masks:
            why = "masks are no density" if self.truths[0].masks else self.why_no_centre
            raise ConfigError(f"postprocess=msu needs density maps and a centre bias, but {why}")
        fits = {source.name: AdaptationFit() for source in self.sources}
        kept = [KeptMaps(source, folder / str(number)) for number, source in enumerate(self.sources)]
        for truth in self.truths:
            centre = self.centre.map(truth.video, truth.size)
            for source in kept:
                try:
                    for frame, saliency in source.keep(truth):
                        density = truth.whole_density(frame)
                        if density is not None:
                            fits[source.name].add(saliency, density, centre)
                except (DatasetError, MediaError) as error:
                    source.broke(truth, str(error))
            yield truth.video
        self.sources = tuple(kept)
        self.adaptations = {name: fit.solved() for name, fit in fits.items()}

    def score(self, workers: int = 1, scorer: Scorer | None = None) -> Iterator[VideoResult]:
        """Score video by video, in order.

        Args:
            workers: processes, one video each at a time. A source that cannot be sent to another process,
                such as a model, needs 1.
            scorer: instead of them, scores videos by a function that scores one.

        Raises:
            MapError: a map is not finite, or negative where a density is needed; names the frame.
            DatasetError: when strict, the first problem; else where no map at all was found.
        """
        self._report_source()
        without = {source.name for source in self.sources}
        why = f"files and folders must bear their ids, such as {self.truths[0].video!r}"
        if scorer is None:
            results = self._results(workers)
        else:
            results = scorer(self.truths, partial(score_video, context=self._context()))
        for result in results:
            for problem in result.problems:
                self.problems.add(problem.kind, problem.text, problem.count)
                if not result.models and problem.kind == "unreadable map":
                    why = problem.text
            without -= set(result.models)
            yield result
        if without:
            raise DatasetError(f"{min(without)}: no maps for any of the {len(self.truths)} recordings; {why}")

    def _results(self, workers: int) -> Iterator[VideoResult]:
        context = self._context()
        if workers == 1:
            for truth in self.truths:
                yield score_video(truth, context)
            return
        # a fresh interpreter: a forked copy of one that runs threads can hang
        with ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_remember, initargs=(context,)
        ) as pool:
            try:
                yield from pool.map(_score, self.truths)
            except BrokenProcessPool as error:
                raise AvsalRuntimeError(
                    "a worker process died, as when memory ends: use fewer `workers`"
                ) from error

    def _context(self) -> Context:
        gaze = {truth.video: truth.fixations for truth in self.truths if truth.fixations is not None}
        sampler = None
        if any("s_auc" in truth.metrics for truth in self.truths):
            sampler = create_sampler(self.settings.sampler, gaze, seed=self.settings.seed)
        return Context(
            self.settings,
            self.sources,
            sampler,
            self.centre,
            self.why_no_centre,
            self.adaptations,
            self.areas,
        )

    def _fit_centre(self, training: Iterable[Recording] | None) -> None:
        wanted = (
            {"centre_bias", "motion"} & set(self.settings.baselines)
            or self.settings.postprocess == "msu"
            or any("ig" in truth.metrics for truth in self.truths)
        )
        if not wanted:
            self.why_no_centre = "not asked for"
            return
        if self.truths[0].masks:
            coverage = {truth.video: coverage_of_masks(_mean_mask(truth)) for truth in self.truths}
        elif training is not None:
            coverage = {}
            for recording in training:
                try:
                    if recording.load_fixations is not None:
                        coverage[recording.id] = coverage_of_points(recording.load_fixations())
                except (DatasetError, MediaError) as error:
                    self.problems.add(
                        "note", f"training video {recording.id} left out of the centre bias: {error}"
                    )
        else:
            coverage = {
                truth.video: coverage_of_points(truth.fixations)
                for truth in self.truths
                if truth.fixations is not None
            }
        held_out = training is None or self.truths[0].masks
        try:
            self.centre = CentreBias(coverage, held_out=held_out)
        except ValueError as error:
            self.why_no_centre = str(error)
            if "ig" in (self.settings.metrics or ()):
                raise ConfigError(
                    f"information gain needs a centre bias as its baseline, but {error}"
                ) from error

    def _report_source(self) -> None:
        for source in self.sources:
            videos = [truth.video for truth in self.truths]
            stems = [truth.recording.frames.stem for truth in self.truths]
            for line in source.unused([*videos, *stems]):
                self.problems.add("extra video", line)


def _mean_mask(truth: VideoTruth) -> NDArray[np.float64]:
    total = np.zeros(truth.size)
    for frame in truth:
        assert frame.mask is not None
        total += frame.mask
    return total / len(truth.frames)


_CONTEXT: list[Context] = []


def _remember(context: Context) -> None:
    """Once in each worker: what all its videos share."""
    _CONTEXT[:] = [context]


def _score(truth: VideoTruth) -> VideoResult:
    return score_video(truth, _CONTEXT[0])


def frame_statement(truths: Sequence[VideoTruth], settings: EvaluationSettings) -> str:
    """Which frames are scored, in words."""
    number = sum(len(truth.frames) for truth in truths)
    which = "all frames" if settings.every == 1 else f"one frame in {settings.every}, from the first"
    if settings.max_frames is not None:
        which += f", among the first {settings.max_frames}"
    return f"{which} of {counted(len(truths), 'video')}: {counted(number, 'frame')}"
