"""A sweep of `avsal train -m`: each run tells what it varies and why it failed, a table is made of all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avsal.errors import AvsalError, ConfigError
from avsal.workflows.experiment import row_table
from avsal.workflows.launch import place_in_launch

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from avsal.report import ResultTable
    from avsal.training.stopping import StoppedError

__all__ = ["SweepResult", "collect", "folders_of", "told"]

_log = logging.getLogger(__name__)


def told(
    job: Callable[[DictConfig], float | None], sweep: str, stopped: list[StoppedError]
) -> Callable[[DictConfig], float | None]:
    """A job of a sweep that writes into its run folder what it is, and what went wrong.

    It raises no error of a run, so that the other runs go on; but once one was asked to stop, none begins.

    Args:
        job: trains by a configuration.
        sweep: what tells this sweep from others.
        stopped: takes the error of a run that was asked to stop, where runs are of this process.
    """

    def told_job(config: DictConfig) -> float | None:
        from hydra.core.hydra_config import HydraConfig

        from avsal.training.run_folder import RunFolder, read_json
        from avsal.training.stopping import StoppedError

        if stopped:
            return None
        hydra = HydraConfig.get()
        folder = RunFolder(hydra.runtime.output_dir)
        about = {"sweep": sweep, "row": config.get("row"), "choices": list(hydra.overrides.task)}
        about["table_file"] = str(_table_file(config, folder.path, about["choices"]))

        def note(error: str | None) -> None:
            if _is_first():
                folder.path.mkdir(parents=True, exist_ok=True)
                folder.write_json(folder.sweep, {**about, "error": error})

        before = read_json(folder.sweep) if folder.sweep.exists() else {}
        # a job that a cluster begins again is the same run of the same sweep
        if before.get("sweep") == sweep and before.get("choices") != about["choices"]:
            raise ConfigError(
                f"two runs of the sweep have the folder {folder.path}: tell them apart, for instance by "
                "hydra.sweep.subdir='${hydra.job.num}'"
            )
        note(None)
        try:
            table = row_table(config)
            about |= {"data": config.data.get("name"), "table": None if table is None else asdict(table)}
            note(None)
            if _is_first():
                _log.info("%s:", folder.path)
            return job(config)
        except StoppedError as error:
            stopped.append(error)
            return None
        except AvsalError as error:
            note(str(error))
            return None
        except Exception as error:  # a bug or no memory: Hydra raises it when the other runs are done
            note(f"{type(error).__name__}: {error}")
            raise

    return told_job


def _table_file(config: DictConfig, folder: Path, choices: Sequence[str]) -> Path:
    """Where a sweep's table goes, without its suffix; sweeps of one experiment share it.

    Runs of a paper's table have a folder of their own for it; other runs lie where single runs lie.
    """
    if config.get("row") is not None:
        return folder.parent / "sweep"
    chosen = dict(word.split("=", 1) for word in choices if "=" in word)
    name = chosen.get("experiment@_global_", config.model.name)
    return Path(config.run_root) / f"{name}_sweep"


def folders_of(sweep: str, root: Path) -> list[Path]:
    """The run folders of a sweep, and of earlier ones of the same table.

    Args:
        sweep: what tells it from others.
        root: folder that runs go to.

    Raises:
        CheckpointError: a file in which a run says what it varies is damaged.
    """
    from avsal.training.run_folder import read_json

    notes = {path: read_json(path) for path in sorted(root.rglob("sweep.json"))}
    ours = {note.get("table_file") for note in notes.values() if note.get("sweep") == sweep}
    return [path.parent for path, note in notes.items() if note.get("table_file") in ours]


@dataclass(frozen=True)
class SweepResult:
    """The table of a sweep.

    Attributes:
        table: of its runs, beside the paper's rows; None where another process makes it.
        failed: name and error of each run that failed.
        files: that the table was written to, beside the runs.
    """

    table: ResultTable | None
    failed: tuple[str, ...]
    files: tuple[Path, ...]


def collect(folders: Sequence[Path]) -> SweepResult:
    """Make the table of a sweep and write it beside its runs.

    Args:
        folders: folders of the runs.

    Raises:
        ConfigError: all runs failed.
    """
    from avsal.media.atomic import write_text
    from avsal.report import read_sweep_run, sweep_table
    from avsal.training.run_folder import RunFolder, read_json

    runs = [read_sweep_run(folder) for folder in folders]
    failed = tuple(f"{run.folder.name}: {run.error}" for run in runs if run.error is not None)
    place = Path(read_json(RunFolder(folders[0]).sweep)["table_file"])
    if len(failed) == len(runs):
        for text in failed[1:]:
            _log.error(text)
        raise ConfigError(failed[0])
    table = sweep_table(runs, place.name)
    files = []
    for suffix, text in (("md", table.to_markdown()), ("csv", table.to_csv())):
        files.append(place.with_name(f"{place.name}.{suffix}"))
        write_text(files[-1], text)
    return SweepResult(table, failed, tuple(files))


def _is_first() -> bool:
    """Whether this process is the only one, or the first of those that train together."""
    return place_in_launch()[0] == 0
