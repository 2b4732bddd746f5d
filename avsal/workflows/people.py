"""The effect of sound on people, where a release has gaze of groups who heard different things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from avsal.ablation.conditions import REFERENCE
from avsal.ablation.verdicts import PEOPLE, ConditionScore
from avsal.ablation.video_scores import video_scores
from avsal.errors import DatasetError, MediaError
from avsal.evaluation import VideoScores, VideoTruth, score_people
from avsal.workflows.evaluate_settings import EvaluateSettings

__all__ = ["people_scores"]


def people_scores(
    data: Any, settings: EvaluateSettings, dataset: str
) -> tuple[list[ConditionScore], list[str]]:
    """How well people who heard something else predict those who heard the original, by video.

    Args:
        data: the data set; anything else than one with `other_sounds` gives nothing.
        settings: frames, size and metrics as for maps.
        dataset: what the scores are filed under, with `PEOPLE` behind it.

    Returns:
        the scores of all videos and conditions, and notes on videos that were left out.
    """
    sounds: dict[str, Any] = getattr(data, "other_sounds", dict)()
    if not sounds:
        return [], []
    rows: dict[str, list[VideoScores]] = {}
    notes = []
    heard = {name: {one.id: one for one in other} for name, other in sounds.items()}
    for recording in data:
        if settings.videos is not None and recording.id not in settings.videos:
            continue
        try:
            own = {name: videos[recording.id] for name, videos in heard.items() if recording.id in videos}
            gaze = {name: one.load_fixations() for name, one in own.items() if one.load_fixations is not None}
            if not gaze:
                continue
            for name, scores in score_people(
                VideoTruth(recording, settings), gaze, original=REFERENCE
            ).items():
                rows.setdefault(name, []).append(scores)
        except (DatasetError, MediaError, ValueError) as error:
            notes.append(f"{dataset}{PEOPLE}: {recording.id} left out: {error}.")
    if REFERENCE not in rows:
        return [], notes
    found = [score for group in _whole(rows) for score in video_scores(group)]
    named = {replace(score, dataset=f"{dataset}{PEOPLE}") for score in found}
    return sorted(
        named, key=lambda score: (score.condition != REFERENCE, score.condition, score.video)
    ), notes


def _whole(rows: dict[str, list[VideoScores]]) -> Sequence[dict[str, list[VideoScores]]]:
    """The original beside each condition: a video need not have been seen under all of them."""
    return [{REFERENCE: rows[REFERENCE], name: own} for name, own in rows.items() if name != REFERENCE]
