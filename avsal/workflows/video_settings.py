"""What predicting and cropping videos is told; it imports nothing that computes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from avsal.configuration import frame_rate, moment, setting
from avsal.errors import ConfigError
from avsal.render import OUTPUTS, colormap
from avsal.workflows.model import ModelSettings

__all__ = ["CropSettings", "PredictSettings", "aspect_ratio"]

_VIDEO, _LOOK = "video and audio", "pictures"


@dataclass(frozen=True, kw_only=True)
class PredictSettings(ModelSettings):
    """How videos are predicted and what is written of them; see `ModelSettings` for the rest."""

    save: tuple[str, ...] = setting(
        ("overlay",),
        help="some of " + ", ".join(OUTPUTS) + ", with commas [overlay]; a JSON summary is always written",
        metavar="KINDS",
        known=OUTPUTS,
    )
    audio: str = setting(
        "own",
        help="own: the video's; none: as without sound; zero: as silence; or an audio file",
        metavar="WHAT",
        group=_VIDEO,
    )
    frame_rate: float | None = setting(
        None,
        help="frames a second of a folder of images",
        metavar="RATE",
        flags=("--fps",),
        parse=frame_rate,
        group=_VIDEO,
    )
    video_stream: int | None = setting(
        None, help="picture stream of the file, from 0 [the first that moves]", group=_VIDEO
    )
    audio_stream: int | None = setting(
        None,
        help="sound stream of the file, from 0 [the one marked as default, else the first]",
        group=_VIDEO,
    )
    start: float | None = moment("where to begin", _VIDEO)
    end: float | None = moment("where to stop", _VIDEO)
    every: int = setting(
        1,
        help="compute each N-th map and interpolate the others; live and streaming go through all frames "
        "nevertheless, so that it saves them little",
        least=1,
        group=_VIDEO,
    )
    colormap: str = setting(
        "inferno",
        help="colours of the overlay: inferno, magma, viridis, turbo, jet, grey",
        metavar="NAME",
        group=_LOOK,
    )
    alpha: float = setting(0.7, help="opacity of the overlay at the map's peak, 0 to 1", group=_LOOK)
    style: Literal["heat", "contour"] = setting(
        "heat", help="look of the overlay; contours leave what they mark to be seen", group=_LOOK
    )
    caption: bool = setting(False, help="write the model's name and the time into the overlay", group=_LOOK)
    bits: Literal[8, 16] = setting(8, help="depth of PNG maps", group=_LOOK)
    roi_strength: float = setting(6.0, help="largest quantiser offset of roi, svtav1 and x265", group=_LOOK)
    overwrite: bool = setting(False, help="replace what is there")
    skip_existing: bool = setting(False, help="leave videos alone that are already done")

    def __post_init__(self) -> None:
        """Raise ConfigError for what is impossible."""
        super().__post_init__()
        if not self.save:
            raise ConfigError(f"`save`: expected some of {', '.join(OUTPUTS)} but found none")
        if not 0 <= self.alpha <= 1:
            raise ConfigError(f"`alpha`: expected a number from 0 to 1 but found {self.alpha}")
        if not 0 < self.roi_strength <= 50:
            raise ConfigError(f"`roi_strength`: expected a number up to 50 but found {self.roi_strength}")
        if self.overwrite and self.skip_existing:
            raise ConfigError("`overwrite` and `skip_existing` contradict each other: give one of them")
        colormap(self.colormap)


def aspect_ratio(text: str | Fraction) -> Fraction:
    """Width over height of a text such as ``9:16``, ``1:1`` or ``4/5``.

    Raises:
        ConfigError: it is none from 1:10 to 10:1.
    """
    try:
        ratio = Fraction(str(text).replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        ratio = Fraction(0)
    if not Fraction(1, 10) <= ratio <= 10:
        raise ConfigError(f"expected an aspect ratio as width:height, such as 9:16, but found {text}")
    return ratio


@dataclass(frozen=True, kw_only=True)
class CropSettings(ModelSettings):
    """How a crop is planned and written; see `ModelSettings` for the rest."""

    aspect: Fraction = setting(
        Fraction(9, 16), help="shape of the crop, width:height [9:16]", metavar="W:H", parse=aspect_ratio
    )
    speed: float = setting(0.35, help="how fast the crop may move, in its widths a second")
    start: float | None = moment("where to begin")
    end: float | None = moment("where to stop")
    every: int = setting(2, help="compute each N-th map and interpolate the others", least=1)
    audio: str = setting("own", help="what the model hears: own, none, zero, or an audio file")
    path_only: bool = setting(False, help="write the path as JSON, and no video")
    overwrite: bool = setting(False, help="replace what is there")

    def __post_init__(self) -> None:
        """Raise ConfigError for what is impossible."""
        super().__post_init__()
        object.__setattr__(self, "aspect", aspect_ratio(self.aspect))
        if not 0 < self.speed <= 100:
            raise ConfigError(f"`speed` must be above 0 and at most 100 but is {self.speed}")
