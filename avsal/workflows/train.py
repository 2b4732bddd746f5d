"""Training: experiments composed by Hydra, run here, in a sweep or on a cluster; what a run leaves behind."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.configuration import config_dir
from avsal.errors import ConfigError
from avsal.render.style import Drawn, written
from avsal.workflows.experiment import (
    compose,
    composing_errors,
    for_hydra,
    one_line,
    register_defaults,
    resolve,
    varied_keys,
    words_of,
)
from avsal.workflows.launch import place_in_launch
from avsal.workflows.stages import Stage, begun
from avsal.workflows.sweep import SweepResult, collect, folders_of, told

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from omegaconf import DictConfig

    from avsal.clips import Store
    from avsal.models import SaliencyModel
    from avsal.training.run_folder import RunFolder
    from avsal.training.settings import TrainSettings
    from avsal.workflows.training_data import Data

__all__ = ["TrainedRun", "launch", "run", "train", "train_job"]


@dataclass(frozen=True)
class TrainedRun(Drawn):
    """A run that has ended, read from its folder.

    Attributes:
        folder: of the run; `avsal.training.run_folder` lists what is in it.
    """

    folder: Path

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of the log: steps, validations and the end."""
        from avsal.training.run_folder import read_log

        return read_log(self.folder / "log.jsonl")

    @property
    def best(self) -> float | None:
        """The best validation score; None where nothing was validated."""
        ends = [line.get("best") for line in self.log if line.get("kind") == "end"]
        return ends[-1] if ends else None

    @property
    def checkpoint(self) -> Path:
        """The checkpoint with the best score, else the newest."""
        best = self.folder / "best.safetensors"
        return best if best.exists() else self.folder / "last.safetensors"

    def model(self) -> SaliencyModel:
        """The model of `checkpoint`, ready to predict."""
        from avsal.weights import load_model

        return load_model(self.checkpoint)

    def figure(self) -> Figure:
        """Loss and validation scores over steps, for `avsal.plot` and notebooks."""
        from avsal.render.training_curves import training_curves

        return training_curves(self.log)


def train(
    experiment: str | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    store: Store | str | Path | None = None,
    folder: str | Path | None = None,
) -> TrainedRun:
    """Train a model by an experiment file, as `avsal train experiment=NAME KEY=VALUE` does.

    Examples:
        >>> run = avsal.train("small_hevc", store="stores/hevc", changes={"steps": 100})
        >>> run.best, run.checkpoint; run.plot("curves.png")

    Args:
        experiment: one of `avsal train --help`; None: the defaults and `changes` alone.
        changes: settings by dotted name, such as ``{"optim.learning_rate": 1e-3, "split": 1}``.
        store: what `avsal.prepare` made, or its folder, instead of the experiment's own data folders.
        folder: folder of the run; None: as the experiment says.

    Raises:
        ConfigError: an unknown setting or an impossible value.
        DatasetError: the data cannot be used.
        AvsalError: the run was stopped or diverged.
    """
    given = dict(changes or {})
    if folder is not None:
        given["run.folder"] = str(folder)
    words = [*([f"experiment={experiment}"] if experiment else []), *words_of(given)]
    settings, data = resolve(begun(compose(words), words, train_stage))
    if store is not None:
        data = _of_store(data, store)
    run(settings, data)
    return TrainedRun(Path(settings.run.folder))


def _of_store(data: Any, store: Store | str | Path) -> Any:
    """Stored data whose recordings are those of one store."""
    from avsal.clips import Store
    from avsal.workflows.training_data import SetSettings, StoredData

    if not isinstance(data, StoredData):
        raise ConfigError("`store` is given, but the experiment makes its clips: leave it out")
    opened = store if isinstance(store, Store) else Store(store)
    names = dict.fromkeys(recording.dataset for recording in opened)
    folds = {entry.name: entry.fold for entry in data.sets}
    sets = tuple(SetSettings(name, str(opened.folder), folds.get(name)) for name in names)
    return replace(data, sets=sets)


def launch(overrides: Sequence[str], *, multirun: bool = False) -> SweepResult | TrainedRun:
    """Train by a line of words: one run, or a sweep here or on a cluster.

    Args:
        overrides: ``key=value`` words; a list of values, such as ``split=1,2,3``, makes it a sweep.
        multirun: whether it is a sweep although no word lists values, as for an experiment with rows.

    Returns:
        The run; of a sweep its table and the runs that failed.

    Raises:
        AvsalError: a single run failed, or all of a sweep.
    """
    from avsal.training.stopping import StoppedError

    swept, untold = varied_keys(overrides)
    if not (multirun or swept):
        settings, data = resolve(begun(compose(overrides), overrides, train_stage))
        run(settings, data)
        return TrainedRun(Path(settings.run.folder))
    constant = [word.partition("=")[0].lstrip("+~") for word in overrides]
    excluded = {"row", "seed", "experiment", *constant, *swept} - set(untold)
    names = ",".join(f"'{name}'" for name in sorted(excluded))
    words = [*overrides, f"hydra.job.config.override_dirname.exclude_keys=[{names}]"]
    sweep, failure = uuid.uuid4().hex, None
    stopped: list[StoppedError] = []
    try:
        _hand_over(told(train_job, sweep, stopped), words)
    except Exception as error:  # the runs that went well are worth their table
        failure = error
    if stopped:
        raise stopped[0]
    roots = dict(word.split("=", 1) for word in overrides if "=" in word)
    folders = folders_of(sweep, Path(roots.get("hydra.sweep.dir", roots.get("run_root", "runs"))))
    first = place_in_launch()[0] == 0
    result = collect(folders) if folders and first else SweepResult(None, (), ())
    if failure is not None:
        raise failure
    return result


def _hand_over(job: Callable[[DictConfig], Any], overrides: Sequence[str]) -> None:
    """Let Hydra compose each run of a sweep and hand it to the launcher."""
    import hydra

    register_defaults()
    main = hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")(job)
    line, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["avsal train", "--multirun", *for_hydra(overrides)]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us as they are
    try:
        main()
    except composing_errors() as error:
        raise ConfigError(one_line(error)) from error
    finally:
        sys.argv = line
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]


def describe(folder: RunFolder) -> None:
    """Write the loss curve and the model card of a run that has ended into its folder."""
    from avsal.media.atomic import write_text
    from avsal.render.training_curves import training_curves
    from avsal.training.run_folder import read_log
    from avsal.weights import read_header
    from avsal.weights.card import model_card

    log = read_log(folder.log)
    if any(line["kind"] == "step" for line in log):  # a short run may have logged none
        written(training_curves(log), folder.curves)
    card = model_card(read_header(folder.best if folder.best.exists() else folder.last))
    write_text(folder.card, card)


def train_job(config: DictConfig) -> float | None:
    """One run of a sweep; its best validation score, for sweepers that look for one.

    Raises:
        AvsalError: settings, files or data are not what they should be, or the run was stopped.
    """
    from hydra.core.hydra_config import HydraConfig

    hydra = HydraConfig.get()
    words = [word.replace("experiment@_global_=", "experiment=", 1) for word in hydra.overrides.task]
    words = [word.removeprefix("++") for word in words]
    return run(*resolve(begun(config, words, train_stage), hydra.runtime.output_dir))


def train_stage(stage: Stage) -> None:
    """Train an earlier stage, or go on with it where it was stopped.

    Raises:
        AvsalError: see `run`.
    """
    words = [f"experiment={stage.experiment}", *stage.words, "run.resume=auto"]
    run(*resolve(begun(compose(words), words, train_stage)))


def run(settings: TrainSettings, data: Data) -> float | None:
    """Train with settings and data as they are; the best validation score.

    Raises:
        AvsalError: files or data are not what they should be, or the run was stopped.
    """
    import torch

    from avsal.training import Trainer, build_model, check_start
    from avsal.training.strides import check_strides, score_strides
    from avsal.workflows.training_data import StoredData, sources

    torch.manual_seed(settings.seed)  # the weights that start fresh
    model, start = build_model(settings.model)
    check_start(settings, start)
    strides = settings.validation.strides
    check_strides(model.spec, strides, videos=isinstance(data, StoredData))
    clips, validation = sources(data, settings, model.spec)
    trainer = Trainer(settings, model, clips, validation, start)
    best: float | None = trainer.run()["best"]
    if trainer.accelerator.is_main_process:
        describe(trainer.folder)
    if strides and trainer.accelerator.is_main_process:
        every_frame = replace(settings, validation=replace(settings.validation, frame_step=1))
        score_strides(
            trainer.folder,
            lambda spec: sources(data, every_frame, spec)[1],
            strides,
            settings.validation.metrics,
            trainer.accelerator.device,
        )
    return best
