"""`avsal ablate data=NAME root=DIR`: does what is heard change how well gaze is predicted?"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from avsal.ablation.conditions import derangement, parse_conditions
from avsal.ablation.hearing import film_sound, heard
from avsal.ablation.statistics import Comparison, Score, compare
from avsal.cli.ablate_tables import print_comparisons, write_rows
from avsal.cli.evaluate import EvaluateChoices, parse_choices
from avsal.cli.evaluate_job import evaluate_source, open_dataset_of, trained_model
from avsal.cli.evaluate_model import ModelMaps
from avsal.errors import ConfigError, MediaError
from avsal.evaluation import MapSource, VideoScores, common_frames, on_frames
from avsal.media.audio import has_sound
from avsal.types import Recording

__all__ = ["ablate_data"]

REFERENCE = "true"

DEFAULT = "true,zero,noise,other,shifted:1,reversed,absent"


def ablate_data(arguments: argparse.Namespace, words: list[str]) -> int:
    """Score a model under every condition and compare them over videos.

    Args:
        arguments: of the command line.
        words: choices as of `avsal evaluate`.

    Returns:
        0 when everything was scored, 1 when recordings were left out.

    Raises:
        ConfigError: choices that are impossible.
        DatasetError: the data cannot be used.
    """
    choices = parse_choices([*words, f"out={arguments.output}"] if not _has(words, "out") else words)
    if choices.maps is not None or choices.workers > 1 or choices.name is not None:
        raise ConfigError("`maps`, `workers` and `name` make no sense here: a model hears, in this process")
    if choices.audio != "own":
        raise ConfigError("`audio` makes no sense here: say what is heard with --conditions")
    if arguments.overwrite:
        choices = replace(choices, overwrite=True)
    conditions = parse_conditions(arguments.conditions or DEFAULT)

    def open_source(choices: EvaluateChoices) -> MapSource:
        model = trained_model(choices)
        recordings = {one.id: one for one in open_dataset_of(choices, choices.split) if sounds(one)}
        wants_other = any(condition.kind == "other" for condition in conditions)
        others = derangement(list(recordings), arguments.seed) if wants_other else {}

        def hearing(recording: Recording) -> Mapping[str, NDArray[np.float32] | None]:
            own = _sound(model, recording)
            other = _sound(model, recordings[others[recording.id]]) if recording.id in others else None
            return heard(
                own,
                _rate(model.spec.sample_rate),
                conditions,
                seed=arguments.seed,
                video=recording.id,
                other=other,
            )

        return ModelMaps(
            model,
            REFERENCE,
            hearing=hearing,
            batch_size=choices.batch_size,
            precision=choices.precision,
        )

    code, scores = evaluate_source(choices, open_source, quiet=arguments.quiet)
    names = [condition.name for condition in conditions]
    if any(name not in scores for name in names):
        raise ConfigError("no recording could be scored under all conditions: is there any with sound?")
    rows = video_scores({name: scores[name] for name in names})
    comparisons = compare(rows)
    paths = [choices.out / name for name in ("conditions.csv", "comparisons.csv")]
    write_rows(paths[0], [asdict(row) for row in rows])
    write_rows(paths[1], [asdict(one) for one in comparisons])
    if not arguments.quiet:
        show(comparisons)
        print("-> " + ", ".join(map(str, paths)))
    return code


def video_scores(scores: Mapping[str, list[VideoScores]]) -> list[Score]:
    """Each video's mean over the frames that all conditions have a map of."""
    shared = common_frames(*scores.values())
    found = []
    for condition, entries in scores.items():
        for entry in on_frames(entries, shared):
            for metric, values in entry.values.items():
                defined = values[np.isfinite(values)]
                mean = float(defined.mean()) if len(defined) else float("nan")
                found.append(Score(entry.video, "", condition, metric, mean, entry.dataset))
    return found


def show(comparisons: list[Comparison]) -> None:
    """A table for each metric."""
    for metric in dict.fromkeys(one.metric for one in comparisons):
        chosen = [one for one in comparisons if one.metric == metric]
        print(f"{metric}: {chosen[0].num_videos} videos, true {chosen[0].reference_mean:.3f}")
        print_comparisons(chosen)


def sounds(recording: Recording) -> bool:
    """Whether something can be heard with a recording; what cannot be opened is told when it is scored."""
    try:
        return recording.audio is not None and has_sound(recording.audio)
    except MediaError:
        return False


def _sound(model: object, recording: Recording) -> NDArray[np.float32]:
    own = recording.audio is None or recording.audio == recording.frames
    return film_sound(model, recording.frames, None if own else recording.audio).samples  # type: ignore[arg-type]


def _rate(rate: int | None) -> int:
    assert rate is not None  # `film_sound` saw to it
    return rate


def _has(words: list[str], key: str) -> bool:
    return any(word.partition("=")[0] == key for word in words)
