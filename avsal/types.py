"""The vocabulary that every part of avsal shares: what a model wants, what was recorded, where people looked.

Nothing here reads a file or imports a heavy library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import radians, tan
from pathlib import Path
from types import TracebackType, UnionType
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClipSpec", "Closable", "Fixations", "Predicts", "Recording", "Scaling", "ScreenGeometry", "Split"]

Predicts = Literal["last", "centre", "all"]
Split = Literal["train", "val", "test"]
Channels = Literal["rgb", "bgr"]
Resize = Literal["stretch", "fit"]
Scaling = Literal["area", "bilinear", "lanczos"]
BeyondEnd = Literal["repeat", "loop"]
AudioRule = Literal["frames", "stavis"]
BlurOn = Literal["map", "video"]
Normalise = Literal["none", "max", "range"]

#: of a `ClipSpec`: kind, how many in a tuple (0: no tuple), least and most; wide of every published model
NUMBERS_OF_SPECS: dict[str, tuple[type[int] | UnionType, int, float, float]] = {
    "num_frames": (int, 0, 1, 1024),
    "size": (int, 2, 1, 8192),
    "mean": (int | float, 3, -1e6, 1e6),
    "std": (int | float, 3, 1e-6, 1e6),
    "value_range": (int | float, 0, 1e-6, 1e6),
    "sample_rate": (int, 0, 1, 1_000_000),
    "audio_scale": (int | float, 0, 1e-6, 1e6),
    "audio_lead": (int | float, 0, -1e3, 1e3),
    "blur": (int | float, 0, 0, 1e3),
    "blur_radius": (int | float, 0, 1e-6, 1e2),
    "stride": (int, 0, 1, 1024),
    "margin": (int, 0, 0, 1024),
}
CHOICES_OF_SPECS = {
    "channels": Channels,
    "resize": Resize,
    "scaling": Scaling,
    "predicts": Predicts,
    "beyond_end": BeyondEnd,
    "audio_rule": AudioRule,
    "blur_on": BlurOn,
    "normalise": Normalise,
}
MAX_CLIP_PIXELS = 2**26  # of all frames; 0.8 GB of numbers


class Closable:
    """A base of what is used in a ``with`` block, at whose end it is closed."""

    def close(self) -> None:
        """Let go of what is held."""

    def _leave(self, failed: bool) -> None:
        """The block ends, by an error or not."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave(kind is not None)


@dataclass(frozen=True)
class ClipSpec:
    """What a model takes in and which frames its output belongs to.

    Each model owns one; data, prediction, evaluation and reports read it from there. A model receives
    ``(pixel * value_range / 255 - mean) / std`` in the channel order ``channels``.

    Attributes:
        num_frames: T, consecutive frames of the video at its own frame rate.
        size: (H, W) in pixels that frames are resized to.
        mean: per channel, in units of the value range.
        std: per channel, in units of the value range.
        value_range: what the pixel value 255 becomes before ``mean`` and ``std`` act (1.0 or 255.0).
        channels: order of the colour channels.
        resize: ``stretch`` fills ``size``; ``fit`` keeps the aspect ratio and pads with the value 0 after
            normalisation, content centred.
        scaling: the filter that frames are resized by: the average over an ``area``, or Pillow's ``bilinear``
            or ``lanczos``, which widen where frames shrink.
        sample_rate: of the mono waveform in Hz, None for a model without sound.
        audio_scale: what a full-scale sample (1.0) becomes (256 for SoundNet).
        predicts: frames of the window that the output's T' maps belong to: ``last`` (T' = 1), ``centre``
            (T' = 1, frame T // 2) or ``all`` (T' = T).
        stride: for ``all`` only: by how many frames neighbouring windows are shifted; the first ``stride``
            maps of each window are kept.
        margin: for ``all`` only: maps at either end of a window that suffer from its edge and are kept only
            where the video itself ends.
        start_windows: for ``last`` only: windows of the video's first frames, where the model has its own
            rule for them. Row f lists, by index, the video frames of frame f's window, none later than f; the
            window's map comes from the model's `forward_start`.
        beyond_end: for ``centre`` only: what stands beyond the video's end: its last frame (``repeat``), or
            the window once more from its own start (``loop``).
        audio_lead: by how much of a frame's duration the sound of a window begins and ends before its frames.
        audio_rule: which sound is a window's: that of its ``frames``, or that of STAViS's released code
            (``stavis``), see `avsal.clips.soundtrack`, which also silences the last video of each list that
            is scored or trained on.
        blur: what the model's authors do to a map before they save it: sigma in pixels of the Gaussian that
            they blur it with, 0 for none.
        blur_on: whose pixels: those of the ``map`` or of the ``video``'s frames.
        blur_radius: where the Gaussian ends, in sigmas.
        normalise: what they do then: ``none``, divide by the maximum (``max``), or stretch from 0 to 1
            (``range``).
    """

    num_frames: int
    size: tuple[int, int]
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    value_range: float = 1.0
    channels: Channels = "rgb"
    resize: Resize = "stretch"
    sample_rate: int | None = None
    audio_scale: float = 256.0
    predicts: Predicts = "last"
    stride: int = 1
    margin: int = 0
    start_windows: tuple[tuple[int, ...], ...] = ()
    beyond_end: BeyondEnd = "repeat"
    audio_lead: float = 0.0
    audio_rule: AudioRule = "frames"
    blur: float = 0.0
    blur_on: BlurOn = "map"
    blur_radius: float = 4.0
    normalise: Normalise = "none"
    scaling: Scaling = "area"

    def __post_init__(self) -> None:
        """Raise ValueError when a value is of another kind, makes no sense or would fill the memory."""
        for name, (kind, count, low, high) in NUMBERS_OF_SPECS.items():
            value = getattr(self, name)
            if value is None and name == "sample_rate":
                continue
            numbers = value if count and isinstance(value, tuple) else (value,)
            if (
                len(numbers) != max(1, count)
                or any(isinstance(number, bool) or not isinstance(number, kind) for number in numbers)
                or not all(low <= number <= high for number in numbers)
            ):
                what = "whole number" if kind is int else "number"
                what = f"{count} {what}s" if count else f"a {what}"
                raise ValueError(f"`{name}` must be {what} in {low:g}..{high:g} but is {str(value)[:80]}")
        pixels = self.num_frames * self.size[0] * self.size[1]
        if pixels > MAX_CLIP_PIXELS:
            raise ValueError(
                f"`num_frames` x `size` must be at most {MAX_CLIP_PIXELS} pixels but is {pixels}"
            )
        for name, choices in CHOICES_OF_SPECS.items():
            if getattr(self, name) not in get_args(choices):
                words = " or ".join(get_args(choices))
                raise ValueError(f"`{name}` must be {words} but is {str(getattr(self, name))[:80]}")
        most = self.num_frames - 2 * self.margin
        if self.margin < 0 or not 1 <= self.stride <= most:
            raise ValueError(f"`stride` must lie in 1..{most} but is {self.stride} (`margin` {self.margin})")
        for frame, window in enumerate(self.start_windows):
            past = all(0 <= index <= frame for index in window)
            if self.predicts != "last" or len(window) != self.num_frames or not past:
                raise ValueError(
                    f"`start_windows` needs `predicts` 'last' and {self.num_frames} frames a row, "
                    f"none after the row's own, but row {frame} is {window}"
                )

    @property
    def map_frames(self) -> range:
        """The window's frames, from 0, that the output's T' maps belong to."""
        T = self.num_frames
        return {"last": range(T - 1, T), "centre": range(T // 2, T // 2 + 1), "all": range(T)}[self.predicts]

    def audio_samples(self, seconds: float) -> int:
        """Number of samples A that `seconds` of sound have at this model's sample rate."""
        if self.sample_rate is None:
            raise ValueError("this model takes no sound")
        return max(1, round(seconds * self.sample_rate))


@dataclass(frozen=True)
class ScreenGeometry:
    """The screen that videos were watched on.

    Attributes:
        size_px: (height, width) in pixels.
        size_cm: (height, width) in centimetres.
        distance_cm: from the eye to the screen.
    """

    size_px: tuple[int, int]
    size_cm: tuple[float, float]
    distance_cm: float

    @property
    def pixels_per_degree(self) -> float:
        """Screen pixels in one degree of visual angle at the screen's centre, along its width."""
        return 2 * self.distance_cm * tan(radians(0.5)) * self.size_px[1] / self.size_cm[1]


@dataclass(frozen=True)
class Fixations:
    """Where people looked: one row per fixation and video frame that it covers.

    Points are scaled and images are drawn from points; an image of points is never resized.

    Attributes:
        frame: (N,) int64, 0-based index of the video frame.
        x: (N,) float64, pixels of the original frame from its left edge, 0 <= x < width.
        y: (N,) float64, pixels of the original frame from its top edge, 0 <= y < height.
        observer: (N,) int64, who looked; -1 where the release does not tell.
        size: (height, width) of the original frame in pixels.
        geometry: of the screen, where it is known.
        dropped: how many raw rows were left out, by reason.
    """

    frame: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    observer: NDArray[np.int64]
    size: tuple[int, int]
    geometry: ScreenGeometry | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Convert to the stated types; raise ValueError on columns of different length and on points that are
        no numbers or lie further than a pixel outside the frame.
        """
        for name, kind in (("frame", np.int64), ("x", np.float64), ("y", np.float64), ("observer", np.int64)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=kind).reshape(-1))
        lengths = {len(self.frame), len(self.x), len(self.y), len(self.observer)}
        if len(lengths) != 1:
            raise ValueError(f"`frame`, `x`, `y`, `observer` must be equally long but have lengths {lengths}")
        for name, values, most in (("x", self.x, self.size[1]), ("y", self.y, self.size[0])):
            off = ~((values >= -1) & (values <= most + 1))
            if off.any():
                raise ValueError(
                    f"`{name}` must lie in 0..{most} but is {values[off][0]} in {int(off.sum())} of "
                    f"{len(values)} fixations: leave out what is no point of the frame"
                )

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def observers(self) -> tuple[int, ...]:
        """The observers that have at least one fixation, ascending."""
        return tuple(int(who) for who in np.unique(self.observer))

    def select(self, mask: NDArray[np.bool_]) -> Fixations:
        """The rows where `mask` is true, in the same order."""
        return Fixations(
            self.frame[mask], self.x[mask], self.y[mask], self.observer[mask], self.size, self.geometry
        )

    def at(self, frame: int) -> Fixations:
        """The fixations on one video frame."""
        return self.select(self.frame == frame)

    def scaled(self, size: tuple[int, int]) -> Fixations:
        """The same fixations in the coordinates of a frame of another (height, width)."""
        y = self.y * (size[0] / self.size[0])
        x = self.x * (size[1] / self.size[1])
        return Fixations(self.frame, x, y, self.observer, size, None, self.dropped)

    def rows_and_columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(N,) pixel rows and (N,) pixel columns; repeated points stay repeated."""
        rows = np.clip(np.floor(self.y).astype(np.int64), 0, self.size[0] - 1)
        columns = np.clip(np.floor(self.x).astype(np.int64), 0, self.size[1] - 1)
        return rows, columns


@dataclass(frozen=True)
class Recording:
    """One video of a data set with its sound and gaze. Nothing is read until asked for.

    Attributes:
        id: unique within its data set.
        dataset: name of the data set.
        frames: the video file, or the folder that holds its frames as images in name order.
        audio: the file that holds the sound (often the video itself); None where there is no sound.
        frame_rate: in frames a second; needed where `frames` is a folder, where it places frame i at
            i / frame_rate seconds. None: the video's own time stamps.
        num_frames: as published, None where unknown.
        split: train, val or test, None where the release has none.
        category: of the video, for subgroups declared beforehand.
        load_fixations: reads the gaze; None where there is none.
        load_density: reads the prepared density map of a 0-based frame as (H, W) float32, not normalised;
            None where maps are to be drawn from fixations.
        load_mask: reads the object mask of a 0-based frame as (H, W) bool, True on the salient object; None
            where a data set is about gaze. Data sets of masks have neither fixations nor density maps.
    """

    id: str
    dataset: str
    frames: Path
    audio: Path | None = None
    frame_rate: float | None = None
    num_frames: int | None = None
    split: Split | None = None
    category: str | None = None
    load_fixations: Callable[[], Fixations] | None = field(default=None, repr=False, compare=False)
    load_density: Callable[[int], NDArray[np.float32]] | None = field(default=None, repr=False, compare=False)
    load_mask: Callable[[int], NDArray[np.bool_]] | None = field(default=None, repr=False, compare=False)
