"""`avsal ablate data=NAME root=DIR`: the runs over data sets, folds and training seeds as one result."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from avsal.cli.ablate_runs import AblationRun, expand
from avsal.cli.evaluate import EvaluateLine, print_problems
from avsal.configuration import setting_fields
from avsal.errors import ConfigError
from avsal.workflows.ablate import DataRun, ablate_models, joined
from avsal.workflows.ablate_choices import (
    Retrained,
    check_retrained,
    check_subgroups,
    parse_retrained,
    read_subgroups,
)
from avsal.workflows.data import open_data
from avsal.workflows.data_ablation import DataAblation
from avsal.workflows.model import load, load_each
from avsal.workflows.people import people_scores
from avsal.workflows.results import require_free
from avsal.workflows.sources import named_models

if TYPE_CHECKING:
    from avsal.cli.ablate import AblateLine

__all__ = ["ablate_data", "words_of"]

#: settings of the line that mean something else to `avsal evaluate`
_OWN = ("seed", "players", "out", "overwrite")


def words_of(words: Sequence[str], given: Mapping[str, Any]) -> list[str]:
    """The choices of `avsal evaluate` in a line: its words, and those settings that both verbs have."""
    known = set(setting_fields(EvaluateLine)) - set(_OWN)
    found = list(words)
    for name, text in given.items():
        if name in known and isinstance(text, Mapping):
            prefix = setting_fields(EvaluateLine)[name].metadata["prefix"]
            found += [f"{prefix}.{key}={value}" for key, value in text.items()]
        elif name in known:
            found.append(f"{name}={text}")
    return found


def ablate_data(line: AblateLine, words: Sequence[str], given: Mapping[str, Any], *, quiet: bool) -> int:
    """Score models under every condition, compare them over videos, write tables and the report.

    Args:
        line: the settings.
        words: further choices as of `avsal evaluate`; see `expand`.
        given: texts of the settings that were typed.
        quiet: print errors only.

    Returns:
        0 when everything was scored, 1 when recordings were left out.

    Raises:
        ConfigError: choices that are impossible.
        DatasetError: the data cannot be used.
    """
    runs = expand(words_of(words, given), line.training_seeds, line.out)
    retrained = parse_retrained(line.retrained)
    check_retrained(runs, retrained)
    subgroups = {} if line.subgroups is None else read_subgroups(line.subgroups)
    for place in DataAblation.paths(line.out).values():
        require_free(place, overwrite=line.overwrite)
    for run in runs:
        require_free(run.choices.out / "evaluation.json", overwrite=line.overwrite)
    check_subgroups(subgroups, [one.id for run in runs for one in _data(run)])
    found = [one for run in runs for one in _ablated(run, line, retrained, quiet=quiet)]
    people, notes = [], _notes(runs)
    for run in {run.dataset: run for run in reversed(runs)}.values():
        scores, left_out = people_scores(_data(run), run.choices.scoring, run.dataset)
        people += scores
        notes += left_out
    result = joined(
        found,
        line.hearing,
        subgroups=subgroups,
        facts=_facts(runs, line, retrained),
        notes=notes,
        people=people,
    )
    paths = result.save(line.out, overwrite=line.overwrite)
    if not quiet:
        print(result)
        print("-> " + ", ".join(map(str, paths.values())))
    return 0 if result.complete else 1


def _data(run: AblationRun) -> Any:
    return open_data(run.choices, strict=run.choices.strict, protocol=run.choices.protocol)


def _ablated(
    run: AblationRun, line: AblateLine, retrained: Sequence[Retrained], *, quiet: bool
) -> list[DataRun]:
    """One data set, fold and training seed: models under all conditions, and those that were retrained."""
    choices = run.choices
    own = named_models(load_each(choices))
    if retrained and len(own) > 1:
        raise ConfigError("--retrained is set beside one model: leave the others out")
    models = [
        (one.name, one.condition, load(replace(choices, model=None, weights=run.filled(one.weights))))
        for one in retrained
    ]
    about = [run.fold and f"fold {run.fold}", run.seed and f"seed {run.seed}"]
    told = ", ".join(text for text in about if text)

    def title(video: str) -> str:
        return f"{run.dataset} {video}" + (f" ({told})" if told else "")

    with tqdm(unit="video", file=sys.stderr, disable=True if quiet else None, leave=False) as bar:

        def progress(number: int, total: int, video: str) -> None:
            bar.total = total
            bar.update(number - bar.n)

        found = ablate_models(
            own,
            _data(run),
            line.hearing,
            choices.scoring,
            dataset=run.dataset,
            title=title,
            seed=run.seed,
            retrained=models,
            progress=progress,
        )
    for row, one in zip(own, found, strict=True):
        evaluated = one.evaluated
        several = row if len(own) > 1 else ""
        evaluated.save(choices.out / several, overwrite=line.overwrite)
        if not quiet:
            print(evaluated)
            print_problems(evaluated.problems)
        table = evaluated.table
        parts = (table.title, several, run.seed and f"seed {run.seed}")
        named = ", ".join(text for text in parts if text)
        one.evaluated = replace(evaluated, table=replace(table, title=named))
    return found


def _notes(runs: Sequence[AblationRun]) -> list[str]:
    folds = {run.fold for run in runs if run.fold}
    if len(folds) > 1 and len({run.choices.weights for run in runs}) == 1:
        return ["One checkpoint is scored on all folds: it must not have been trained on any of them."]
    return []


def _facts(runs: Sequence[AblationRun], line: AblateLine, retrained: Sequence[Retrained]) -> dict[str, str]:
    """What was run and on what, in words."""
    first = runs[0].choices
    facts = {
        "split": first.split or "all",
        "folds": ", ".join(dict.fromkeys(run.fold for run in runs if run.fold)),
        "training seeds": ", ".join(dict.fromkeys(run.seed for run in runs if run.seed)),
        "retrained": "; ".join(f"{one.condition.name}: {one.weights}" for one in retrained),
        "conditions": ", ".join(line.conditions or ("all that the data allows",)),
        "subgroups": "" if line.subgroups is None else Path(line.subgroups).name,
        "frames scored": f"each {first.every}." if first.every > 1 else "all",
    }
    return {name: text for name, text in facts.items() if text}
