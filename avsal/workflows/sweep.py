"""A sweep of `avsal train -m`: each run tells what it varies and why it failed, a table is made of all."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.errors import AvsalError, ConfigError
from avsal.workflows.launch import place_in_launch

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from avsal.report import ResultTable
    from avsal.training.rows import TableSettings
    from avsal.training.stopping import StoppedError

__all__ = ["SweepResult", "chosen_row", "collect", "folders_of", "row_table", "told"]

_log = logging.getLogger(__name__)


def row_table(config: DictConfig) -> TableSettings | None:
    """The table of an experiment; None where it has none.

    Raises:
        ConfigError: an unknown key or a wrong type in it.
    """
    from omegaconf import OmegaConf

    from avsal.configuration import from_mapping
    from avsal.training.rows import TableSettings

    if config.get("table") is None:
        return None
    values: Any = OmegaConf.to_container(config.table)
    return from_mapping(TableSettings, values, "table")


def chosen_row(config: DictConfig, words: list[str]) -> DictConfig:
    """The configuration with the changes of its row, or as it is where it names none.

    Args:
        config: as composed.
        words: that the line said.

    Raises:
        ConfigError: there is no such row, or the line sets what the row sets.
    """
    from omegaconf import OmegaConf

    name, table = config.get("row"), row_table(config)
    if name is None:
        return config
    if table is None:
        raise ConfigError(f"`row` is {name!r} but the experiment has no table: leave it out")
    changed: DictConfig = OmegaConf.create(dict(OmegaConf.to_container(config)))  # type: ignore[arg-type]
    said = {word.partition("=")[0].lstrip("+") for word in words}
    for key, value in table.row(str(name)).changes.items():
        if key in said:
            raise ConfigError(
                f"`{key}` is what the rows of {table.title} set: leave it out, or vary it in the experiment "
                "that this one is a change of"
            )
        OmegaConf.update(changed, key, value, merge=False, force_add=True)
    return changed


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

        from avsal.training.run_folder import RunFolder
        from avsal.training.stopping import StoppedError

        if stopped:
            return None
        hydra = HydraConfig.get()
        folder = RunFolder(hydra.runtime.output_dir)
        about = {"sweep": sweep, "row": config.get("row"), "choices": list(hydra.overrides.task)}

        def note(error: str | None) -> None:
            if _is_first():
                folder.path.mkdir(parents=True, exist_ok=True)
                folder.write_json(folder.sweep, {**about, "error": error})

        before = json.loads(folder.sweep.read_text("utf-8")) if folder.sweep.exists() else {}
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


def folders_of(sweep: str, root: Path) -> list[Path]:
    """The run folders of a sweep, and of earlier ones that went to the same folder.

    Args:
        sweep: what tells it from others.
        root: folder that runs go to.
    """
    notes = sorted(root.rglob("sweep.json"))
    ours = {path.parents[1] for path in notes if json.loads(path.read_text("utf-8"))["sweep"] == sweep}
    return [path.parent for path in notes if path.parents[1] in ours]


@dataclass(frozen=True)
class SweepResult:
    """The table of a sweep.

    Attributes:
        table: of its runs, beside the paper's rows.
        failed: name and error of each run that failed.
        files: that the table was written to, beside the runs.
    """

    table: ResultTable
    failed: tuple[str, ...]
    files: tuple[Path, ...]


def collect(folders: Sequence[Path]) -> SweepResult:
    """Make the table of a sweep and write it beside its runs.

    Args:
        folders: of the runs.

    Raises:
        ConfigError: all runs failed.
    """
    from avsal.media import atomic_path
    from avsal.report import read_sweep_run, sweep_table

    runs = [read_sweep_run(folder) for folder in folders]
    failed = tuple(f"{run.folder.name}: {run.error}" for run in runs if run.error is not None)
    if len(failed) == len(runs):
        for text in failed[1:]:
            _log.error(text)
        raise ConfigError(failed[0])
    table = sweep_table(runs)
    files = []
    for suffix, text in (("md", table.to_markdown()), ("csv", table.to_csv())):
        files.append(folders[0].parent / f"sweep.{suffix}")
        with atomic_path(files[-1]) as partial:
            partial.write_text(text, encoding="utf-8")
    return SweepResult(table, failed, tuple(files))


def _is_first() -> bool:
    """Whether this process is the only one, or the first of those that train together."""
    return place_in_launch()[0] == 0
