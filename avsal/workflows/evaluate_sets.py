"""Several data sets and folds in one call: each scored once, averaged as the papers do, one table a data
set."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.configuration import from_texts
from avsal.errors import ConfigError, DatasetError
from avsal.evaluation import Problems
from avsal.media.atomic import write_text
from avsal.models import SaliencyModel
from avsal.report import ResultTable
from avsal.report.folders import table_of_folders
from avsal.weights import model_identity
from avsal.workflows.data import open_data
from avsal.workflows.evaluate import Progress, evaluate
from avsal.workflows.evaluate_settings import EvaluateChoices
from avsal.workflows.model import load_each

if TYPE_CHECKING:
    from datasets_av import Dataset

__all__ = ["Part", "SetScores", "evaluate_parts", "expand"]

#: settings that an evaluation must have been made with to be kept
_SAME = ("every", "max_frames", "metrics", "family", "audio", "videos", "postprocess", "resize")


_PLACES = ("data", "fold", "seed")


@dataclass(frozen=True)
class Part:
    """One data set, fold and training seed of an evaluation or ablation of several.

    Attributes:
        choices: what is scored there.
        seed: of the training run, as typed; empty where there is one only.
    """

    choices: EvaluateChoices
    seed: str = ""

    @property
    def dataset(self) -> str:
        """Its name."""
        return self.choices.data

    @property
    def fold(self) -> str:
        """Of the published lists; empty where none is chosen."""
        return "" if self.choices.fold is None else str(self.choices.fold)

    def filled(self, text: str) -> str:
        """A text with this part's values for ``{data}``, ``{fold}`` and ``{seed}``."""
        return _filled(text, {"data": self.dataset, "fold": self.fold, "seed": self.seed})

    def models(self) -> list[SaliencyModel]:
        """Load the models that are scored; none where maps or baseline rows are."""
        return load_each(self.choices) if self.choices.predicts else []

    def opened(self) -> Dataset:
        """Open the data."""
        return open_data(self.choices, strict=self.choices.strict, protocol=self.choices.protocol)


def expand(texts: Mapping[str, Any], seeds: Sequence[str] = (), out: Path | None = None) -> list[Part]:
    """A part for each data set, fold and training seed.

    Args:
        texts: texts of the fields of `EvaluateChoices`, as typed; ``data`` and ``fold`` may be lists with
            commas, and ``{data}``, ``{fold}`` and ``{seed}`` stand for a part's own in all other values.
        seeds: seeds of training, none or several.
        out: the folder of all, where `texts` name none; several parts have folders of their own in it.

    Raises:
        ConfigError: choices that are impossible; several seeds without ``{seed}`` in ``weights``.
    """
    data, folds = (_listed(str(texts.get(key, "")), key) or [""] for key in ("data", "fold"))
    if len(seeds) > 1 and "{seed}" not in texts.get("weights", ""):
        raise ConfigError(
            "several training seeds need a checkpoint each: expected {seed} in weights=, as in "
            "weights=runs/av_seed{seed}/best.safetensors"
        )
    place = Path(texts.get("out", out or EvaluateChoices.out))
    parts = []
    for dataset, fold, seed in product(data, folds, list(seeds) or [""]):
        values = {"data": dataset, "fold": fold, "seed": seed}
        named = ((dataset, data), (f"fold_{fold}", folds), (f"seed_{seed}", seeds))
        own = {key: _filled(text, values) for key, text in texts.items()}
        own |= {key: values[key] for key in ("data", "fold") if key in texts}
        own |= {"out": str(place.joinpath(*(name for name, many in named if len(many) > 1)))}
        parts.append(Part(from_texts(EvaluateChoices, own), seed))
    return parts


def _listed(text: str, key: str) -> list[str]:
    found = [part.strip() for part in text.split(",") if part.strip()]
    if len(set(found)) < len(found):
        raise ConfigError(f"`{key}` names something twice: {text}")
    return found


def _filled(text: Any, values: Mapping[str, str]) -> Any:
    if isinstance(text, Mapping):
        return {key: _filled(value, values) for key, value in text.items()}
    for name in _PLACES:
        place = f"{{{name}}}"
        if place in text and not values[name]:
            raise ConfigError(f"{text!r} has {place}, but no {name} is given")
        text = text.replace(place, values[name])
    return text


@dataclass(frozen=True)
class SetScores:
    """The tables of several data sets; prints as Markdown.

    Attributes:
        tables: of means over videos and folds beside published numbers, by data set.
        complete: whether nothing had to be left out.
        problems: of what was scored now, by the folder of its evaluation.
        kept: folders of evaluations that were made before with the same weights, and are not made again.
    """

    tables: Mapping[str, ResultTable]
    complete: bool
    problems: Mapping[Path, Problems]
    kept: Sequence[Path]

    def __str__(self) -> str:
        return "\n".join(str(table.to_markdown()) for table in self.tables.values())

    def save(self, folder: str | Path) -> Path:
        """Write ``table.md``, and ``DATA.csv`` and ``DATA.tex`` for each data set.

        Raises:
            MediaError: a file cannot be written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        texts = {"table.md": str(self)}
        for name, table in self.tables.items():
            texts |= {f"{name}.csv": table.to_csv(), f"{name}.tex": table.to_latex()}
        for name, text in texts.items():
            write_text(folder / name, text)
        return folder


def evaluate_parts(
    parts: Sequence[Part],
    *,
    resume: bool = True,
    progress: Progress | None = None,
    begun: Callable[[Part], None] | None = None,
) -> SetScores:
    """Score every part, and make a table of each data set.

    Args:
        parts: parts of one or several rows, by their settings' `name`.
        resume: leave evaluations alone that stand in their folders and were made with the same weights and
            settings.
        progress: called after each video.
        begun: called before each part that is scored.

    Raises:
        ConfigError: settings that are impossible, or one row twice on one fold.
        DatasetError: the data cannot be used.
        CheckpointError: weights cannot be used.
    """
    problems: dict[Path, Problems] = {}
    kept: list[Path] = []
    complete = True
    for part in parts:
        models, choices = part.models(), part.choices
        if resume and _stands(part, models):
            kept.append(choices.out)
            continue
        if begun is not None:
            begun(part)
        scores = evaluate(
            models or None, part.opened(), maps=choices.maps, settings=choices.scoring, progress=progress
        )
        scores.save(choices.out, overwrite=True)
        problems[choices.out] = scores.problems
        complete &= scores.complete
    tables = {}
    for name in dict.fromkeys(part.dataset for part in parts):
        folders = [part.choices.out for part in parts if part.dataset == name]
        tables[name] = table_of_folders(list(dict.fromkeys(folders)))
    return SetScores(tables, complete, problems, kept)


def _stands(part: Part, models: Sequence[SaliencyModel]) -> bool:
    """Whether the part's evaluation is there, of the same weights and settings."""
    path = part.choices.out / "evaluation.json"
    try:
        about: dict[str, Any] = json.loads(path.read_text("utf-8"))
        choices, made_by = about["choices"], about["models"]
        settings = {key: choices.get(key) for key in _SAME}
        made = sorted(str(one["sha256"]) for one in made_by.values())
    except OSError:
        return False
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is damaged ({error!r}): remove it to score this part again") from error
    wanted = {key: getattr(part.choices, key) for key in settings}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in wanted.items()}
    return settings == plain and made == sorted(model_identity(model).sha256 for model in models)
