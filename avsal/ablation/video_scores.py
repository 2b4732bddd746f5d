"""From the scores of frames to one score a video, which is what conditions are compared by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from avsal.ablation.verdicts import MORE_THAN, ConditionScore
from avsal.evaluation import VideoScores, common_frames, on_frames

__all__ = ["averaged_over_folds", "in_subgroups", "interactions", "video_scores"]


def video_scores(scores: Mapping[str, Sequence[VideoScores]], seed: str = "") -> list[ConditionScore]:
    """Each video's mean over the frames that all conditions have a map of.

    Args:
        scores: of frames, by condition.
        seed: of the training run.
    """
    shared = common_frames(*scores.values())
    found = []
    for condition, entries in scores.items():
        for entry in on_frames(entries, shared):
            for metric, values in entry.values.items():
                defined = values[np.isfinite(values)]
                mean = float(defined.mean()) if len(defined) else float("nan")
                found.append(ConditionScore(entry.video, seed, condition, metric, mean, entry.dataset))
    return found


def averaged_over_folds(scores: Sequence[ConditionScore]) -> list[ConditionScore]:
    """One score a video, seed, condition and metric: a video that several folds test counts once."""
    values: dict[ConditionScore, list[float]] = defaultdict(list)
    for score in scores:
        values[replace(score, value=0.0)].append(score.value)
    return [replace(key, value=float(np.mean(found))) for key, found in values.items()]


def in_subgroups(scores: Sequence[ConditionScore], subgroups: Mapping[str, str]) -> list[ConditionScore]:
    """The scores again, each filed under its video's subgroup; videos without one are left out."""
    return [replace(score, subgroup=subgroups[score.video]) for score in scores if score.video in subgroups]


def interactions(
    scores: Sequence[ConditionScore], models: Mapping[str, Sequence[str]]
) -> list[ConditionScore]:
    """Does one model use sound more than another? Their scores' differences, paired over videos.

    Under every condition the first model's score less the second's: that of the original audio less that of a
    condition is by how much more the first loses when it hears the condition instead.

    Args:
        scores: of all models, each filed under its own.
        models: what each data set's models are filed under, in the order in which they are compared.

    Returns:
        filed under ``FIRST more than SECOND``.
    """
    found = []
    values = {replace(score, value=0.0): score.value for score in scores}
    for dataset, places in models.items():
        for first, second in combinations(places, 2):
            name = second.removeprefix(dataset).removeprefix(", ")
            for score in scores:
                other = values.get(replace(score, value=0.0, dataset=second))
                if score.dataset == first and other is not None:
                    place = f"{first}{MORE_THAN}{name}"
                    found.append(replace(score, value=score.value - other, dataset=place))
    return found
