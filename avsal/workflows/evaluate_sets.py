"""Several data sets and folds in one call: each scored once, averaged as the papers do, one table a data
set."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avsal.errors import DatasetError
from avsal.evaluation import Problems
from avsal.media import atomic_path
from avsal.models import SaliencyModel
from avsal.report import ResultTable
from avsal.report.folders import table_of_folders
from avsal.weights import model_identity
from avsal.workflows.evaluate import EvaluateSettings, Progress, evaluate

if TYPE_CHECKING:
    from datasets_av import Dataset

__all__ = ["Part", "SetScores", "evaluate_parts"]

#: settings that an evaluation must have been made with to be kept
_SAME = ("every", "max_frames", "metrics", "family", "audio", "videos", "postprocess", "resize")


@dataclass(frozen=True)
class Part:
    """One model on one fold of one data set.

    Attributes:
        data: name of the data set.
        fold: of the published lists, None where there is one only.
        models: loads those that are scored; None for baseline rows or `maps`.
        opened: opens the data.
        folder: that the evaluation is written to.
        settings: how it is scored.
        maps: instead of a model.
    """

    data: str
    fold: int | None
    models: Callable[[], list[SaliencyModel]] | None
    opened: Callable[[], Dataset]
    folder: Path
    settings: EvaluateSettings
    maps: Path | None = None


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
            with atomic_path(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
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
        parts: of one or several rows, by their settings' `name`.
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
        models = [] if part.models is None else part.models()
        if resume and _stands(part, models):
            kept.append(part.folder)
            continue
        if begun is not None:
            begun(part)
        scores = evaluate(
            models or None, part.opened(), maps=part.maps, settings=part.settings, progress=progress
        )
        scores.save(part.folder, overwrite=True)
        problems[part.folder] = scores.problems
        complete &= scores.complete
    tables = {}
    for name in dict.fromkeys(part.data for part in parts):
        folders = [part.folder for part in parts if part.data == name]
        tables[name] = table_of_folders(list(dict.fromkeys(folders)))
    return SetScores(tables, complete, problems, kept)


def _stands(part: Part, models: Sequence[SaliencyModel]) -> bool:
    """Whether the part's evaluation is there, of the same weights and settings."""
    path = part.folder / "evaluation.json"
    try:
        about: dict[str, Any] = json.loads(path.read_text("utf-8"))
        choices, made_by = about["choices"], about["models"]
        settings = {key: choices.get(key) for key in _SAME}
        made = sorted(str(one["sha256"]) for one in made_by.values())
    except OSError:
        return False
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is damaged ({error!r}): remove it to score this part again") from error
    wanted = {key: getattr(part.settings, key) for key in settings}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in wanted.items()}
    return settings == plain and made == sorted(model_identity(model).sha256 for model in models)
