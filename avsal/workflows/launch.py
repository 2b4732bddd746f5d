"""Work in several processes, on one machine or many: each takes every N-th piece on its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.errors import ConfigError

if TYPE_CHECKING:
    import submitit

__all__ = ["place_in_launch", "place_on_machine", "submit", "wait_for_others"]

#: how long one process may go on after another is done
PATIENCE = timedelta(days=30)


def place_in_launch() -> tuple[int, int]:
    """(rank, number of processes), as torchrun, accelerate launch and srun export them; else (0, 1).

    The shell of a batch script, which Slurm counts as its first task, is a process of its own: only tasks
    that srun starts share work out.

    Raises:
        ConfigError: the variables contradict each other.
    """
    rank, size = "RANK", "WORLD_SIZE"
    if size not in os.environ and rank not in os.environ:
        by_srun = "SLURM_STEP_ID" in os.environ or "SLURM_JOB_ID" not in os.environ
        if by_srun and {"SLURM_PROCID", "SLURM_NTASKS"} <= os.environ.keys():
            rank = "SLURM_PROCID"
            size = "SLURM_STEP_NUM_TASKS" if "SLURM_STEP_NUM_TASKS" in os.environ else "SLURM_NTASKS"
    texts = os.environ.get(rank, "0"), os.environ.get(size, "1")
    place, count = (int(text) if text.isdigit() else -1 for text in texts)
    if not 0 <= place < count:
        raise ConfigError(
            f"expected {rank} below {size} in the environment but found {texts[0]!r} and {texts[1]!r}"
        )
    return place, count


def place_on_machine() -> int:
    """The number of this process among those on its machine, from 0."""
    local = os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID", "0")
    return int(local) if local.isdigit() else 0


def wait_for_others(rank: int, count: int) -> None:
    """Return when all processes are done, where torchrun or accelerate launch watches over them.

    It ends all others as soon as one reports that a video failed.
    """
    if count == 1 or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), timeout=PATIENCE)
    restarts = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    done = [f"avsal/predict/{restarts}/{number}" for number in range(count)]
    store.set(done[rank], "done")
    store.wait(done, PATIENCE)


def submit(
    work: Callable[..., int], *arguments: Any, options: Mapping[str, Any], folder: Path
) -> submitit.Job[int]:
    """Hand work to a cluster's queue and return at once; its tasks share it out by `place_in_launch`.

    Args:
        work: what each task does.
        *arguments: arguments of `work`.
        options: options of `submitit.AutoExecutor.update_parameters`, and ``cluster``: slurm where there is
            one, else local, which starts processes here.
        folder: for logs.

    Raises:
        ConfigError: submitit is missing, or does not know an option.
    """
    try:
        import submitit
    except ImportError as error:
        raise ConfigError("--submit needs submitit: pip install 'avsal[slurm]'") from error
    told = dict(options)
    for name, value in told.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
            raise ConfigError(f"--submit: expected {name} above 0 but found {value}")
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=told.pop("cluster", None))
        executor.update_parameters(name="avsal-predict", **told)
    except (NameError, TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(f"--submit: {' '.join(str(error).split())}") from error
    return executor.submit(run_task, work, arguments)


def run_task(work: Callable[..., int], arguments: Sequence[Any]) -> int:
    """One process of submitted work."""
    import submitit

    place = submitit.JobEnvironment()
    os.environ["RANK"], os.environ["WORLD_SIZE"] = str(place.global_rank), str(place.num_tasks)
    os.environ["LOCAL_RANK"] = str(place.local_rank)
    return work(*arguments)
