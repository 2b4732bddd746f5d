"""`avsal ablate data=NAME root=DIR`: does what is heard change how well gaze is predicted?"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import avsal
from avsal.ablation.audio_conditions import apply_conditions, video_audio
from avsal.ablation.conditions import REFERENCE, Condition, derangement, parse_conditions
from avsal.ablation.verdicts import ConditionScore, compare, margin_of, parse_margins
from avsal.ablation.video_scores import averaged_over_folds, in_subgroups, video_scores
from avsal.cli.ablate_runs import (
    AblationRun,
    Retrained,
    check_retrained,
    check_subgroups,
    expand,
    parse_retrained,
    read_subgroups,
)
from avsal.cli.evaluate import EvaluateLine, print_problems
from avsal.errors import ConfigError, MediaError
from avsal.evaluation import MapSource
from avsal.media import atomic_path
from avsal.media.audio import has_sound
from avsal.media.frames import VideoInfo
from avsal.models import SaliencyModel
from avsal.report import ResultTable
from avsal.report.ablation_pages import data_page
from avsal.report.ablation_tables import comparison_lines, write_rows
from avsal.report.labels import model_words
from avsal.report.page import write_page
from avsal.report.page_content import Players
from avsal.report.video_moves import VideoMoves
from avsal.types import Recording
from avsal.workflows.data import open_data
from avsal.workflows.evaluate import Scores, evaluate_source
from avsal.workflows.model import load
from avsal.workflows.model_maps import ModelMaps, Sounds, Watch
from avsal.workflows.results import model_facts, require_free

__all__ = ["DataAblation", "ablate_data"]

DEFAULT = "original,zero,noise,swapped,shifted:1,reversed,video_only"


@dataclass
class DataAblation:
    """What is found, over all runs.

    Attributes:
        scores: of videos.
        tables: of each run, beside published numbers.
        moved: shares of the map's mass that sound moves in each run, by data set and video.
        players: of the videos that sound moves most.
        models: name, arguments and weights of each run.
        notes: what was lost or left out.
        code: the exit code.
    """

    scores: list[ConditionScore] = field(default_factory=list)
    tables: list[ResultTable] = field(default_factory=list)
    moved: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    players: list[Players] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    code: int = 0


def ablate_data(arguments: argparse.Namespace, words: list[str]) -> int:
    """Score a model under every condition, compare them over videos, write tables and the report.

    Args:
        arguments: of the command line.
        words: choices as of `avsal evaluate`; see `expand`.

    Returns:
        0 when everything was scored, 1 when recordings were left out.

    Raises:
        ConfigError: choices that are impossible.
        DatasetError: the data cannot be used.
    """
    runs = expand(words, arguments.training_seeds, arguments.output)
    if arguments.overwrite:
        runs = [replace(run, choices=replace(run.choices, overwrite=True)) for run in runs]
    margins = parse_margins(arguments.margin) if arguments.margin is not None else {}
    for metric in runs[0].choices.metrics or ():
        margin_of(metric, margins)  # before anything is computed
    retrained = parse_retrained(arguments.retrained)
    check_retrained(runs, retrained)
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    subgroups = {} if arguments.subgroups is None else read_subgroups(arguments.subgroups)
    out = Path(dict(word.partition("=")[::2] for word in words).get("out", arguments.output))
    paths = {name: out / name for name in ("conditions.csv", "comparisons.csv", "ablation.json")}
    paths["report.html"] = out / "report.html"
    there = [path for path in paths.values() if path.exists()]
    if there and not any(run.choices.overwrite for run in runs):
        raise ConfigError(f"{there[0]} exists: replace it with --overwrite, or write elsewhere with -o")

    recordings = [one for run in runs for one in open_data(run.choices, protocol=run.choices.protocol)]
    check_subgroups(subgroups, [one.id for one in recordings])
    default = DEFAULT if sum(map(sounds, recordings)) > 1 else DEFAULT.replace("swapped,", "")
    conditions = parse_conditions(arguments.conditions or default)

    found = DataAblation()
    with tempfile.TemporaryDirectory() as folder:
        for run in runs:
            _ablate_run(run, conditions, retrained, arguments, found, Path(folder))
        scores = averaged_over_folds(found.scores)
        scores += in_subgroups(scores, subgroups)
        comparisons = compare(scores, margins=margins)
        out.mkdir(parents=True, exist_ok=True)
        write_rows(paths["conditions.csv"], [asdict(row) for row in scores])
        write_rows(paths["comparisons.csv"], [one.row() for one in comparisons])
        facts = _facts(runs, found, conditions, retrained, arguments)
        moved = {key: float(np.mean(shares)) for key, shares in found.moved.items()}
        summary = facts | {
            "margins": {one.metric: one.margin for one in comparisons},
            "moved": {" ".join(key): share for key, share in moved.items()},
            "notes": found.notes,
        }
        with atomic_path(paths["ablation.json"]) as temporary:
            temporary.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        page = data_page(
            scores, comparisons, found.tables, moved, found.players, facts, list(dict.fromkeys(found.notes))
        )
        write_page(paths["report.html"], page)
    if not arguments.quiet:
        print("\n".join(comparison_lines(comparisons)))
        print("-> " + ", ".join(map(str, paths.values())))
    return found.code


def _ablate_run(
    run: AblationRun,
    conditions: Sequence[Condition],
    retrained: Sequence[Retrained],
    arguments: argparse.Namespace,
    found: DataAblation,
    folder: Path,
) -> None:
    """One data set, fold and training seed: the model under all conditions, and those that were retrained."""
    kept: dict[str, VideoMoves] = {}
    videos = folder / str(len(found.tables))

    def keep(recording: Recording, info: VideoInfo, sounds: Sounds) -> Watch:
        place = videos / str(len(kept)) if arguments.players else None
        kept[recording.id] = VideoMoves(
            _title(run, recording.id),
            place,
            recording.frames,
            info,
            sounds,
            model.spec.sample_rate or 0,
            frame_rate=recording.frame_rate if recording.frames.is_dir() else None,
        )
        return kept[recording.id]

    model = load(run.choices)
    found.models.append(
        f"{model_words(model.name, model.arguments)}, {run.choices.weights or 'shipped weights'}"
    )
    hearing = Hearings(model, run.choices, conditions, arguments.seed)

    choices = run.choices
    source = ModelMaps(
        model,
        REFERENCE,
        hearing=hearing,
        watch=keep,
        engine=choices.engine,
        batch_size=choices.batch_size,
        precision=choices.precision,
    )
    evaluated = _scored(source, choices, model)
    if not arguments.quiet:
        print(evaluated)
        print_problems(evaluated.problems)
    names = [condition.name for condition in conditions]
    if any(name not in evaluated.frames for name in names):
        raise ConfigError("no recording could be scored under all conditions: is there any with sound?")
    rows = {name: evaluated.frames[name] for name in names}
    found.code |= (not evaluated.complete) or bool(hearing.damage)
    title = ", ".join(text for text in (evaluated.table.title, run.seed and f"seed {run.seed}") if text)
    found.tables.append(replace(evaluated.table, title=title))
    found.notes += [f"Damaged sound: {text}." for text in hearing.damage]
    scored = {entry.video for entry in rows[REFERENCE]}
    left_out = sorted({entry.video for entries in evaluated.frames.values() for entry in entries} - scored)
    if left_out:
        found.notes.append(f"{run.dataset}: no score under all conditions, left out: {', '.join(left_out)}.")
    for one in retrained:
        more = _evaluate_retrained(run, one, arguments)
        found.code |= not more.complete
        rows[one.name] = more.frames[one.name]
    found.scores += video_scores(rows, run.seed)
    whole = {video: moves for video, moves in kept.items() if moves.whole}
    for video, moves in whole.items():
        found.moved.setdefault((run.dataset, video), []).append(moves.moved)
    if arguments.players:
        found.players += [moves.players() for moves in whole.values()]
        found.players.sort(key=lambda one: -one.moved)
        for dropped in found.players[arguments.players :]:
            for path in dropped.videos.values():
                path.unlink()
        del found.players[arguments.players :]


def _title(run: AblationRun, video: str) -> str:
    """A video's name where several runs may have one of that name."""
    about = [run.fold and f"fold {run.fold}", run.seed and f"seed {run.seed}"]
    told = ", ".join(text for text in about if text)
    return f"{run.dataset} {video}" + (f" ({told})" if told else "")


class Hearings:
    """What a model hears with each recording of a data set under every condition.

    Args:
        model: that listens.
        choices: of the run; all its recordings with sound take part in the derangement.
        conditions: which.
        seed: of all chance.

    Attributes:
        damage: what could not be read of the sounds so far.
    """

    def __init__(
        self,
        model: SaliencyModel,
        choices: EvaluateLine,
        conditions: Sequence[Condition],
        seed: int,
    ) -> None:
        self._model, self._conditions, self._seed = model, conditions, seed
        self.damage: list[str] = []
        recordings = [one for one in open_data(choices, protocol=choices.protocol) if sounds(one)]
        self._recordings = {one.id: one for one in recordings}
        wanted = any(condition.kind == "swapped" for condition in conditions)
        self._others = derangement(list(self._recordings), seed) if wanted else {}

    def __call__(self, recording: Recording) -> Sounds:
        """The whole sounds, by condition.

        Raises:
            MediaError: the recording has no sound, or it cannot be read.
        """
        if recording.id not in self._recordings:
            raise MediaError(f"{recording.id}: there is no sound to be heard")
        other = None
        if (name := self._others.get(recording.id)) is not None:
            other = self._sound(self._recordings[name])
        rate = self._model.spec.sample_rate
        assert rate is not None  # or there would be no sound
        return apply_conditions(
            self._sound(recording),
            rate,
            self._conditions,
            seed=self._seed,
            video=recording.id,
            other=other,
        )

    def _sound(self, recording: Recording) -> NDArray[np.float32]:
        apart = None if recording.audio == recording.frames else recording.audio
        found = video_audio(self._model, recording.frames, apart)
        text = f"{recording.id}: {found.damage.describe()}"
        if found.damage and text not in self.damage:
            self.damage.append(text)
        return found.samples


def _evaluate_retrained(run: AblationRun, one: Retrained, arguments: argparse.Namespace) -> Scores:
    """Score a model that was trained under a condition, heard under it."""
    choices = replace(
        run.choices,
        model=None,
        weights=run.filled(one.weights),
        out=run.choices.out / one.name.replace(" ", "_").replace(":", "_"),
        baselines=(),
    )
    model = load(choices)
    hearing = None
    if one.condition.kind != "video_only":
        whole = Hearings(model, choices, [one.condition], arguments.seed)

        def hearing(recording: Recording) -> Sounds:
            return {one.name: whole(recording)[one.condition.name]}

    source = ModelMaps(
        model,
        one.name,
        audio="none",
        hearing=hearing,
        engine=choices.engine,
        batch_size=choices.batch_size,
        precision=choices.precision,
    )
    return _scored(source, choices, model)


def _scored(source: MapSource, choices: EvaluateLine, model: SaliencyModel) -> Scores:
    """Score maps and write the evaluation."""
    require_free(choices.out / "evaluation.json", overwrite=choices.overwrite)
    data = open_data(choices, strict=choices.strict, protocol=choices.protocol)
    scores = evaluate_source(source, data, choices.scoring, model=model_facts(model))
    scores.save(choices.out, overwrite=choices.overwrite)
    return scores


def sounds(recording: Recording) -> bool:
    """Whether something can be heard with a recording; what cannot be opened is told when it is scored."""
    try:
        return recording.audio is not None and has_sound(recording.audio)
    except MediaError:
        return False


def _facts(
    runs: Sequence[AblationRun],
    found: DataAblation,
    conditions: Sequence[Condition],
    retrained: Sequence[Retrained],
    arguments: argparse.Namespace,
) -> dict[str, str]:
    """What was run and on what, in words."""
    first = runs[0].choices
    folds = list(dict.fromkeys(run.fold for run in runs if run.fold))
    if len(folds) > 1 and len({run.choices.weights for run in runs}) == 1:
        found.notes.append(
            "One checkpoint is scored on all folds: it must not have been trained on any of them."
        )
    facts = {
        "data": ", ".join(dict.fromkeys(run.dataset for run in runs)),
        "split": first.split or "all",
        "folds": ", ".join(folds),
        "training seeds": ", ".join(dict.fromkeys(run.seed for run in runs if run.seed)),
        "models": "; ".join(dict.fromkeys(found.models)),
        "retrained": "; ".join(f"{one.condition.name}: {one.weights}" for one in retrained),
        "conditions": ", ".join(condition.name for condition in conditions),
        "subgroups": "" if arguments.subgroups is None else arguments.subgroups.name,
        "frames scored": f"each {first.every}." if first.every > 1 else "all",
        "seed of the conditions": str(arguments.seed),
        "avsal": avsal.__version__,
    }
    return {name: text for name, text in facts.items() if text}
