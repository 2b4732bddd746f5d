"""Score a model, or anybody's maps, on a data set: a line for each video and frame, tables and a plot.

    avsal evaluate data=hevc root=DIR out=OUT                              the baseline rows alone
    avsal evaluate model=tsfpnet_av weights=FILE data=diem root=DIR split=test fold=1 out=OUT
    avsal evaluate model=unisal,tsfpnet_av_mobile data=hevc root=DIR every=25      a leaderboard, with costs
    avsal evaluate maps=FOLDER_OR_VIDEO data=dhf1k root=DIR split=val out=OUT strict=true
    avsal evaluate weights=runs/tsfpnet_av_six_split{fold}/best.safetensors data=diem,avad fold=1,2,3 root=DIR

Of lists each data set and fold is scored on its own, in OUT/DATA/fold_N; {data} and {fold} stand for theirs
in other settings. What stands there from the same weights is not scored again.

Maps: a folder, video, HDF5, .npz or .zarr for each video, named after it, or a single one. Every table has
baseline rows: uniform, centre bias, motion, and how well observers predict each other. Settings may be typed
as key=value or as --key value; lists have commas.

OUT/frames/NAME.csv has a line for each video, frame and metric; videos.csv the means of each video; table.md,
table.tex, table.csv and plot.png the averages beside published numbers; evaluation.json all settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from avsal.cli.parsing import Parser, settings_of
from avsal.configuration import setting
from avsal.workflows.data import DataSettings, open_data
from avsal.workflows.evaluate import EvaluateSettings, evaluate
from avsal.workflows.launch import place_in_launch
from avsal.workflows.model import ModelSettings, load_each
from avsal.workflows.results import require_free

if TYPE_CHECKING:
    from avsal.evaluation import Problems

__all__ = ["EvaluateLine", "add_arguments", "parse_line", "print_problems", "run"]

_LINES_PRINTED = 10


@dataclass(frozen=True, kw_only=True)
class EvaluateLine(EvaluateSettings, ModelSettings, DataSettings):
    """All that a line says."""

    maps: Path | None = setting(
        None, help="instead of a model: PNG, JPEG, HDF5, npz, zarr, video", metavar="PATH", group="model"
    )
    out: Path = setting(Path("evaluation"), help="where to write", metavar="DIR", flags=("-o", "--output"))
    overwrite: bool = setting(False, help="replace an earlier evaluation there")

    def __post_init__(self) -> None:
        """Check each part."""
        ModelSettings.__post_init__(self)
        EvaluateSettings.__post_init__(self)

    @property
    def scoring(self) -> EvaluateSettings:
        """The part that says how maps are made, scored and averaged."""
        return EvaluateSettings(
            **{entry.name: getattr(self, entry.name) for entry in fields(EvaluateSettings)}
        )


def add_arguments(parser: Parser) -> None:
    """Declare the verb's arguments."""
    parser.add_settings(EvaluateLine)
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate; return 0 when everything was scored, 1 when maps or recordings were left out."""
    from tqdm import tqdm

    from avsal.errors import ConfigError
    from avsal.weights import model_identity

    if any("," in arguments.texts.get(key, "") for key in ("data", "fold")):
        return run_lists(arguments)
    line = settings_of(arguments, EvaluateLine)
    if place_in_launch()[1] > 1:
        raise ConfigError(
            "an evaluation is one process: predict in many with `avsal predict VIDEOS --save h5 -o MAPS`, "
            "then evaluate maps=MAPS workers=N"
        )
    predicts = line.model is not None or line.weights is not None
    if line.maps is not None and predicts:
        raise ConfigError("`maps` are scored instead of a model: leave `model` and `weights` out")
    if line.arguments and not predicts:
        raise ConfigError("`model.` arguments are of a model: give model=NAME or weights=FILE")
    if line.workers > 1 and predicts:
        raise ConfigError("a model predicts in this process alone: leave `workers` out")
    require_free(line.out / "evaluation.json", overwrite=line.overwrite)
    models = load_each(line) if predicts else []
    with tqdm(unit="video", file=sys.stderr, disable=True if arguments.quiet else None, leave=False) as bar:

        def progress(number: int, total: int, video: str) -> None:
            bar.total = total
            bar.update(number - bar.n)

        data = open_data(line, strict=line.strict, protocol=line.protocol)
        scores = evaluate(models or None, data, maps=line.maps, settings=line.scoring, progress=progress)
    scores.save(line.out, overwrite=line.overwrite)
    if not arguments.quiet:
        for model in models:
            print(model_identity(model).describe())
        print(scores)
        print_problems(scores.problems)
        print(f"-> {line.out}")
    return 0 if scores.complete else 1


def run_lists(arguments: argparse.Namespace) -> int:
    """Evaluate on each of several data sets and folds; 1 when something had to be left out."""
    from functools import partial

    from tqdm import tqdm

    from avsal.cli.ablate_runs import expand
    from avsal.workflows.evaluate_sets import Part, evaluate_parts

    words = []
    for key, value in arguments.texts.items():
        prefix = {"arguments": "model", "reader": "data"}.get(key)
        words += [f"{key}={value}"] if prefix is None else [f"{prefix}.{k}={v}" for k, v in value.items()]
    out = Path(arguments.texts.get("out", "evaluation"))
    parts, again = [], False
    for one in expand(words, (), out, hears=False):
        line = one.choices
        predicts, again = line.model is not None or line.weights is not None, line.overwrite
        opened = partial(open_data, line, strict=line.strict, protocol=line.protocol)
        models = partial(load_each, line) if predicts else None
        parts.append(Part(line.data, line.fold, models, opened, line.out, line.scoring, line.maps))
    with tqdm(unit="video", file=sys.stderr, disable=True if arguments.quiet else None, leave=False) as bar:

        def progress(number: int, total: int, video: str) -> None:
            bar.total = total
            bar.update(number - bar.n)

        found = evaluate_parts(parts, resume=not again, progress=progress)
    found.save(out)
    if not arguments.quiet:
        print(found)
        for folder, problems in found.problems.items():
            if problems.found:
                print(f"avsal: {folder}:", file=sys.stderr)
                print_problems(problems)
        print(f"-> {out}")
    return 0 if found.complete else 1


def parse_line(words: Sequence[str]) -> EvaluateLine:
    """The settings of `avsal evaluate` from words ``key=value``.

    Raises:
        ConfigError: an unknown, repeated or missing setting, or a value of the wrong type.
    """
    parser = Parser(prog="avsal evaluate")
    parser.add_settings(EvaluateLine)
    return settings_of(parser.read(words), EvaluateLine)


def print_problems(problems: Problems) -> None:
    """Tell what was not as it should be, by name, a few of each kind; all are in evaluation.json."""
    for kind, count in problems.counts.items():
        texts = [problem.text for problem in problems.found if problem.kind == kind]
        print(f"avsal: {'note' if kind == 'note' else 'warning'}: {kind} ({count}):", file=sys.stderr)
        for text in texts[:_LINES_PRINTED]:
            print(f"  {text}", file=sys.stderr)
        if len(texts) > _LINES_PRINTED:
            print(f"  and {len(texts) - _LINES_PRINTED} more, see evaluation.json", file=sys.stderr)
