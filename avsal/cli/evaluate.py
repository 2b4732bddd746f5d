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

from dataclasses import dataclass, field

from avsal.cli.parsing import Action, Given
from avsal.cli.telling import Quiet, Teller
from avsal.errors import ConfigError
from avsal.workflows.evaluate_settings import EvaluateChoices
from avsal.workflows.launch import place_in_launch

__all__ = ["VERB", "EvaluateLine"]


@dataclass(frozen=True, kw_only=True)
class EvaluateLine(Quiet, EvaluateChoices):
    """All that a line says; scores of random weights would mean nothing."""

    untrained: bool = field(default=False, init=False)


def run(given: Given) -> int:
    """Evaluate; return 0 when everything was scored, 1 when maps or recordings were left out."""
    if any("," in given.texts.get(key, "") for key in ("data", "fold")):
        return run_lists(given)
    line = given.read(EvaluateLine)

    from avsal.workflows.evaluate import evaluate
    from avsal.workflows.evaluate_sets import Part
    from avsal.workflows.results import require_free
    from avsal.workflows.shares import OthersGoOn, Shares

    part, teller = Part(line), Teller(line)
    try:
        with Shares.below(line.out, overwrite=line.overwrite) as shares, teller.rounds() as progress:
            require_free(line.out / "evaluation.json", overwrite=line.overwrite)
            scores = evaluate(
                (models := part.models()) or None,
                part.opened(),
                maps=line.maps,
                settings=line.scoring,
                progress=progress,
                shares=shares,
            )
            scores.save(line.out, overwrite=line.overwrite)
    except OthersGoOn as told:
        teller.say(str(told))
        return 0
    teller.problems(scores.problems)
    teller.result(scores, [line.out], models)
    return 0 if scores.complete else 1


def run_lists(given: Given) -> int:
    """Evaluate on each of several data sets and folds; 1 when something had to be left out."""
    from avsal.workflows.evaluate_sets import evaluate_parts, expand

    if place_in_launch()[1] > 1:
        raise ConfigError("processes of a launch share out the videos of one data set and fold: give one")
    texts = {name: text for name, text in given.texts.items() if name != "quiet"}
    teller, parts = Teller(Quiet(quiet="quiet" in given.texts)), expand(texts)
    with teller.rounds() as progress:
        found = evaluate_parts(parts, resume=not parts[0].choices.overwrite, progress=progress)
    out = found.save(texts.get("out", EvaluateChoices.out))
    for folder, problems in found.problems.items():
        if problems.found and not teller.quiet:
            teller.warn(f"{folder}:", kind="note")
            teller.problems(problems)
    teller.result(found, [out])
    return 0 if found.complete else 1


VERB = Action(EvaluateLine, run)
