"""Where the negatives of shuffled AUC come from. Values with different samplers must never be compared.

`other_videos` (default): all fixations of the other videos. `same_video` (STAViS and ViNet on the
audio-visual sets): the pixels fixated at any other time in the same video; it measures 'when' rather than
'where', so a perfect predictor of one persistent target scores near 0.5. `dhf1k_10`: the fixated pixels of
ten random frames of the whole set, drawn for every frame. The original of the last one swaps the ratios of
rows and columns when it rescales; here points are scaled correctly.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError
from avsal.metrics.points import Points
from avsal.types import Fixations

__all__ = ["SAMPLERS", "Dhf1k10", "OtherVideos", "SameVideo", "Sampler", "SamplerName", "create_sampler"]

SamplerName = Literal["other_videos", "same_video", "dhf1k_10"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)

#: (video, 0-based frame) to the negatives of that frame, with the sampler's name on them
Sampler = Callable[[str, int], Points]


class OtherVideos:
    """All fixations of all other videos, repeats kept, in the coordinates of this video's frames."""

    name = "other_videos"

    def __init__(self, gaze: Mapping[str, Fixations], size: tuple[int, int] | None = None) -> None:
        """Take the gaze on the whole set, by video, and the ground truth's size; None: each video's own."""
        self._gaze = _on_size(gaze, size)
        self._counts: dict[tuple[int, int], NDArray[np.int64]] = {}
        self._latest: tuple[str, Points] | None = None

    def __call__(self, video: str, frame: int) -> Points:
        """The negatives of a frame, the same for all frames of a video."""
        own = _of_video(self._gaze, video)
        if self._latest is None or self._latest[0] != video:
            size = own.size
            if size not in self._counts:
                self._counts[size] = sum(
                    (_counts(gaze.scaled(size)) for gaze in self._gaze.values()),
                    start=np.zeros(size[0] * size[1], dtype=np.int64),
                )
            others = self._counts[size] - _counts(own)
            pixels = np.flatnonzero(others)
            self._latest = (video, Points(pixels, others[pixels], size, self.name))
        return self._latest[1]


class SameVideo:
    """All pixels fixated in the same video, each once, but those fixated in this frame."""

    name = "same_video"

    def __init__(self, gaze: Mapping[str, Fixations], size: tuple[int, int] | None = None) -> None:
        """Take the gaze on the whole set, by video, and the ground truth's size; None: each video's own."""
        self._gaze = _on_size(gaze, size)
        self._latest: tuple[str, NDArray[np.int64], NDArray[np.int64]] | None = None

    def __call__(self, video: str, frame: int) -> Points:
        """The negatives of a frame."""
        own = _of_video(self._gaze, video)
        if self._latest is None or self._latest[0] != video:
            pixels = _pixels(own)
            self._latest = (video, pixels, np.unique(pixels))
        _, pixels, union = self._latest
        current = np.unique(pixels[own.frame == frame])
        rest = np.setdiff1d(union, current, assume_unique=True)
        return Points(rest, np.ones_like(rest), own.size, self.name)


class Dhf1k10:
    """The pixels fixated in ten random frames of the whole set, each once; this frame may be among them.

    Frames are drawn without replacement from those that have fixations. The draw depends on the seed, the
    video and the frame only, not on the order of evaluation.
    """

    num_frames = 10

    def __init__(self, gaze: Mapping[str, Fixations], seed: int, size: tuple[int, int] | None = None) -> None:
        """Take the gaze on the whole set, by video, and the ground truth's size; None: each video's own."""
        self.name = f"dhf1k_10(seed={seed})"
        self._seed = seed
        self._gaze = _on_size(gaze, size)
        self._frames = [
            (video, int(frame)) for video, own in self._gaze.items() for frame in np.unique(own.frame)
        ]

    def __call__(self, video: str, frame: int) -> Points:
        """The negatives of a frame."""
        size = _of_video(self._gaze, video).size
        generator = np.random.default_rng([self._seed, zlib.crc32(video.encode()), frame])
        draw = generator.choice(len(self._frames), min(self.num_frames, len(self._frames)), replace=False)
        drawn = [self._frames[index] for index in draw]
        pixels = [_pixels(self._gaze[other].at(time).scaled(size)) for other, time in drawn]
        union = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *pixels]))
        return Points(union, np.ones_like(union), size, self.name)


def create_sampler(
    name: str,
    gaze: Mapping[str, Fixations],
    *,
    seed: int | None = None,
    size: tuple[int, int] | None = None,
) -> Sampler:
    """Build a sampler by name.

    Args:
        name: one of `SAMPLERS`.
        gaze: all fixations of the set, by video.
        seed: for `dhf1k_10`, and only there.
        size: (height, width) of the ground truth of all videos; None where each video's own frame size is it.

    Returns:
        A function of video and 0-based frame that gives the negatives. Their `sampler` is the name to
        publish.

    Raises:
        ConfigError: unknown name, no seed for `dhf1k_10`, or a seed for a sampler that draws nothing.
    """
    if name not in SAMPLERS:
        raise ConfigError(f"unknown shuffled-AUC sampler {name!r}: expected one of {', '.join(SAMPLERS)}")
    if name == "dhf1k_10":
        if seed is None:
            raise ConfigError("the sampler 'dhf1k_10' draws frames at random: give it a `seed`")
        return Dhf1k10(gaze, seed, size)
    if seed is not None:
        raise ConfigError(f"the sampler {name!r} draws nothing at random: leave `seed` out")
    return OtherVideos(gaze, size) if name == "other_videos" else SameVideo(gaze, size)


def _on_size(gaze: Mapping[str, Fixations], size: tuple[int, int] | None) -> dict[str, Fixations]:
    return {video: own if size is None else own.scaled(size) for video, own in gaze.items()}


def _of_video(gaze: Mapping[str, Fixations], video: str) -> Fixations:
    if video not in gaze:
        raise ConfigError(f"the sampler has no gaze on video {video!r}: give it the gaze of the whole set")
    return gaze[video]


def _pixels(gaze: Fixations) -> NDArray[np.int64]:
    rows, columns = gaze.rows_and_columns()
    return rows * gaze.size[1] + columns


def _counts(gaze: Fixations) -> NDArray[np.int64]:
    return np.bincount(_pixels(gaze), minlength=gaze.size[0] * gaze.size[1])
