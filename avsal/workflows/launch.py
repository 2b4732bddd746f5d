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

__all__ = ["place_in_launch", "submit", "wait_for_others"]

#: how long one process may go on after another is done
PATIENCE = timedelta(days=30)


def place_in_launch() -> tuple[int, int]:
    """(rank, number of processes), as torchrun and accelerate launch export them; else (0, 1).

    Raises:
        ConfigError: the variables contradict each other.
    """
    texts = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
    rank, count = (int(text) if text.isdigit() else -1 for text in texts)
    if not 0 <= rank < count:
        raise ConfigError(
            f"expected RANK below WORLD_SIZE in the environment but found {texts[0]!r} and {texts[1]!r}"
        )
    return rank, count


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
        *arguments: of `work`.
        options: of `submitit.AutoExecutor.update_parameters`, and ``cluster``: slurm where there is one, else
            local, which starts processes here.
        folder: for logs.

    Raises:
        ConfigError: submitit is missing, or does not know an option.
    """
    try:
        import submitit
    except ImportError as error:
        raise ConfigError("--submit needs submitit: pip install 'avsal[slurm]'") from error
    told = dict(options)
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
