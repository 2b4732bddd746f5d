"""What a model is given to hear with a video under each condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.ablation.conditions import Condition, seed_for
from avsal.errors import ConfigError, MediaError
from avsal.media.audio import load_sound
from avsal.media.damage import Damage
from avsal.media.video import open_frames
from avsal.models import SaliencyModel

__all__ = ["VideoAudio", "apply_conditions", "video_audio"]

Waveform = NDArray[np.float32]


@dataclass(frozen=True)
class VideoAudio:
    """A video's whole sound.

    Attributes:
        samples: (A,) in [-1, 1], from 0 of the video's clock.
        sample_rate: in Hz.
        damage: what could not be read.
    """

    samples: Waveform
    sample_rate: int
    damage: Damage


def video_audio(model: SaliencyModel, source: str | Path, sound: str | Path | None = None) -> VideoAudio:
    """Read a video's sound as a model takes it.

    Args:
        model: that listens.
        source: the video.
        sound: a file with its sound; None: the video's own.

    Raises:
        ConfigError: the model takes no sound.
        MediaError: the video has no sound, or it cannot be read.
    """
    rate = model.spec.sample_rate
    if rate is None:
        raise ConfigError(f"{model.name} takes no sound, so there is nothing to ablate: expected tsfpnet_av")
    if sound is not None:
        samples, damage = load_sound(sound, rate)
        return VideoAudio(samples, rate, damage)
    with open_frames(source) as video:
        info = video.info
    if not info.sound:
        raise MediaError(
            f"{source}: expected a video with sound but found none; give one with --audio FILE, or use "
            "`avsal predict`"
        )
    samples, damage = load_sound(source, rate, origin=info.origin)
    return VideoAudio(samples, rate, damage)


def apply_conditions(
    sound: Waveform,
    sample_rate: int,
    conditions: Sequence[Condition],
    *,
    seed: int,
    video: str,
    other: Waveform | None = None,
    alike: Waveform | None = None,
) -> Mapping[str, Waveform | None]:
    """The sound under each condition, by the condition's name.

    Args:
        sound: (A,) the video's.
        sample_rate: in Hz.
        conditions: which.
        seed: of all chance.
        video: its name, so that what it hears does not depend on the order of videos.
        other: (any,) another video's, for the condition ``swapped``.
        alike: (any,) that of another video of the same category, for ``swapped_category``.
    """
    return {
        condition.name: condition.apply(
            sound, sample_rate, rng=seed_for(seed, video, condition.name), other=other, alike=alike
        )
        for condition in conditions
    }
