"""What one `avsal ablate data=...` line asks for: the runs over data sets, folds and training seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from avsal.cli.evaluate import EvaluateLine, parse_line
from avsal.errors import ConfigError

__all__ = ["AblationRun", "expand"]

_PLACES = ("data", "fold", "seed")


@dataclass(frozen=True)
class AblationRun:
    """One data set, fold and training seed.

    Attributes:
        choices: as of `avsal evaluate`.
        dataset: its name.
        fold: as typed, empty where none is.
        seed: of the training run, as typed, empty where there is one only.
    """

    choices: EvaluateLine
    dataset: str
    fold: str = ""
    seed: str = ""

    def filled(self, text: str) -> str:
        """A text with this run's values for ``{data}``, ``{fold}`` and ``{seed}``."""
        return _filled(text, {"data": self.dataset, "fold": self.fold, "seed": self.seed})


def expand(words: Sequence[str], seeds: Sequence[str], out: Path, *, hears: bool = True) -> list[AblationRun]:
    """One run for each data set, fold and training seed.

    Args:
        words: ``key=value`` as of `avsal evaluate`; ``data`` and ``fold`` may be lists with commas, and
            ``{data}``, ``{fold}`` and ``{seed}`` stand for a run's own in all other values.
        seeds: of training, none or several.
        out: the folder of all, where `words` name none; several runs have folders of their own in it.
        hears: whether the runs are of an ablation, which a model must hear.

    Raises:
        ConfigError: choices that are impossible; several seeds without ``{seed}`` in ``weights``.
    """
    given = dict(word.partition("=")[::2] for word in words)
    data = _listed(given.get("data", ""), "data") or [""]
    folds = _listed(given.get("fold", ""), "fold") or [""]
    if len(seeds) > 1 and "{seed}" not in given.get("weights", ""):
        raise ConfigError(
            "several training seeds need a checkpoint each: expected {seed} in weights=, as in "
            "weights=runs/av_seed{seed}/best.safetensors"
        )
    out = Path(given.get("out", out))
    runs = []
    for dataset, fold, seed in product(data, folds, list(seeds) or [""]):
        values = {"data": dataset, "fold": fold, "seed": seed}
        parts = [
            name
            for name, many in ((dataset, data), (f"fold_{fold}", folds), (f"seed_{seed}", seeds))
            if len(many) > 1
        ]
        own = {key: _filled(text, values) for key, text in given.items()} | {"out": str(out.joinpath(*parts))}
        own |= {key: values[key] for key in ("data", "fold") if key in given}
        choices = parse_line([f"{key}={text}" for key, text in own.items()])
        runs.append(AblationRun(choices, dataset, fold, seed))
    if hears:
        _check(runs[0].choices)
    return runs


def _check(choices: EvaluateLine) -> None:
    if choices.maps is not None or choices.workers > 1 or choices.name is not None:
        raise ConfigError("`maps`, `workers` and `name` make no sense here: a model hears, in this process")
    if choices.audio != "own":
        raise ConfigError("`audio` makes no sense here: say what is heard with --conditions")


def _listed(text: str, key: str) -> list[str]:
    found = [part.strip() for part in text.split(",") if part.strip()]
    if len(set(found)) < len(found):
        raise ConfigError(f"`{key}` names something twice: {text}")
    return found


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name in _PLACES:
        place = f"{{{name}}}"
        if place in text and not values[name]:
            raise ConfigError(f"{text!r} has {place}, but no {name} is given")
        text = text.replace(place, values[name])
    return text
