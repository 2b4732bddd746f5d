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
from avsal.train.synthetic_clips import sample
from avsal.types import ClipSpec

__all__ = ["CEILINGS", "planted_margins", "score_synthetic_videos"]

#: rows that no model made: the best maps that can be made without the sound, and with it
CEILINGS = ("best without sound", "best with sound")

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
    """NSS and CC of the last frame's map of every video under every condition, and both ceilings.

    Frames are seen once for all conditions. The sound of ``swapped`` is that of another of the videos.

    Args:
        model: that listens, in evaluation mode.
        videos: `datasets_av.sounding_objects.SoundingObjects`.
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
    sounds = {name: videos[index].sound for index, name in enumerate(names)}
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
                other=sounds[others[names[n]]],
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
        maps |= _best_maps(videos, numbers)
        for row, found in maps.items():
            for metric, values in _last_frame_scores(found, batch).items():
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
        for row, maps in _best_maps(videos, numbers).items():
            for metric, values in _last_frame_scores(maps, batch).items():
                found.setdefault((row, metric), []).extend(values)
    without, with_sound = CEILINGS
    return {
        metric: MARGIN_SHARE * float(np.mean(found[with_sound, metric]) - np.mean(found[without, metric]))
        for row, metric in found
        if row == without
    }


def _best_maps(videos: Any, numbers: Sequence[int]) -> dict[str, torch.Tensor]:
    """(B, 1, H, W) of the last frame, by row of `CEILINGS`."""
    return {
        row: torch.from_numpy(np.stack([videos[n].gaze.best_map(-1, sound=sound) for n in numbers]))[:, None]
        for row, sound in zip(CEILINGS, (False, True), strict=True)
    }


def _last_frame_scores(maps: torch.Tensor, batch: ClipBatch) -> dict[str, list[float]]:
    last = maps[:, -1].float().cpu()
    return {
        "nss": nss(last, batch.points[:, -1], batch.mask[:, -1]).tolist(),
        "cc": cc(last, batch.density[:, -1]).tolist(),
    }
