"""Training: experiments composed by Hydra, run here, in a sweep or on a cluster; what a run leaves behind."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from avsal.configuration import config_dir, from_mapping
from avsal.errors import AvsalError, ConfigError
from avsal.render.style import written
from avsal.workflows.launch import place_in_launch
from avsal.workflows.sweep import SweepResult, chosen_row, collect, folders_of, told

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from omegaconf import DictConfig

    from avsal.clips import Store
    from avsal.models import SaliencyModel
    from avsal.training.settings import TrainSettings
    from avsal.workflows.training_data import MixedData, StoredData, SyntheticData

__all__ = [
    "TrainedRun",
    "compose",
    "experiments",
    "launch",
    "one_line",
    "resolve",
    "run",
    "train",
    "train_job",
]

_OWN = (
    "name",
    "split",
    "data_root",
    "stored_size",
    "run_root",
    "data",
    "table",
    "row",
)  # of the configuration, not of `TrainSettings`


@dataclass(frozen=True)
class TrainedRun:
    """A run that has ended, read from its folder.

    Attributes:
        folder: of the run; `avsal.training.run_folder` lists what is in it.
    """

    folder: Path

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of the log: steps, validations and the end."""
        lines = (self.folder / "log.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]

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

    def plot(self, path: str | Path) -> Path:
        """Write `figure` as a PNG, PDF or SVG.

        Raises:
            MediaError: the file cannot be written.
        """
        written(self.figure(), path)
        return Path(path)


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
        folder: of the run; None: as the experiment says.

    Raises:
        ConfigError: an unknown setting or an impossible value.
        DatasetError: the data cannot be used.
        AvsalError: the run was stopped or diverged.
    """
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    given = dict(changes or {})
    if folder is not None:
        given["run.folder"] = str(folder)
    words = [*([f"experiment={experiment}"] if experiment else [])]
    words += [f"{key}={_word(value)}" for key, value in given.items()]
    try:
        config = compose(words)
        settings, data = resolve(chosen_row(config, words))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(one_line(error)) from error
    if store is not None:
        data = _of_store(data, store)
    run(settings, data)
    return TrainedRun(Path(settings.run.folder))


def _word(value: Any) -> str:
    """A value as a word of Hydra's grammar."""
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_word, value))}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_word(item)}" for key, item in value.items()) + "}"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


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


def experiments() -> dict[str, str]:
    """The first line of each experiment file, by its name."""
    found = {}
    for path in sorted((config_dir() / "experiment").glob("*.yaml")):
        with path.open(encoding="utf-8") as file:
            found[path.stem] = file.readline().lstrip("# ").strip()
    return found


def compose(overrides: Sequence[str]) -> DictConfig:
    """The configuration of one run, without Hydra's own part.

    Raises:
        HydraException: a choice that does not exist.
    """
    import hydra

    _register_defaults()
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3", job_name="train"):
        return hydra.compose("train", _for_hydra(overrides))


def launch(overrides: Sequence[str], *, multirun: bool = False) -> SweepResult | None:
    """Hand a line to Hydra, which runs `train_job` here, in a sweep, or on a cluster.

    Args:
        overrides: ``key=value`` words; lists of values where it is a sweep.
        multirun: whether it is a sweep.

    Returns:
        The table of a sweep and the runs of it that failed; None for a single run.

    Raises:
        AvsalError: a single run failed, or all of a sweep.
    """
    from avsal.training.stopping import StoppedError

    _register_defaults()
    if not multirun:
        failed: list[AvsalError] = []

        def one_run(config: DictConfig) -> None:
            try:  # Hydra would print the whole line before our message
                train_job(config)
            except AvsalError as error:
                failed.append(error)

        _hand_over(one_run, overrides, multirun)
        if failed:
            raise failed[0]
        return None
    sweep, failure = uuid.uuid4().hex, None
    stopped: list[StoppedError] = []
    try:
        _hand_over(told(train_job, sweep, stopped), overrides, multirun)
    except Exception as error:  # the runs that went well are worth their table
        failure = error
    if stopped:
        raise stopped[0]
    roots = dict(word.split("=", 1) for word in overrides if "=" in word)
    folders = folders_of(sweep, Path(roots.get("hydra.sweep.dir", roots.get("run_root", "runs"))))
    result = collect(folders) if folders and place_in_launch()[0] == 0 else None
    if failure is not None:
        raise failure
    return result


def _hand_over(job: Callable[[DictConfig], Any], overrides: Sequence[str], multirun: bool) -> None:
    """Let Hydra compose the line and run the job."""
    import hydra

    main = hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")(job)
    line, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["avsal train", *(["--multirun"] if multirun else []), *_for_hydra(overrides)]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us as they are
    try:
        main()
    finally:
        sys.argv = line
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]


def train_job(config: DictConfig) -> float | None:
    """One run; its best validation score, for sweepers that look for one.

    Raises:
        AvsalError: settings, files or data are not what they should be, or the run was stopped.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    folder, words = None, []
    if HydraConfig.initialized():
        hydra = HydraConfig.get()
        words = list(hydra.overrides.task)
        folder = hydra.runtime.output_dir if hydra.mode == RunMode.MULTIRUN else None
    return run(*resolve(chosen_row(config, words), folder))


def run(settings: TrainSettings, data: StoredData | SyntheticData | MixedData) -> float | None:
    """Train with settings and data as they are; the best validation score.

    Raises:
        AvsalError: files or data are not what they should be, or the run was stopped.
    """
    import torch

    from avsal.training import Trainer, build_model
    from avsal.training.strides import check_strides, score_strides
    from avsal.workflows.training_data import StoredData, sources

    torch.manual_seed(settings.seed)  # the weights that start fresh
    model, notes = build_model(settings.model)
    strides = settings.validation.strides
    check_strides(model.spec, strides, videos=isinstance(data, StoredData))
    clips, validation = sources(data, settings, model.spec)
    trainer = Trainer(settings, model, clips, validation, notes)
    best: float | None = trainer.run()["best"]
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


def resolve(
    config: DictConfig, folder: str | None = None
) -> tuple[TrainSettings, StoredData | SyntheticData | MixedData]:
    """Settings and data of a composed configuration, checked.

    Args:
        config: as composed.
        folder: of the run, where it is not the configuration's.

    Returns:
        `TrainSettings`, and `StoredData`, `SyntheticData` or `MixedData`.

    Raises:
        ConfigError: an unknown key, a wrong type, a value that is missing or impossible.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from avsal.training.settings import TrainSettings
    from avsal.workflows.training_data import data_settings

    try:
        values: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(one_line(error)) from error
    values.pop("hydra", None)
    own = {name: values.pop(name) for name in _OWN if name in values}
    if folder is not None:
        values["run"]["folder"] = folder
    return from_mapping(TrainSettings, values), data_settings(own.get("data") or {})


def _for_hydra(overrides: Sequence[str]) -> list[str]:
    """Hydra's name of the group of experiments says that their keys are of the whole configuration.

    Its other way to say so takes the first line of every file, which is for the command.
    """
    changed = []
    for word in overrides:
        if word.startswith("experiment="):
            word = word.replace("experiment=", "experiment@_global_=", 1)
        elif word.startswith("model.arguments."):  # a mapping that the model checks, not Hydra
            word = f"++{word}"
        changed.append(word)
    return changed


def _register_defaults() -> None:
    """Tell Hydra all settings with their defaults: a line may change any, and YAML names only choices."""
    from hydra.core.config_store import ConfigStore

    from avsal.training.settings import TrainSettings

    ConfigStore.instance().store(name="settings", node=_defaults(TrainSettings))


def _defaults(kind: Any) -> dict[str, Any]:
    """The defaults of a dataclass of settings; ``???`` where there is none."""
    values: dict[str, Any] = {}
    hints = get_type_hints(kind)
    for field in fields(kind):
        if is_dataclass(hints[field.name]):
            values[field.name] = _defaults(hints[field.name])
        elif field.default is not MISSING:
            values[field.name] = list(field.default) if isinstance(field.default, tuple) else field.default
        elif field.default_factory is not MISSING:
            values[field.name] = field.default_factory()
        else:
            values[field.name] = {} if "Mapping" in str(field.type) else "???"
    return values


def one_line(error: Exception) -> str:
    """What is wrong, in one line, where Hydra's message has several."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    keep = [line for line in lines if not line.startswith(("full_key:", "object_type=", "reference_type="))]
    unknown = re.match(r"Could not override '([^']+)'", keep[0]) if keep else None
    if unknown is None:
        return " ".join(keep)
    names = _names(compose([]))
    if unknown[1] in names:  # a table that has no such entry yet
        return f"`{unknown[1]}` takes names of your own: add them with +{unknown[1]}={{name: value}}"
    near = difflib.get_close_matches(unknown[1], names, n=1)
    hint = f"did you mean `{near[0]}`?" if near else "`avsal train --show` prints those there are"
    return f"unknown setting `{unknown[1]}`: {hint}"


def _names(config: Any, prefix: str = "") -> list[str]:
    """The dotted names of everything in a configuration."""
    found = []
    for key in config:
        name = f"{prefix}{key}"
        found.append(name)
        if hasattr(config._get_node(key), "items"):
            found += _names(config._get_node(key), f"{name}.")
    return found
