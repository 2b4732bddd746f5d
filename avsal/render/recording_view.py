"""A recording as a person looks at it: pictures with their numbers and times, gaze, ground truth, sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from avsal.clips import resize_map
from avsal.errors import MediaError
from avsal.groundtruth import DensityRecipe
from avsal.media.audio import load_sound
from avsal.media.frames import Frame, VideoInfo
from avsal.media.video import open_frames
from avsal.render.colormap import colormap, paint, to_unit_peak
from avsal.render.gaze import draw_gaze
from avsal.types import Fixations, Recording

__all__ = ["RecordingView", "Truth"]

Truth = Literal["gaze", "density maps", "object masks", "nothing"]

_SOUND_RATE = 16000
"""Of the sound that is drawn, in Hz."""

_DIMMED = (np.arange(256) * 0.6).astype(np.uint8)
"""Grey level by grey level, so that density shows on bright pictures too."""


@dataclass(frozen=True, eq=False)
class RecordingView:
    """Reads what is drawn of a recording.

    Attributes:
        recording: to be looked at.
        recipe: how gaze becomes the density that is drawn.
        widths: the least and the most pixels that pictures are wide; videos in between keep their size.
    """

    recording: Recording
    recipe: DensityRecipe
    widths: tuple[int, int] = (640, 1280)

    @cached_property
    def info(self) -> VideoInfo:
        """Of the video or the folder of images."""
        return open_frames(self.recording.frames, frame_rate=self.recording.frame_rate).info

    @cached_property
    def size(self) -> tuple[int, int]:
        """(H, W) of the pictures, even."""
        height, width = self.info.size
        scale = min(max(width, self.widths[0]), self.widths[1]) / width
        return max(2, 2 * round(height * scale / 2)), max(2, 2 * round(width * scale / 2))

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """(N,) seconds at which the recording's frames appear.

        Raises:
            MediaError: there are none.
        """
        # only the times are wanted, so pictures are made as small as can be
        reader = open_frames(self.recording.frames, (8, 8), frame_rate=self.recording.frame_rate)
        times = np.array([frame.time for frame in reader])[: self.recording.num_frames]
        if len(times) == 0:
            raise MediaError(f"{self.recording.frames} has no frame; extract or download it again")
        return times

    @property
    def end(self) -> float:
        """Seconds at which the last frame goes."""
        return float(self.times[-1]) + 1 / self.info.frame_rate

    @cached_property
    def fixations(self) -> Fixations | None:
        """All gaze in pixels of the original frame; None where the release has no points."""
        return None if self.recording.load_fixations is None else self.recording.load_fixations()

    @property
    def truth(self) -> Truth:
        """What is painted over the pictures."""
        recording = self.recording
        if recording.load_fixations is not None:
            return "gaze"
        if recording.load_density is not None:
            return "density maps"
        return "nothing" if recording.load_mask is None else "object masks"

    @cached_property
    def sound(self) -> NDArray[np.float32] | None:
        """(A,) mono at `sound_rate` from 0 of the video clock; None where the video has none."""
        audio = self.recording.audio
        if audio is None:
            return None
        origin = self.info.origin if audio == self.recording.frames else None
        return load_sound(audio, _SOUND_RATE, origin=origin)[0]

    @property
    def sound_rate(self) -> int:
        """Of `sound`, in Hz."""
        return _SOUND_RATE

    def frames(self, start: float, end: float) -> Iterator[tuple[int, Frame]]:
        """The number of each frame that appears from `start` to before `end` seconds, and the frame."""
        first, stop = np.searchsorted(self.times, (start - 1e-6, end - 1e-6))
        begin = None if first == 0 else float(self.times[first])
        reader = open_frames(
            self.recording.frames, self.size, frame_rate=self.recording.frame_rate, start=begin
        )
        with reader:
            yield from zip(range(first, stop), reader, strict=False)

    def points(self, frame: int) -> Fixations | None:
        """The fixations on a frame, in pixels of the pictures."""
        return None if self.fixations is None else self.fixations.at(frame).scaled(self.size)

    def map(self, frame: int) -> NDArray[np.float32]:
        """(H, W) density or mask of a frame, its maximum 1; zeros where there is nothing."""
        recording = self.recording
        if self.fixations is not None:
            return to_unit_peak(self.recipe.draw(self.fixations.at(frame), self.size))
        if recording.load_density is not None:
            return to_unit_peak(np.maximum(resize_map(recording.load_density(frame), self.size), 0))
        if recording.load_mask is not None:
            return resize_map(recording.load_mask(frame).astype(np.float32), self.size)
        return np.zeros(self.size, np.float32)

    def painted(self, frame: int, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture of a frame (H, W, 3), dimmed, with its density or mask and its gaze on top."""
        dimmed = _DIMMED[image]
        picture = paint(dimmed, self.map(frame), colormap("inferno"), 0.75)
        points = self.points(frame)
        if points is not None:
            draw_gaze(picture, points)
        return picture
