"""The videos of `avsal ablate --control`, in which an effect of sound was planted, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avsal.errors import ConfigError
from avsal.types import ClipSpec

__all__ = ["ALL_CONTROLS", "CONTROLS", "control_videos"]

CONTROLS = ("identity", "rhythm", "synchrony", "irrelevant")

#: the last one needs real clips
ALL_CONTROLS = (*CONTROLS, "sounding_clips")


def control_videos(
    name: str,
    spec: ClipSpec,
    seed: int,
    *,
    planted: bool = False,
    root: Path | None = None,
    part: Any = None,
    fold: int = 0,
) -> Any:
    """The generator of a control's videos, of a model's size and length.

    Args:
        name: a cue of `SoundingObjects`; ``irrelevant``: its gaze ignores the sound, which still matches an
            object; ``sounding_clips``: composites of real clips.
        spec: spec of the model.
        seed: seed of the videos.
        planted: for ``irrelevant``, the same videos where sound decides.
        root: folder of ``sounding_clips``, the folder of `clips.csv`.
        part: part of ``sounding_clips``, which people are shown.
        fold: fold of ``sounding_clips``, which people are held out.

    Raises:
        ConfigError: ``sounding_clips`` without `root`, or too few people for it.
        DatasetError: the list of clips cannot be read.
    """
    form: dict[str, Any] = {"seed": seed, "num_frames": spec.num_frames, "size": spec.size}
    if name == "sounding_clips":
        from datasets_av.sounding_clips import SoundingClips

        if root is None:
            raise ConfigError(
                "the control sounding_clips needs real clips: give the folder of clips.csv as --root"
            )
        rate = spec.sample_rate or SoundingClips.sample_rate
        return SoundingClips(str(root), part=part, fold=fold, sample_rate=rate, **form)
    from datasets_av.sounding_objects import SoundingObjects

    irrelevant = name == "irrelevant"
    form["setting"] = "irrelevant" if irrelevant and not planted else "decides"
    return SoundingObjects(cue="synchrony" if irrelevant else name, **form)  # type: ignore[arg-type]
