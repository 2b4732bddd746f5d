"""Scoring a model on frames that it does not learn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from avsal.errors import ConfigError
from avsal.metrics import METRIC_TABLE
from avsal.metrics.batch import resize_maps
from avsal.models import SaliencyModel
from avsal.training.sources import ValidationBatch, ValidationSource

__all__ = ["ValidationRow", "better", "constant_rows", "mean_scores", "score_rows"]


class ValidationRow(NamedTuple):
    """The scores of one frame; NaN where undefined."""

    recording: str
    frame: int
    scores: dict[str, float]


def better(metric: str, score: float, best: float | None) -> bool:
    """Whether a score is better than the best so far."""
    if best is None:
        return not np.isnan(score)
    return score > best if METRIC_TABLE[metric].higher_is_better else score < best


@torch.no_grad()
def score_rows(
    model: SaliencyModel,
    source: ValidationSource,
    metrics: tuple[str, ...],
    *,
    indices: range | None = None,
    use_sound: bool = True,
) -> Iterator[tuple[list[ValidationRow], ValidationBatch, Tensor]]:
    """Score a model, batch by batch.

    Maps and truth are compared at the size of the model's input: quicker than at the video's, and close to
    it.

    Args:
        model: put into evaluation mode, and back.
        source: source of the frames.
        metrics: metrics to compute.
        indices: indices of the batches, all if None.
        use_sound: whether the model gets to hear what there is to hear.

    Yields:
        The rows of a batch, the batch itself, and its (M, H, W) predictions.
    """
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    try:
        for index in indices if indices is not None else range(len(source)):
            batch = source[index]
            audio = batch.audio if use_sound and model.info.sound else None
            forward = model.forward_start if batch.start else model
            maps = forward(batch.frames.to(device), None if audio is None else audio.to(device)).float().cpu()
            shown, columns = batch.region
            at_input = resize_maps(maps[batch.clip, batch.slot], model.spec.size)
            predicted = at_input[:, shown, columns]
            yield rows(predicted, batch, metrics), batch, predicted
    finally:
        model.train(training)


def constant_rows(
    image: Tensor, truths: Iterable[ValidationBatch], metrics: tuple[str, ...]
) -> list[ValidationRow]:
    """The scores of one (H, W) map that is predicted on every frame, whatever its size."""
    found = []
    for batch in truths:
        M, (H, W) = len(batch.frame), batch.density.shape[-2:]
        found += rows(resize_maps(image, (H, W)).expand(M, -1, -1), batch, metrics)
    return found


def rows(predicted: Tensor, batch: ValidationBatch, metrics: tuple[str, ...]) -> list[ValidationRow]:
    """Rows of (M, H, W) predictions."""
    values: dict[str, list[float]] = {}
    for name in metrics:
        compute = METRIC_TABLE[name].batch
        assert compute is not None, "checked by `ValidationSettings`"
        values[name] = compute(predicted, batch).tolist()
    return [
        ValidationRow(recording, frame, {name: values[name][i] for name in metrics})
        for i, (recording, frame) in enumerate(zip(batch.recording, batch.frame, strict=True))
    ]


def mean_scores(found: list[ValidationRow], metrics: tuple[str, ...]) -> dict[str, Any]:
    """Means over recordings of their means over frames; frames where a metric is undefined are counted.

    Returns:
        A number by metric, and ``recordings``, ``frames`` and ``undefined`` (by metric, where there are any).

    Raises:
        ConfigError: there is no frame, or no frame on which a metric is defined.
    """
    by_recording: dict[str, list[Mapping[str, float]]] = {}
    for row in found:
        by_recording.setdefault(row.recording, []).append(row.scores)
    summary: dict[str, Any] = {}
    undefined = {}
    for name in metrics:
        columns = [np.array([scores[name] for scores in group]) for group in by_recording.values()]
        means = [column[~np.isnan(column)].mean() for column in columns if not np.isnan(column).all()]
        if not means:
            raise ConfigError(
                f"no frame of the validation clips has what {name} needs: choose clips with gaze, or other "
                "`validation.metrics`"
            )
        summary[name] = float(np.mean(means))
        missing = int(sum(np.isnan(column).sum() for column in columns))
        if missing:
            undefined[name] = missing
    summary |= {"recordings": len(by_recording), "frames": len(found)}
    return summary | ({"undefined": undefined} if undefined else {})
