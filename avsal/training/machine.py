"""The processes and devices that a run trains on, and who else is told of its numbers, by Accelerate."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.tracking import LOGGER_TYPE_TO_CLASS
from accelerate.utils import DistributedDataParallelKwargs

from avsal.errors import ConfigError
from avsal.training.run_folder import RunFolder
from avsal.training.settings import TrainSettings

__all__ = ["create_accelerator", "largest_memory", "start_trackers"]

#: variables of the environment by which trackers do without a server of theirs
_WAYS = {"wandb": "set WANDB_MODE=offline", "mlflow": "set MLFLOW_TRACKING_URI=sqlite:///FILE"}


def create_accelerator(settings: TrainSettings, folder: RunFolder, *, unused: bool) -> Accelerator:
    """What the processes of a launch share a run by; torchrun's and Accelerate's on CPUs join too.

    Args:
        settings: settings of the run.
        folder: folder of the run.
        unused: whether some parameters may go without a gradient in a step.

    Raises:
        ConfigError: a precision that the device lacks, a tracker that is not installed, or norms that cannot
            be shared.
    """
    # one process may train several models one after the other, as a sweep does, in different precisions
    AcceleratorState._reset_state()
    alone = int(os.environ.get("WORLD_SIZE", "1") or 1) <= 1
    trackers = list(settings.run.trackers)
    for name in trackers:
        _check_tracker(name)
    try:
        accelerator = Accelerator(
            mixed_precision=settings.engine.precision,
            dynamo_backend="inductor" if settings.engine.compile else None,
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=unused)],
            cpu=True if not alone and not torch.cuda.is_available() else None,
            log_with=trackers or None,
            project_dir=str(folder.path),
        )
    except ValueError as error:
        raise ConfigError(f"`engine.precision` {settings.engine.precision}: {error}") from error
    if settings.engine.sync_batch_norm and accelerator.device.type != "cuda":
        raise ConfigError(
            f"`engine.sync_batch_norm` needs GPUs but this trains on {accelerator.device.type}: leave it out"
        )
    return accelerator


def _check_tracker(name: str) -> None:
    """Raise ConfigError for a tracker that Accelerate does not know or that is not installed."""
    from importlib.util import find_spec

    known = sorted(LOGGER_TYPE_TO_CLASS)
    if name not in known:
        raise ConfigError(f"`run.trackers` must be some of {', '.join(known)} but has {name!r}")
    if (name in sys.modules and sys.modules[name] is None) or find_spec(name) is None:
        raise ConfigError(f"run.trackers={name} needs its package: pip install {name.replace('_', '-')}")


def start_trackers(
    accelerator: Accelerator, settings: Mapping[str, Any], name: str, step: int
) -> Callable[[dict[str, float], int], None] | None:
    """Begin to tell the trackers; returns who is told the numbers, None where there is no tracker.

    Args:
        accelerator: accelerator that was made with them.
        settings: settings of the run, as plain values.
        name: name of the run.
        step: number of the step that it goes on from.

    Raises:
        ConfigError: a tracker refuses.
    """
    trackers = [str(getattr(tracker, "value", tracker)) for tracker in accelerator.log_with]
    if not trackers:
        return None
    own: dict[str, dict[str, Any]] = {
        "tensorboard": {"purge_step": step + 1},
        "wandb": {"name": name},
        "mlflow": {"run_name": name},
    }
    options = {tracker: own[tracker] for tracker in trackers if tracker in own}
    # a folder of the run's for the former
    project = "tensorboard" if trackers == ["tensorboard"] else "avsal"
    try:
        accelerator.init_trackers(project, config=_flat(settings), init_kwargs=options)
    except Exception as error:  # of the trackers' own kinds: no key, no server, no room
        reason = str(error).strip().partition("\n")[0][:300] or type(error).__name__
        ways = [_WAYS[tracker] for tracker in trackers if tracker in _WAYS]
        raise ConfigError(
            f"run.trackers={','.join(trackers)} cannot begin ({reason}): "
            f"{' or '.join(['see to it', *ways, 'leave it out'])}, and go on with run.resume=auto"
        ) from error
    return lambda values, at: accelerator.log(values, step=at)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by dotted name, as trackers take them: numbers, text and truth."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value if isinstance(value, bool | int | float | str) else str(value)
    return found


def largest_memory(device: torch.device) -> float:
    """Most memory that was in use so far, in GB: of the GPU, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e9 if sys.platform == "darwin" else 1e6)
