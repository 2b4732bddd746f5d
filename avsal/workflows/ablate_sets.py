"""One ablation over data sets, folds and training seeds, with models retrained and subgroups declared."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from avsal.ablation.conditions import Condition, parse_condition
from avsal.errors import ConfigError
from avsal.workflows.ablate import DataRun, ablate_models, joined
from avsal.workflows.ablate_settings import AblateSettings
from avsal.workflows.data_ablation import DataAblation
from avsal.workflows.evaluate import Progress
from avsal.workflows.evaluate_sets import Part
from avsal.workflows.model import load, load_each
from avsal.workflows.people import people_scores
from avsal.workflows.results import require_free
from avsal.workflows.scores import Scores
from avsal.workflows.sources import named_models

__all__ = [
    "Retrained",
    "ablate_parts",
    "check_retrained",
    "check_subgroups",
    "parse_retrained",
    "read_subgroups",
]


@dataclass(frozen=True)
class Retrained:
    """A further model that was trained under a condition and is scored under it: a training-time ablation.

    Attributes:
        condition: that it hears.
        weights: its checkpoint, with ``{data}``, ``{fold}`` and ``{seed}`` for the run's.
    """

    condition: Condition
    weights: str

    @property
    def name(self) -> str:
        """Of its row."""
        return f"retrained {self.condition.name}"


def parse_retrained(texts: Sequence[str]) -> list[Retrained]:
    """Training-time ablations from ``CONDITION=FILE``.

    Raises:
        ConfigError: not of that form, no such condition, one given twice.
    """
    found: dict[str, Retrained] = {}
    for text in texts:
        kind, equals, weights = text.partition("=")
        if not equals or not weights:
            raise ConfigError(f"expected --retrained CONDITION=FILE but found {text!r}")
        one = Retrained(parse_condition(kind), weights)
        if one.name in found:
            raise ConfigError(f"--retrained {one.condition.name} is given twice: give it once")
        found[one.name] = one
    return list(found.values())


def check_retrained(parts: Sequence[Part], retrained: Sequence[Retrained]) -> None:
    """Raise ConfigError where a checkpoint is missing, or would count once for each of several seeds."""
    for one in retrained:
        if len({part.seed for part in parts}) > 1 and "{seed}" not in one.weights:
            raise ConfigError(
                f"--retrained {one.condition.name}: several training seeds need a checkpoint each: expected "
                "{seed} in the file's name"
            )
        for part in parts:
            path = Path(part.filled(one.weights))
            if not path.is_file():
                raise ConfigError(f"--retrained {one.condition.name}: there is no file {path}")


def check_subgroups(subgroups: Mapping[str, str], videos: Sequence[str]) -> None:
    """Raise ConfigError for subgroups of videos that are not scored, which a slip of the pen would make."""
    unknown = sorted(set(subgroups) - set(videos))
    if unknown:
        raise ConfigError(f"subgroups are declared for videos that are not scored: {', '.join(unknown[:5])}")


def read_subgroups(path: Path) -> dict[str, str]:
    """Subgroups declared beforehand: a CSV with the columns ``video`` and ``subgroup``, a line a video.

    Raises:
        ConfigError: the file is missing or not of that form, or names a video twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"video", "subgroup"} <= set(reader.fieldnames or ()):
                raise ConfigError(
                    f"{path}: expected the columns video and subgroup but found "
                    f"{', '.join(reader.fieldnames or ()) or 'none'}"
                )
            found: dict[str, str] = {}
            for line in reader:
                video, subgroup = (line["video"] or "").strip(), (line["subgroup"] or "").strip()
                if not video or not subgroup or video in found:
                    raise ConfigError(
                        f"{path}, line {reader.line_num}: expected a video that was not named before and its "
                        f"subgroup but found {video!r}, {subgroup!r}"
                    )
                found[video] = subgroup
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: the subgroups cannot be read: {error}") from error
    if not found:
        raise ConfigError(f"{path}: expected a line for each video but found none")
    return found


def ablate_parts(
    parts: Sequence[Part],
    settings: AblateSettings,
    *,
    retrained: Sequence[Retrained] = (),
    subgroups: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    scored: Callable[[Scores], None] | None = None,
) -> DataAblation:
    """Ablate data sets, folds and training seeds as one, corrected over all its comparisons.

    Each part's evaluation is written to its own folder.

    Args:
        parts: see `avsal.workflows.evaluate_sets.expand`.
        settings: what is heard.
        retrained: further models, each scored under the condition that it was trained under.
        subgroups: declared beforehand, see `read_subgroups`: each is tested too.
        overwrite: replace evaluations that are there.
        progress: called after each video.
        scored: told of each model's scores on each part.

    Raises:
        ConfigError: choices that are impossible, or an evaluation that is there.
        DatasetError: the data cannot be used.
    """
    first = parts[0].choices
    if first.maps is not None or first.workers > 1 or first.name is not None:
        raise ConfigError("`maps`, `workers` and `name` make no sense here: a model hears, in this process")
    if first.audio != "own":
        raise ConfigError("`audio` makes no sense here: say what is heard with --conditions")
    check_retrained(parts, retrained)
    require_free(*(part.choices.out / "evaluation.json" for part in parts), overwrite=overwrite)
    groups = {} if subgroups is None else read_subgroups(subgroups)
    if groups:
        check_subgroups(groups, [one.id for part in parts for one in part.opened()])
    found = []
    for part in parts:
        found += _ablated(part, settings, retrained, overwrite, progress, scored)
    people, notes = [], _notes(parts)
    for part in {part.dataset: part for part in reversed(parts)}.values():
        scores, left_out = people_scores(part.opened(), part.choices.scoring, part.dataset)
        people += scores
        notes += left_out
    facts = _facts(parts, settings, retrained, subgroups)
    return joined(found, settings, subgroups=groups, facts=facts, notes=notes, people=people)


def _ablated(
    part: Part,
    settings: AblateSettings,
    retrained: Sequence[Retrained],
    overwrite: bool,
    progress: Progress | None,
    scored: Callable[[Scores], None] | None,
) -> list[DataRun]:
    """One part: models under all conditions, and those that were retrained."""
    choices = part.choices
    own = named_models(load_each(choices))
    if retrained and len(own) > 1:
        raise ConfigError("--retrained is set beside one model: leave the others out")
    more = [
        (one.name, one.condition, load(replace(choices, model=None, weights=part.filled(one.weights))))
        for one in retrained
    ]
    about = [part.fold and f"fold {part.fold}", part.seed and f"seed {part.seed}"]
    told = ", ".join(text for text in about if text)
    found = ablate_models(
        own,
        part.opened(),
        settings,
        choices.scoring,
        dataset=part.dataset,
        title=lambda video: f"{part.dataset} {video}" + (f" ({told})" if told else ""),
        seed=part.seed,
        retrained=more,
        progress=progress,
    )
    for row, one in zip(own, found, strict=True):
        several = row if len(own) > 1 else ""
        one.evaluated.save(choices.out / several, overwrite=overwrite)
        if scored is not None:
            scored(one.evaluated)
        table = one.evaluated.table
        named = ", ".join(filter(None, (table.title, several, part.seed and f"seed {part.seed}")))
        one.evaluated = replace(one.evaluated, table=replace(table, title=named))
    return found


def _notes(parts: Sequence[Part]) -> list[str]:
    folds = {part.fold for part in parts if part.fold}
    if len(folds) > 1 and len({part.choices.weights for part in parts}) == 1:
        return ["One checkpoint is scored on all folds: it must not have been trained on any of them."]
    return []


def _facts(
    parts: Sequence[Part], settings: AblateSettings, retrained: Sequence[Retrained], subgroups: Path | None
) -> dict[str, str]:
    """What was run and on what, in words."""
    first = parts[0].choices
    facts = {
        "split": first.split or "all",
        "folds": ", ".join(dict.fromkeys(part.fold for part in parts if part.fold)),
        "training seeds": ", ".join(dict.fromkeys(part.seed for part in parts if part.seed)),
        "retrained": "; ".join(f"{one.condition.name}: {one.weights}" for one in retrained),
        "conditions": ", ".join(settings.conditions or ("all that the data allows",)),
        "subgroups": "" if subgroups is None else subgroups.name,
        "frames scored": f"each {first.every}." if first.every > 1 else "all",
    }
    return {name: text for name, text in facts.items() if text}
