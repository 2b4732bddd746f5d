"""Experiments: files and words that Hydra composes, and the settings that they become."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from avsal.configuration import config_dir, from_mapping
from avsal.errors import ConfigError
from avsal.workflows.experiment_files import check_files

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from avsal.training.rows import TableSettings
    from avsal.training.settings import TrainSettings
    from avsal.workflows.training_data import Data

__all__ = [
    "chosen_row",
    "compose",
    "composing_errors",
    "experiments",
    "for_hydra",
    "keys_of",
    "one_line",
    "references",
    "register_defaults",
    "resolve",
    "row_table",
    "run_name",
    "varied_keys",
    "words_of",
]

#: of the configuration, not of `TrainSettings`
_OWN = (
    "name",
    "split",
    "data_root",
    "root",
    "stored_size",
    "run_root",
    "data",
    "table",
    "row",
    "after",
    "stages",
)
#: mappings whose keys are names of one's own, checked by who takes them and not by Hydra
_FREE = (
    "model.arguments",
    "model.forward",
    "optim.learning_rates",
    "optim.options",
    "data.videos",
    "data.held_out",
    "data.recipe_changes",
)


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
        ConfigError: a choice or a key that does not exist, or a word that cannot be read.
    """
    import hydra
    from hydra.core.global_hydra import GlobalHydra

    register_defaults()
    running = GlobalHydra.instance().hydra  # that of the sweep this may be a job of
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(config_dir()), version_base="1.3", job_name="train"):
            return hydra.compose("train", for_hydra(overrides))
    except composing_errors() as error:
        raise ConfigError(one_line(error)) from error
    except (AssertionError, AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        # Hydra's own, where a file is not of the shape that it takes for granted
        what = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(f"the experiment cannot be composed ({what}): see its file") from error
    finally:
        GlobalHydra.instance().hydra = running


def composing_errors() -> tuple[type[Exception], ...]:
    """What composing a configuration raises where files or words are wrong, for `one_line`."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    return HydraException, OmegaConfBaseException, YAMLError, RecursionError


def words_of(changes: Mapping[str, Any]) -> list[str]:
    """Settings by dotted name as words of Hydra's grammar."""
    return [f"{key}={_word(value)}" for key, value in changes.items()]


def _word(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_word, value))}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_word(item)}" for key, item in value.items()) + "}"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def keys_of(words: Iterable[str]) -> set[str]:
    """What words set."""
    return {word.partition("=")[0].lstrip("+~") for word in words}


def run_name(name: str, row: str | None, seed: int, varied: str = "") -> str:
    """The folder of a run below ``run_root``: the one rule, of single runs, sweeps and later stages alike.

    >>> run_name("tsfpnet_six_split1", None, 0), run_name("tsfpnet_six_split1", None, 2)
    ('tsfpnet_six_split1', 'tsfpnet_six_split1_seed2')
    >>> run_name("ablation_levels", "final", 0)
    'ablation_levels/final_seed0'

    Args:
        name: name of the experiment with its data and fold.
        row: name of a table's row, None for other runs.
        seed: seed of training; told in the name where it is not 0.
        varied: what else a sweep varies that the name does not tell.
    """
    own = f"{name}/{row}_seed{seed}" if row is not None else f"{name}_seed{seed}" if seed else name
    told = varied.replace("++", "").replace("/", "-").replace(",", "_")
    return f"{own}_{told}" if told else own


def varied_keys(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """What a line sweeps over, and what of it the name of the run's folder does not tell by itself.

    Raises:
        ConfigError: a word that cannot be read.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_overrides([word for word in words if "=" in word])
    except HydraException as error:
        raise ConfigError(one_line(error)) from error
    swept = [override for override in parsed if override.is_sweep_override()]
    if not swept:
        return [], []
    first = [
        f"{override.key_or_group}={next(iter(override.sweep_string_iterator()))}"
        if override in swept
        else str(override.input_line)
        for override in parsed
        if not override.key_or_group.startswith("hydra")
    ]
    known = {"row", "seed", "experiment"} | references(compose(first), "name")
    keys = [override.key_or_group for override in swept]
    untold = [
        key for key in keys if key not in known and not any(name.startswith(f"{key}.") for name in known)
    ]
    return keys, untold


def references(config: Any, key: str) -> set[str]:
    """The settings that the text of a setting is made of."""
    from omegaconf import OmegaConf

    raw = OmegaConf.to_container(config, resolve=False)
    found: set[str] = set()
    todo = [key]
    while todo:
        node: Any = raw
        for part in todo.pop().split("."):
            node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, str):
            new = set(re.findall(r"\$\{([\w.]+)\}", node)) - found
            found |= new
            todo += sorted(new)
    return found


def resolve(config: DictConfig, folder: str | None = None) -> tuple[TrainSettings, Data]:
    """Settings and data of a composed configuration, checked.

    Args:
        config: configuration as composed.
        folder: folder of the run, where it is not the configuration's.

    Returns:
        `TrainSettings`, and the `data` part, see `avsal.workflows.training_data`.

    Raises:
        ConfigError: an unknown key, a wrong type, a value that is missing or impossible.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from avsal.training.settings import TrainSettings
    from avsal.workflows.training_data import data_settings

    if config.get("from_scratch") is True:
        plain: Any = OmegaConf.to_container(config)
        plain["model"] |= {"encoder": None, "audio": None}
        if plain["model"].get("initial") == "???":
            plain["model"]["initial"] = None
        config = OmegaConf.create(plain)
    try:
        values: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(one_line(error)) from error
    values.pop("hydra", None)
    own = {name: values.pop(name) for name in _OWN if name in values}
    if folder is not None:
        values["run"]["folder"] = folder
    return from_mapping(TrainSettings, values), data_settings(own.get("data") or {})


def row_table(config: DictConfig) -> TableSettings | None:
    """The table of an experiment; None where it has none.

    Raises:
        ConfigError: an unknown key or a wrong type in it.
    """
    from omegaconf import OmegaConf

    from avsal.training.rows import TableSettings

    if config.get("table") is None:
        return None
    values: Any = OmegaConf.to_container(config.table)
    return from_mapping(TableSettings, values, "table")


def chosen_row(config: DictConfig, words: Sequence[str]) -> DictConfig:
    """The configuration with the changes of its row, or as it is where it names none.

    Args:
        config: configuration as composed.
        words: words that the line said.

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
    said = keys_of(words)
    for key, value in table.row(str(name)).changes.items():
        if key in said:
            raise ConfigError(
                f"`{key}` is what the rows of {table.title} set: leave it out, or vary it in the experiment "
                "that this one is a change of"
            )
        OmegaConf.update(changed, key, value, merge=False, force_add=True)
    return changed


def for_hydra(overrides: Sequence[str]) -> list[str]:
    """Words as Hydra takes them.

    Its name of the group of experiments says that their keys are of the whole configuration; its other way to
    say so takes the first line of every file, which is for the command.

    Raises:
        ConfigError: a folder of experiments that they name holds what is no plain YAML.
    """
    check_files(overrides)
    changed = []
    for word in overrides:
        key = word.partition("=")[0]
        if word.startswith("experiment="):
            word = word.replace("experiment=", "experiment@_global_=", 1)
        elif any(key == free or key.startswith(f"{free}.") for free in _FREE):
            word = f"++{word}"
        changed.append(word)
    return changed


def register_defaults() -> None:
    """Tell Hydra all settings with their defaults: a line may change any, and YAML names only choices."""
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    from avsal.training.settings import TrainSettings
    from avsal.workflows.training_data import StoredData, SyntheticData

    store = ConfigStore.instance()
    store.store(name="settings", node=_defaults(TrainSettings))
    for name, kind in (("stored", StoredData), ("synthetic", SyntheticData)):
        node = _defaults(kind) | {"kind": name} | ({"root": "${root}"} if kind is StoredData else {})
        store.store(name=name, group="data/kind", package="_group_", node=node)
    OmegaConf.register_new_resolver("run_name", run_name, replace=True)


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
    if isinstance(error, RecursionError):
        return "the files of the experiment lead back to each other: see their `defaults`"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    keep = [line for line in lines if not line.startswith(("full_key:", "object_type=", "reference_type="))]
    if keep and (missing := re.match(r"Missing mandatory value: ([\w.]+)", keep[0])):
        return f"`{missing[1]}` must be given: {missing[1]}=..., see `avsal train --help`"
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
