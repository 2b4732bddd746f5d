"""One trained model, its windows moved on by more or fewer frames: scores and speed (3D-ResNet, Table 4)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from avsal.errors import ConfigError
from avsal.models import SaliencyModel
from avsal.training.run_folder import RunFolder
from avsal.training.sources import ValidationSource
from avsal.training.validation import mean_scores, score_rows
from avsal.types import ClipSpec
from avsal.weights import load_checkpoint, read_header

__all__ = ["check_strides", "score_strides"]


def check_strides(spec: ClipSpec, strides: tuple[int, ...], *, videos: bool) -> None:
    """Raise ConfigError where a model cannot move on by these numbers of frames.

    Args:
        spec: spec of the model.
        strides: strides to score with.
        videos: whether there are whole videos to move on in, not clips made for the model.
    """
    if strides and not videos:
        raise ConfigError("`validation.strides` need whole videos, of a prepared store: leave them out")
    if strides and spec.predicts != "all":
        raise ConfigError("`validation.strides` are for models that predict all frames: leave them out")
    most = spec.num_frames - 2 * spec.margin
    for stride in strides:
        if not 1 <= stride <= most:
            raise ConfigError(f"`validation.strides` must lie in 1..{most} but has {stride}")


def score_strides(
    folder: RunFolder,
    source: Callable[[ClipSpec], ValidationSource],
    strides: tuple[int, ...],
    metrics: tuple[str, ...],
    device: torch.device,
) -> None:
    """Score a run's best checkpoint with windows at each stride, and write that into its folder.

    Where the folder has the scores of this checkpoint at these strides already, nothing is done.

    Args:
        folder: folder of the run.
        source: gives the frames to score on, for a spec that says the stride.
        strides: strides of the windows.
        metrics: metrics to compute.
        device: device to predict on.
    """
    wanted = {"sha256": read_header(folder.best).sha256, "strides": list(strides), "metrics": list(metrics)}
    if folder.strides.exists():
        earlier = json.loads(folder.strides.read_text("utf-8"))
        if all(earlier[key] == value for key, value in wanted.items()):
            return
    model = load_checkpoint(folder.best, device=device)
    whole, rows = model.spec, {}
    for stride in strides:
        model.spec = replace(whole, stride=stride)
        rows[str(stride)] = _scores(model, source(model.spec), metrics)
    folder.write_json(folder.strides, {**wanted, "device": _name(device), "scores": rows})


def _scores(model: SaliencyModel, source: ValidationSource, metrics: tuple[str, ...]) -> dict[str, Any]:
    """Mean scores, and ``fps``: maps that the network alone makes in a second, batches as they come."""
    windows, seconds, began = 0, 0.0, 0.0

    def before(*_: Any) -> None:
        nonlocal began
        began = _now(model)

    def after(module: Any, arguments: tuple[Any, ...], maps: Any) -> None:
        nonlocal windows, seconds
        seconds += _now(model) - began
        windows += len(arguments[0])

    hooks = model.register_forward_pre_hook(before), model.register_forward_hook(after)
    try:
        found = [row for rows, _, _ in score_rows(model, source, metrics) for row in rows]
    finally:
        for hook in hooks:
            hook.remove()
    return mean_scores(found, metrics) | {"fps": windows * model.spec.stride / seconds}


def _now(model: SaliencyModel) -> float:
    """The time in seconds once the device has done what it was given."""
    if next(model.parameters()).device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
