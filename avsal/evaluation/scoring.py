"""One map against one frame's ground truth: the same for models, files of maps and baseline rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avsal.evaluation.adaptation import Adaptation
from avsal.evaluation.scores import FrameRow
from avsal.evaluation.settings import EvaluationSettings
from avsal.evaluation.truth import FrameTruth
from avsal.metrics import (
    ConstantMapWarning,
    FrameScores,
    MapError,
    Score,
    as_density,
    resize_bicubic,
    score_frame,
    score_object_frame,
    stavis_postprocess,
)

__all__ = ["possible_metrics", "score_density", "score_map", "treat_map"]


def possible_metrics(metrics: Sequence[str], truth: FrameTruth) -> list[str]:
    """Those metrics for which the frame's ground truth has all that is needed from other videos."""
    return [
        metric
        for metric in metrics
        if not ((metric == "s_auc" and truth.others is None) or (metric == "ig" and truth.baseline is None))
    ]


def treat_map(
    saliency: NDArray[np.generic],
    label: str,
    settings: EvaluationSettings,
    size: tuple[int, int],
    adaptation: Adaptation | None,
    centre: NDArray[np.float32] | None,
) -> NDArray[np.generic]:
    """What is done to a prediction before it is scored.

    Args:
        saliency: (h, w) of any size.
        label: of the frame, for errors.
        settings: of the evaluation.
        size: (H, W) of the ground truth.
        adaptation: of the map's source, where it is brought to the data set's.
        centre: (H, W) centre prior, needed with `adaptation`.

    Returns:
        (h, w) or (H, W).

    Raises:
        MapError: the map is not finite, or not of the values that the post-processing is made for.
    """
    try:
        if settings.postprocess == "stavis":
            saliency = stavis_postprocess(saliency)
        if adaptation is not None and centre is not None:
            saliency = adaptation.apply(saliency, centre)
    except MapError as error:
        raise MapError(f"{label}: {error}") from error
    return resize_bicubic(saliency, size) if settings.resize == "bicubic" else saliency


def score_map(
    saliency: NDArray[np.generic], truth: FrameTruth, metrics: Sequence[str], settings: EvaluationSettings
) -> FrameRow:
    """Score a prediction as `treat_map` gave it, with a stated floor for information gain.

    Args:
        saliency: (H, W) of any size, resized to the ground truth's (bilinear, antialiased where it shrinks).
        truth: of the frame.
        metrics: which.
        settings: of the evaluation.

    Raises:
        MapError: the map is not finite, or negative where a density is needed; names the frame.
    """
    if settings.family == "mit" or "ig" not in metrics or settings.ig_floor == 0:
        return score_density(saliency, truth, metrics, settings)
    row = score_density(saliency, truth, [metric for metric in metrics if metric != "ig"], settings)
    gain = score_density(_floored(saliency, settings.ig_floor), truth, ["ig"], settings)
    values = {metric: (row if metric in row.values else gain).values[metric] for metric in metrics}
    return FrameRow(
        values,
        {**row.reasons, **gain.reasons},
        gain.num_fixations,
        row.samplers,
        row.constant or gain.constant,
    )


def _floored(saliency: NDArray[np.generic], floor: float) -> NDArray[np.generic]:
    """`as_density` in single precision, for whole data sets."""
    values = saliency.astype(np.float32, copy=False)
    total = float(values.sum())  # pairwise, good to 1e-6; the metric divides by the sum again
    if not (values.min() >= 0 and 0 < total < np.inf):
        return as_density(saliency, floor)  # raises, or gives the uniform map
    density = values * np.float32((1 - floor) / total)
    density += np.float32(floor / values.size)
    return density


def score_density(
    saliency: NDArray[np.generic], truth: FrameTruth, metrics: Sequence[str], settings: EvaluationSettings
) -> FrameRow:
    """Score a map as it is.

    Raises:
        MapError: the map is not finite, or negative where a density is needed; names the frame.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantMapWarning)  # counted in the row, told once for a run
        if truth.mask is not None:
            return _row(score_object_frame(saliency, truth.mask, frame=truth.label, metrics=metrics))
        if not metrics:
            return FrameRow({}, num_fixations=None if truth.fixations is None else len(truth.fixations))
        scores = score_frame(
            saliency,
            frame=truth.label,
            fixations=truth.fixations,
            density=truth.density,
            others=truth.others,
            baseline=truth.baseline,
            metrics=metrics,
            family=settings.family,
            min_fixations=settings.min_fixations,
        )
    return _row(scores)


def _row(scores: FrameScores) -> FrameRow:
    all_scores: Sequence[Score] = list(scores.scores.values())
    return FrameRow(
        {score.metric: score.value for score in all_scores},
        {score.metric: score.reason for score in all_scores if score.reason is not None},
        scores.num_fixations,
        {score.metric: score.sampler for score in all_scores if score.sampler is not None},
        scores.constant,
    )
