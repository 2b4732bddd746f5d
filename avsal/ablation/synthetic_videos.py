"""The control: videos in which we planted an effect of sound, or planted none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from avsal.ablation.audio_conditions import apply_conditions
from avsal.ablation.conditions import Condition, derangement
from avsal.ablation.verdicts import ConditionScore
from avsal.clips import ClipBatch, waveform
from avsal.errors import ConfigError
from avsal.metrics.batch import cc, nss
from avsal.models import SaliencyModel
from avsal.prediction.engines.plain import PlainEngine
from avsal.training.synthetic_clips import sample
from avsal.types import ClipSpec

__all__ = ["BY_HAND", "CEILINGS", "FAVOURED", "REFERENCES", "planted_margins", "score_synthetic_videos"]

#: rows that no model made: the best maps that can be made without the sound, and with it
CEILINGS = ("best without sound", "best with sound")

#: the map of a rule made by hand that hears, where the videos have one
BY_HAND = "by hand"

#: rows that are no condition
REFERENCES = (*CEILINGS, BY_HAND)

#: besides NSS and CC: 1 where the map favours the source that is heard, where the videos say what it favours;
#: a share to be told, not a metric of maps, so that no verdict rests on it
FAVOURED = "favoured"

#: share of the gain that planted sound can bring, below which a difference does not matter
MARGIN_SHARE = 0.05


@torch.inference_mode()
def score_synthetic_videos(
    model: SaliencyModel,
    videos: Any,
    conditions: Sequence[Condition],
    *,
    num_videos: int,
    dataset: str,
    model_seed: str = "",
    seed: int = 0,
    batch_size: int = 8,
) -> list[ConditionScore]:
    """Scores of the last frame's map of every video under every condition, and of the reference rows.

    NSS and CC, and `FAVOURED` where the videos say which source a map favours. Frames are seen once for all
    conditions. The sound of ``swapped`` is that of another source of the same video where there is one to be
    had, of another of the videos otherwise.

    Args:
        model: that listens, in evaluation mode.
        videos: `datasets_av.sounding_objects.SoundingObjects` or `datasets_av.sounding_clips.SoundingClips`.
        conditions: which.
        num_videos: from video 0 on.
        dataset: what the scores are filed under, such as the cue.
        model_seed: of the training run, where several are compared.
        seed: of the conditions.
        batch_size: videos at once.

    Raises:
        ConfigError: the model takes no sound, or the videos do not fit it.
    """
    spec = model.spec
    if spec.sample_rate is None:
        raise ConfigError(f"{model.name} takes no sound, so there is nothing to ablate: expected tsfpnet_av")
    names = [f"video {index}" for index in range(num_videos)]
    others = derangement(names, seed)
    sounds, swapped = {}, {}
    for index, name in enumerate(names):
        video = videos[index]
        sounds[name] = video.sound
        if hasattr(video, "sounds"):
            swapped[name] = video.sounds["swapped"]
    swapped = swapped or {name: sounds[others[name]] for name in names}
    engine = PlainEngine(model)
    scores: list[ConditionScore] = []
    for begin in range(0, num_videos, batch_size):
        numbers = range(begin, min(begin + batch_size, num_videos))
        batch = ClipBatch.collect([sample(videos, number, spec) for number in numbers], spec)
        hearings = [
            apply_conditions(
                sounds[names[n]],
                spec.sample_rate,
                conditions,
                seed=seed,
                video=names[n],
                other=swapped[names[n]],
            )
            for n in numbers
        ]
        stacked = []
        for condition in conditions:
            waves = [hearing[condition.name] for hearing in hearings]
            there = [waveform(wave, spec) for wave in waves if wave is not None]
            stacked.append(torch.stack(there).to(engine.device) if there else None)
        maps = dict(
            zip(
                [condition.name for condition in conditions],
                engine.maps(batch.frames.to(engine.device), stacked, start=False),
                strict=True,
            )
        )
        made = [videos[number] for number in numbers]
        maps |= _reference_maps(made)
        for row, found in maps.items():
            values_of = _last_frame_scores(found, batch) | _favoured(made, found)
            for metric, values in values_of.items():
                scores += [
                    ConditionScore(names[n], model_seed, row, metric, value, dataset)
                    for n, value in zip(numbers, values, strict=True)
                ]
    return scores


def planted_margins(videos: Any, spec: ClipSpec, num_videos: int, *, batch_size: int = 8) -> dict[str, float]:
    """The smallest difference that matters, by metric: 5 % of what sound can bring where it decides.

    No model is needed: it is the mean score of the best maps with sound minus that of the best without.

    Args:
        videos: `datasets_av.sounding_objects.SoundingObjects` whose gaze follows the sound.
        spec: of the clips.
        num_videos: from video 0 on.
        batch_size: videos at once.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for begin in range(0, num_videos, batch_size):
        numbers = range(begin, min(begin + batch_size, num_videos))
        batch = ClipBatch.collect([sample(videos, number, spec) for number in numbers], spec)
        made = [videos[number] for number in numbers]
        for row, maps in _reference_maps(made).items():
            for metric, values in _last_frame_scores(maps, batch).items():
                found.setdefault((row, metric), []).extend(values)
    without, with_sound = CEILINGS
    return {
        metric: MARGIN_SHARE * float(np.mean(found[with_sound, metric]) - np.mean(found[without, metric]))
        for row, metric in found
        if row == without
    }


def _reference_maps(videos: Sequence[Any]) -> dict[str, torch.Tensor]:
    """(B, 1, H, W) of the last frame, by row of `REFERENCES`."""
    maps = {
        row: [video.gaze.best_map(-1, sound=sound) for video in videos]
        for row, sound in zip(CEILINGS, (False, True), strict=True)
    }
    if all(hasattr(video, "map_by_hand") for video in videos):
        maps[BY_HAND] = [video.map_by_hand() for video in videos]
    return {row: torch.from_numpy(np.stack(found))[:, None] for row, found in maps.items()}


def _favoured(videos: Sequence[Any], maps: torch.Tensor) -> dict[str, list[float]]:
    """Whether the last frame's map favours the source that is heard."""
    if not all(hasattr(video, "favoured") for video in videos):
        return {}
    last = maps[:, -1].float().cpu().numpy()
    return {
        FAVOURED: [float(v.favoured(saliency) == v.heard) for v, saliency in zip(videos, last, strict=True)]
    }


def _last_frame_scores(maps: torch.Tensor, batch: ClipBatch) -> dict[str, list[float]]:
    last = maps[:, -1].float().cpu()
    return {
        "nss": nss(last, batch.points[:, -1], batch.mask[:, -1]).tolist(),
        "cc": cc(last, batch.density[:, -1]).tolist(),
    }
