"""All that the next step depends on, saved so that a killed run goes on as if nothing had happened.

There is no generator in it: what is random (clips, dropped sound, dropout) is drawn anew for each step from
the run's seed and the step's number.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

from avsal.errors import CheckpointError, ConfigError, MediaError
from avsal.media.atomic import atomic_path
from avsal.models import SaliencyModel

__all__ = ["Progress", "load_state", "save_state"]

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
    """

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    best: float | None = None
    best_step: int | None = None
    stale: int = 0
    skipped: int = 0


def save_state(
    path: Path,
    *,
    model: SaliencyModel,
    optimiser: Optimizer,
    scaler: Mapping[str, Any] | None,
    progress: Progress,
    num_processes: int,
) -> None:
    """Write the state; a kill at any moment leaves the old file or the new one.

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
    }
    try:
        with atomic_path(path) as partial, partial.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError, MediaError) as error:
        kept = "the one before is whole" if path.exists() else "there is none yet"
        raise CheckpointError(
            f"the state {path} cannot be written ({error}); {kept}: make room and go on with run.resume=auto"
        ) from error


def load_state(
    path: Path, *, model: SaliencyModel, optimiser: Optimizer, num_processes: int
) -> tuple[Progress, Mapping[str, Any] | None]:
    """Read a state into a model and its optimiser.

    Returns:
        How far the run was, and the state of fp16's scaler.

    Raises:
        CheckpointError: the file is damaged or of another model.
        ConfigError: the run used another number of processes, which share its clips.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != _FORMAT:
            raise CheckpointError(f"{path} has format {content['format']}, this avsal reads {_FORMAT}")
        if content["num_processes"] != num_processes:
            raise ConfigError(
                f"{path} was written by {content['num_processes']} processes but now there are "
                f"{num_processes}: start as many"
            )
        model.load_state_dict(content["model"])
        optimiser.load_state_dict(content["optimiser"])
        return Progress(**content["progress"]), content["scaler"]
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"the state {path} cannot be used ({reason}): remove the folder's state.pt to begin anew"
        ) from error
