"""The baseline rows that put a number into perspective, from chance to what observers know of each other.

- ``uniform``: the same everywhere.
- ``centre_bias``: see `CentreBias`.
- ``motion``: the blurred change of the picture times the centre bias, see `Motion`.
- ``video_mean``: the gaze of half of the observers on the whole video as one static map, scored on the other
  half, both ways.
- ``split_half``: half of the observers on the frame predict the other half, both ways.
- ``gold_standard``: all other observers on the frame predict each one; the mean over observers, weighted by
  their fixations on the frame.
- ``infinite_observers``: what the gold standard would reach with more and more observers. The error of an
  estimate from n observers falls as 1 / n to first order, so with g the gold standard's score from m = N - 1
  observers and s the split half's from h = N / 2, the estimate is g + (g - s) h / (m - h), with the gold
  standard's smoothing. It is linear in scores: means of estimates are estimates of means. It may exceed a
  metric's bound on single frames.

The last four use the regularised density of `Mixture`, fitted for each video. Scores that compare densities
(CC, SIM, KL) are not given for the last two: the density of one held-out observer is not what models are
compared with. Those of ``video_mean`` and ``split_half`` are against the density of half of the observers, so
they lie below what the whole would give.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from avsal.errors import MediaError
from avsal.evaluation.kernel_density import Kernels, Mixture, fit_mixture, kernel_image
from avsal.evaluation.motion import Motion
from avsal.evaluation.scores import FrameRow
from avsal.evaluation.scoring import possible_metrics, score_density
from avsal.evaluation.truth import FrameTruth, VideoTruth
from avsal.evaluation.undefined_scores import OBSERVER_ROWS, undefined_reason
from avsal.types import Fixations

__all__ = ["VideoBaselines"]

_FEWEST_OBSERVERS = 4
_FRAMES_FITTED = 60


class VideoBaselines:
    """Scores the baseline rows on one video.

    Attributes:
        rows: that this video has, in the usual order.
        absent: why the others are absent.
        mixture: of the observers' density, None where there are no observers.
    """

    def __init__(
        self, truth: VideoTruth, centre: NDArray[np.float32] | None, why_no_centre: str | None = None
    ) -> None:
        """Prepare what is the same on all frames.

        Args:
            truth: of the video.
            centre: (H, W) centre bias for it, None where there is none.
            why_no_centre: the reason then.
        """
        self.truth, self.centre, self.settings = truth, centre, truth.settings
        self._each = replace(self.settings, min_fixations=1)  # the smallest number is of the whole frame
        self.absent: dict[str, str] = {}
        self.mixture: Mixture | None = None
        self._motion: Motion | None = None
        asked = set(self.settings.baselines)
        if centre is None:
            why = why_no_centre or "no gaze to fit it to"
            self.absent |= {"centre_bias": why, "motion": f"no centre bias ({why})"}
        elif "motion" in asked:
            try:
                self._motion = Motion(truth)
            except MediaError:
                self.absent["motion"] = "its pictures cannot be read"
        reason = self._without_observers(truth.fixations)
        if reason is None and asked & set(OBSERVER_ROWS):
            reason = self._prepare_observers()
        if reason is not None:
            self.absent |= dict.fromkeys(OBSERVER_ROWS, reason)
        self.rows = tuple(row for row in self.settings.baselines if row not in self.absent)
        self.absent = {row: why for row, why in self.absent.items() if row in asked}

    def _without_observers(self, gaze: Fixations | None) -> str | None:
        if self.truth.masks:
            return "masks have no observers"
        if gaze is None:
            return "the data set has no fixations"
        if (gaze.observer < 0).any() or not len(gaze):
            return "the data set does not tell observers apart" if len(gaze) else "no fixation"
        if len(gaze.observers) < _FEWEST_OBSERVERS:
            return f"fewer than {_FEWEST_OBSERVERS} observers"
        return None

    def _prepare_observers(self) -> str | None:
        """Halves, mixture and static maps; or why there are none."""
        truth, gaze = self.truth, self.truth.fixations
        assert gaze is not None
        step = max(1, len(truth.frames) // _FRAMES_FITTED)
        try:
            self.mixture = fit_mixture(
                [truth.fixations_at(frame) for frame in truth.frames[::step].tolist()], self.centre
            )
        except ValueError as error:
            return str(error)
        # a draw that depends on the video's name only, so that rows of two runs agree
        draw = np.random.default_rng(zlib.crc32(truth.video.encode())).permutation(gaze.observers)
        middle = len(draw) // 2
        self.halves = np.sort(draw[:middle]), np.sort(draw[middle:])
        self._sigma = self.mixture.width * truth.size[1]
        self._static: list[NDArray[np.float32]] = []
        if "video_mean" in self.settings.baselines:
            for half in self.halves:
                shown = gaze.select(np.isin(gaze.observer, half))
                image = kernel_image(shown, self._sigma)
                self._static.append(self.mixture.image(image, len(shown), self.centre))
        return None

    def close(self) -> None:
        """Let go of the video."""
        if self._motion is not None:
            self._motion.close()

    def score(self, truth: FrameTruth, time: float) -> Iterator[tuple[str, FrameRow]]:
        """Score one frame: pairs of row and scores.

        Args:
            truth: of the frame; frames are taken in order.
            time: of it on the video clock, NaN where unknown.
        """
        metrics = possible_metrics(self.truth.metrics, truth)
        done: dict[str, FrameRow] = {}
        if "uniform" in self.rows:
            yield (
                "uniform",
                score_density(np.ones(self.truth.size, np.float32), truth, metrics, self.settings),
            )
        if "centre_bias" in self.rows and self.centre is not None:
            yield "centre_bias", score_density(self.centre, truth, metrics, self.settings)
        if self._motion is not None and self.centre is not None:
            moving = self._motion.at(truth.frame, time, self.centre)
            if moving is not None:
                yield "motion", score_density(moving, truth, metrics, self.settings)
        if self.mixture is None or truth.fixations is None:
            return
        wants = set(self.rows)
        if len(truth.fixations) < self.settings.min_fixations:  # the metrics say why there is no value
            for row in (row for row in self.rows if row in OBSERVER_ROWS):
                given = self._metrics(row, truth)
                yield row, score_density(np.ones(self.truth.size), truth, given, self.settings)
            return
        kernels = Kernels(truth.fixations, self._sigma)
        if wants & {"video_mean", "split_half", "infinite_observers"}:
            halves = [self._half(truth, half) for half in self.halves]
            if "video_mean" in wants:
                predicted = zip(self._static, reversed(halves), strict=True)
                done["video_mean"] = self._mean(
                    truth, [self._against(image, half) for image, half in predicted]
                )
            if wants & {"split_half", "infinite_observers"}:
                images = [self._estimate(kernels, np.isin(kernels.observers, half)) for half in self.halves]
                predicted = zip(images, reversed(halves), strict=True)
                done["split_half"] = self._mean(
                    truth, [self._against(image, half) for image, half in predicted]
                )
        if wants & {"gold_standard", "infinite_observers"}:
            done["gold_standard"] = self._gold(truth, kernels)
        if "infinite_observers" in wants:
            done["infinite_observers"] = self._extrapolated(done["split_half"], done["gold_standard"])
        yield from ((row, done[row]) for row in self.rows if row in done)

    def _metrics(self, row: str, truth: FrameTruth) -> list[str]:
        """Those of a row about observers."""
        drawn = self.truth.recipe is not None
        return [
            metric
            for metric in possible_metrics(self.truth.metrics, truth)
            if undefined_reason(metric, row, self.settings, drawn=drawn) is None
        ]

    def _estimate(self, kernels: Kernels, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
        assert self.mixture is not None
        return self.mixture.image(kernels.image(chosen), int(chosen.sum()), self.centre)

    def _half(self, truth: FrameTruth, observers: NDArray[np.int64]) -> FrameTruth:
        """The ground truth that some observers give."""
        assert truth.fixations is not None
        shown = truth.fixations.select(np.isin(truth.fixations.observer, observers))
        density = None
        if self.truth.recipe is not None and truth.density is not None:
            density = self.truth.density_at(truth.frame, observers.tolist())
        return FrameTruth(
            truth.video, truth.frame, shown, density, others=truth.others, baseline=truth.baseline
        )

    def _against(self, image: NDArray[np.float32], truth: FrameTruth) -> tuple[FrameRow, int]:
        return score_density(image, truth, self._metrics("split_half", truth), self._each), 1

    def _gold(self, truth: FrameTruth, kernels: Kernels) -> FrameRow:
        assert truth.fixations is not None
        assert self.mixture is not None
        metrics = self._metrics("gold_standard", truth)
        everyone = kernels.image()
        whole: dict[int, NDArray[np.float32]] = {}  # by the number of other fixations
        rows = []
        for observer in truth.fixations.observers:
            own = kernels.observers == observer
            count = int((~own).sum())
            if count not in whole:
                whole[count] = self.mixture.image(everyone, count, self.centre)
            share, floor = self.mixture.share(count), self.mixture.floor(count, everyone.size)
            image = kernels.taken_off(whole[count], own, share, floor)
            held_out = FrameTruth(
                truth.video,
                truth.frame,
                truth.fixations.select(own),
                others=truth.others,
                baseline=truth.baseline,
            )
            rows.append((score_density(image, held_out, metrics, self._each), int(own.sum())))
        return self._mean(truth, rows)

    def _mean(self, truth: FrameTruth, rows: Sequence[tuple[FrameRow, int]]) -> FrameRow:
        """Weighted mean of the rows that have a value."""
        assert truth.fixations is not None
        first = rows[0][0]
        values, reasons = {}, {}
        for metric in first.values:
            defined = [(row.values[metric], weight) for row, weight in rows if metric not in row.reasons]
            if defined:
                scores, weights = zip(*defined, strict=True)
                values[metric] = float(np.average(scores, weights=weights))
            else:
                values[metric] = float("nan")
                reasons[metric] = first.reasons[metric]
        return FrameRow(values, reasons, len(truth.fixations), first.samplers)

    def _extrapolated(self, split_half: FrameRow, gold: FrameRow) -> FrameRow:
        num_observers = sum(len(half) for half in self.halves)
        most, half = num_observers - 1, num_observers / 2
        factor = half / (most - half)
        values, reasons = {}, {}
        for metric, best in gold.values.items():
            values[metric] = best + (best - split_half.values[metric]) * factor
            why = gold.reasons.get(metric) or split_half.reasons.get(metric)
            if why is not None:
                reasons[metric] = why
        return FrameRow(values, reasons, gold.num_fixations, gold.samplers)
