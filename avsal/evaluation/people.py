"""What sound does to people: does gaze under another sound predict gaze under the original one as well?

The ceiling of what sound can do for a model, where a release has gaze of several groups on the same pictures.
The observers of the original sound are halved; each half is predicted once by the other and once by as many
observers who heard something else, with the regularised estimate of `Mixture`, fitted to the original's gaze.
If what is heard does not move gaze, both predict equally well.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from avsal.evaluation.kernel_density import Kernels, Mixture, fit_mixture
from avsal.evaluation.scores import FrameRow, ScoreCollector, VideoScores
from avsal.evaluation.scoring import score_density
from avsal.evaluation.truth import FrameTruth, VideoTruth
from avsal.metrics import METRIC_TABLE
from avsal.types import Fixations

__all__ = ["score_people"]

_FEWEST = 4
_FRAMES_FITTED = 60


def score_people(
    truth: VideoTruth, others: Mapping[str, Fixations], *, original: str = "original"
) -> dict[str, VideoScores]:
    """Score gaze as a prediction of gaze, on one video.

    Args:
        truth: of the recording with the gaze of those who heard the original.
        others: gaze of those who heard something else, by what it was; on the same pictures.
        original: name of the row of the original.

    Returns:
        By row, of metrics that need fixations alone.

    Raises:
        ValueError: fewer than four observers heard the original, or nobody heard a condition.
    """
    gaze = truth.fixations
    if gaze is None or len(gaze.observers) < _FEWEST or (gaze.observer < 0).any():
        raise ValueError(f"fewer than {_FEWEST} observers who are told apart")
    heard = {name: one.scaled(truth.size) for name, one in others.items()}
    for name, one in heard.items():
        if not len(one):
            raise ValueError(f"no gaze of {name}")
    metrics = [name for name in truth.metrics if METRIC_TABLE[name].needs == ("fixations",)]
    step = max(1, len(truth.frames) // _FRAMES_FITTED)
    mixture = fit_mixture([truth.fixations_at(frame) for frame in truth.frames[::step].tolist()], None)
    draw = np.random.default_rng(zlib.crc32(truth.video.encode()))
    drawn = draw.permutation(gaze.observers)
    number = min(len(drawn) // 2, *(len(one.observers) for one in heard.values()))
    halves = drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]
    chosen = {name: draw.permutation(one.observers)[:number] for name, one in heard.items()}
    rows = {
        name: ScoreCollector(truth.recording.dataset, truth.video, name, truth.settings.family)
        for name in (original, *heard)
    }
    for frame, time in zip(truth.frames.tolist(), truth.times.tolist(), strict=True):
        shown = truth.fixations_at(frame)
        found: dict[str, list[FrameRow]] = {name: [] for name in rows}
        for predicting, predicted in (halves, halves[::-1]):
            target = FrameTruth(
                truth.video, frame, shown.select(np.isin(shown.observer, predicted)), baseline=None
            )
            sources = {original: (shown, predicting[:number])}
            sources |= {name: (one.at(frame), chosen[name]) for name, one in heard.items()}
            for name, (seen, who) in sources.items():
                image = _estimate(seen.select(np.isin(seen.observer, who)), mixture)
                found[name].append(score_density(image, target, metrics, truth.settings))
        for name, both in found.items():
            rows[name].add(frame, time, _mean(both))
    return {name: row.finished() for name, row in rows.items()}


def _estimate(gaze: Fixations, mixture: Mixture) -> NDArray[np.float32]:
    kernels = Kernels(gaze, mixture.width * gaze.size[1])
    return mixture.image(kernels.image(), len(gaze), None)


def _mean(rows: list[FrameRow]) -> FrameRow:
    """The mean of both ways, weighted by fixations, of those that have a value."""
    values, reasons = {}, {}
    for metric in rows[0].values:
        defined = [(row.values[metric], row.num_fixations or 0) for row in rows if metric not in row.reasons]
        values[metric] = _weighted(defined)
        if not defined:
            reasons[metric] = rows[0].reasons[metric]
    return FrameRow(values, reasons, sum(row.num_fixations or 0 for row in rows))


def _weighted(defined: list[tuple[float, int]]) -> float:
    if not defined:
        return float("nan")
    scores, weights = zip(*defined, strict=True)
    return float(np.average(scores, weights=weights))
