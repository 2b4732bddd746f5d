"""All that the next step depends on, saved so that a killed run goes on as if nothing had happened.

There is no generator in it: what is random (clips, dropped sound, dropout) is drawn anew for each step from
the run's seed and the step's number.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim import Optimizer

from avsal.errors import CheckpointError, MediaError
from avsal.media.atomic import atomic_path
from avsal.models import SaliencyModel

__all__ = ["Progress", "SavedState", "load_state", "save_state"]

_FORMAT = 1


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        step: finished in all.
        epoch: finished.
        step_in_epoch: finished in the epoch that is under way.
        best: the best score so far.
        best_step: after which it was reached.
        stale: validations since.
        skipped: steps that fp16's scaler left out.
        ended_at: the step after which an epoch, or the run, was last brought to its end, validation and all.
    """

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    best: float | None = None
    best_step: int | None = None
    stale: int = 0
    skipped: int = 0
    ended_at: int = 0


def save_state(
    path: Path,
    *,
    model: SaliencyModel,
    optimiser: Optimizer,
    scaler: Mapping[str, Any] | None,
    progress: Progress,
    num_processes: int,
    average: Mapping[str, Tensor] | None = None,
    before: Path | None = None,
) -> None:
    """Write the state; a kill at any moment leaves the old file or the new one.

    Args:
        path: path of the file.
        model: trained.
        optimiser: optimiser that trains it.
        scaler: state of fp16's scaler, None without one.
        progress: how far the run is.
        num_processes: number of processes that train, for information.
        average: averaged weights, None where there are none.
        before: where the file that was there goes.

    Raises:
        CheckpointError: the disk refuses.
    """
    content = {
        "format": _FORMAT,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "scaler": None if scaler is None else dict(scaler),
        "progress": asdict(progress),
        "num_processes": num_processes,
        "average": None if average is None else dict(average),
    }
    try:
        with atomic_path(path) as partial:
            with partial.open("wb") as file:
                torch.save(content, file)
                file.flush()
                os.fsync(file.fileno())
            if before is not None and path.exists():
                path.replace(before)
    except (OSError, RuntimeError, MediaError) as error:
        kept = "the one before is whole" if path.exists() else "there is none yet"
        raise CheckpointError(
            f"the state {path} cannot be written ({error}); {kept}: make room and go on with run.resume=auto"
        ) from error


class SavedState(NamedTuple):
    """What was read beside the weights.

    Attributes:
        progress: how far the run was.
        scaler: state of fp16's scaler.
        average: averaged weights.
        num_processes: that wrote it.
        note: what the user should know, None for nothing.
    """

    progress: Progress
    scaler: Mapping[str, Any] | None
    average: Mapping[str, Tensor] | None
    num_processes: int
    note: str | None = None


def load_state(
    path: Path, *, model: SaliencyModel, optimiser: Optimizer, before: Path | None = None
) -> SavedState:
    """Read a state into a model and its optimiser.

    Args:
        path: path of the file.
        model: takes the weights.
        optimiser: takes its state.
        before: read instead where `path` is missing or damaged.

    Raises:
        CheckpointError: the files are damaged or of another model.
    """
    if before is None or not before.exists():
        return _load(path, model, optimiser)
    try:
        return _load(path, model, optimiser)
    except CheckpointError as error:
        try:
            found = _load(before, model, optimiser)
        except CheckpointError:
            raise error from None
        reason = f"{path.name} is damaged" if path.exists() else f"{path.name} is missing"
        return found._replace(
            note=f"{reason}: going on from {before.name}, saved after {found.progress.step}"
        )


def _load(path: Path, model: SaliencyModel, optimiser: Optimizer) -> SavedState:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != _FORMAT:
            raise CheckpointError(f"{path} has format {content['format']}, this avsal reads {_FORMAT}")
        # states of older versions do not tell: what they hold had come to its end
        progress = Progress(**{"ended_at": content["progress"].get("step"), **content["progress"]})
        for name in ("step", "epoch", "step_in_epoch", "stale", "skipped", "ended_at"):
            if type(getattr(progress, name)) is not int or getattr(progress, name) < 0:
                raise ValueError(f"`{name}` is {getattr(progress, name)!r}")
        model.load_state_dict(content["model"])
        optimiser.load_state_dict(content["optimiser"])
        return SavedState(progress, content["scaler"], content.get("average"), int(content["num_processes"]))
    except CheckpointError:
        raise
    except Exception as error:  # a damaged archive makes torch raise errors of every kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"the state {path} cannot be used ({reason}): remove state.pt and state_before.pt to begin anew"
        ) from error
