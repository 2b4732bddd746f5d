"""From the scores of frames to one score a video, which is what conditions are compared by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from avsal.ablation.verdicts import ConditionScore
from avsal.evaluation import VideoScores, common_frames, on_frames

__all__ = ["averaged_over_folds", "in_subgroups", "video_scores"]


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
