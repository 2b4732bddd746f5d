"""Train a model by an experiment file, or by choices on the line.

    avsal train experiment=tsfpnet_av data=diem split=1
    avsal train experiment=small_hevc optim.learning_rate=1e-3 run.folder=runs/try
    avsal train experiment=tsfpnet_dhf1k run.resume=auto
    avsal train -m experiment=ablation_esan              a paper's table: a run for each row, then the table
    avsal train -m experiment=ablation_esan row=full,plain seed=0,1 run.resume=auto     two of its rows
    avsal train -m experiment=tsfpnet_av split=1,2,3 hydra/launcher=submitit_slurm

Choices are `key=value`; `--show` prints all keys with their values. data_root= is the folder of the stores
that `avsal data prepare` wrote, run_root= the folder that runs go to. A model's arguments, such as its
variant, are model.arguments.KEY=VALUE. The clean protocol is the default: checkpoints are chosen on a part of
the training videos; protocol=published chooses on what the paper did.

A sweep (-m) ends with the table of its runs beside the paper's, kept in its folder as sweep.md and sweep.csv.
A run that fails is named and does not stop the others. A stopped sweep goes on by its line, run.resume=auto
added.

Several GPUs or machines: accelerate launch -m avsal train ..., or torchrun -m avsal train ...
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import uuid
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from avsal.cli.predict_launch import place_in_launch
from avsal.cli.train_sweep import chosen_row, folders_of, report, told
from avsal.configuration import config_dir
from avsal.errors import AvsalError, ConfigError

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["add_arguments", "compose", "experiments", "run", "train_job"]

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


def experiments() -> dict[str, str]:
    """The first line of each experiment file, by its name."""
    found = {}
    for path in sorted((config_dir() / "experiment").glob("*.yaml")):
        with path.open(encoding="utf-8") as file:
            found[path.stem] = file.readline().lstrip("# ").strip()
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="choices, see above")
    parser.add_argument("-m", "--multirun", action="store_true", help="sweep over a=1,2,3")
    parser.add_argument("--show", action="store_true", help="print the composed settings and leave")
    lines = "\n".join(f"  {command}" for command in experiments().values())
    parser.epilog = f"experiments:\n{lines}"


def run(arguments: argparse.Namespace) -> int:
    """Compose the settings and train."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from avsal.train.stopping import StoppedError

    for word in arguments.overrides:
        if "=" not in word and not word.startswith("~"):
            raise ConfigError(f"expected choices as key=value but found {word!r}: see avsal train --help")
    try:
        if arguments.show:
            from omegaconf import OmegaConf

            print(OmegaConf.to_yaml(compose(arguments.overrides)), end="")
        else:
            return launch(arguments.overrides, multirun=arguments.multirun)
    except StoppedError as error:
        print(f"avsal: {error}", file=sys.stderr)
        return 130
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_one_line(error)) from error
    return 0


def compose(overrides: list[str]) -> DictConfig:
    """The configuration of one run, without Hydra's own part.

    Raises:
        HydraException: a choice that does not exist.
    """
    import hydra

    _register_defaults()
    with hydra.initialize_config_dir(str(config_dir()), version_base="1.3", job_name="train"):
        return hydra.compose("train", _for_hydra(overrides))


def launch(overrides: list[str], *, multirun: bool) -> int:
    """Hand the line to Hydra, which runs `train_job` here, in a sweep, or on a cluster.

    Returns:
        0, or 1 where some runs of a sweep failed.
    """
    from avsal.train.stopping import StoppedError

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
        return 0
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
    code = report(folders) if folders and place_in_launch()[0] == 0 else 0
    if failure is not None:
        raise failure
    return code


def _hand_over(job: Callable[[DictConfig], Any], overrides: list[str], multirun: bool) -> None:
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
    import torch
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from avsal.cli.train_data import StoredData, sources
    from avsal.train import Trainer, build_model
    from avsal.train.strides import check_strides, score_strides

    folder, words = None, []
    if HydraConfig.initialized():
        hydra = HydraConfig.get()
        words = list(hydra.overrides.task)
        folder = hydra.runtime.output_dir if hydra.mode == RunMode.MULTIRUN else None
    settings, data = resolve(chosen_row(config, words), folder)
    torch.manual_seed(settings.seed)  # the weights that start fresh
    model, notes = build_model(settings.model)
    strides = settings.validation.strides
    check_strides(model.spec, strides, videos=isinstance(data, StoredData))
    clips, validation = sources(data, settings, model.spec)
    trainer = Trainer(settings, model, clips, validation, notes)
    best = trainer.run()["best"]
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


def resolve(config: DictConfig, folder: str | None = None) -> tuple[Any, Any]:
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

    from avsal.cli.train_data import data_settings
    from avsal.train.mapping import from_mapping
    from avsal.train.settings import TrainSettings

    try:
        values: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(_one_line(error)) from error
    values.pop("hydra", None)
    own = {name: values.pop(name) for name in _OWN if name in values}
    if folder is not None:
        values["run"]["folder"] = folder
    return from_mapping(TrainSettings, values), data_settings(own.get("data") or {})


def _for_hydra(overrides: list[str]) -> list[str]:
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

    from avsal.train.settings import TrainSettings

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


def _one_line(error: Exception) -> str:
    """Hydra's messages are of several lines: the ones that say what is wrong."""
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
