"""A video's map with each sound, and what differs, as videos that play beside each other."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from avsal.clips import resize_map
from avsal.errors import MediaError
from avsal.media.frames import VideoInfo
from avsal.media.video import open_frames
from avsal.media.writer import VideoWriter
from avsal.prediction import Prediction
from avsal.render.colormap import colormap
from avsal.render.comparison import difference_picture
from avsal.render.overlay import draw_overlay

__all__ = ["ConditionVideos"]


class ConditionVideos:
    """Writes one small overlay video for each sound, with that sound in it; a context manager.

    Args:
        folder: that the videos go to.
        source: the video.
        info: of it.
        sounds: (A,) samples in [-1, 1] from 0 of the video's clock, or None for a silent video, by name.
        sample_rate: of them in Hz.
        frame_rate: of a folder of images.
        start: seconds at which the predicted part begins.
        end: at which it ends, None for the video's end.
        height: of the videos in pixels; smaller videos keep their size.
        difference: two of the sounds: a silent video shows where the map has more of its mass with the
            first (orange) or with the second (blue).

    Attributes:
        paths: of the videos, by name; they are there when the context has ended.
        pictures: of the video of the difference, by what it is called.
    """

    def __init__(
        self,
        folder: Path,
        source: str | Path,
        info: VideoInfo,
        sounds: Mapping[str, NDArray[np.float32] | None],
        sample_rate: int,
        *,
        frame_rate: float | None = None,
        start: float | None = None,
        end: float | None = None,
        height: int = 216,
        difference: tuple[str, str] | None = None,
    ) -> None:
        self.source, self.info, self.sounds, self.sample_rate = source, info, sounds, sample_rate
        self.frame_rate, self.start, self.end = frame_rate, start, end
        self.paths = {name: folder / f"{number}.mp4" for number, name in enumerate(sounds)}
        self.difference = difference
        self.pictures = {} if difference is None else {" - ".join(difference): folder / "difference.mp4"}
        scale = min(1.0, height / info.size[0])
        rows, columns = (max(2, round(side * scale / 2) * 2) for side in info.size)
        self.size = (rows, columns)
        self.table = colormap("inferno")
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        import soundfile

        with self._stack:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            reader = open_frames(
                self.source, self.size, frame_rate=self.frame_rate, start=self.start, end=self.end
            )
            self._frames = iter(self._stack.enter_context(reader))
            self._videos: dict[str, VideoWriter] = {}
            for number, (name, sound) in enumerate(self.sounds.items()):
                audio = None
                if sound is not None and len(sound):
                    audio = folder / f"{number}.wav"
                    soundfile.write(audio, np.clip(sound, -1, 1), self.sample_rate, subtype="PCM_16")
                self._videos[name] = self._writer(self.paths[name], audio)
            self._differences = [self._writer(path, None) for path in self.pictures.values()]
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, prediction: Prediction) -> None:
        """Add one frame to every video."""
        frame = next(self._frames, None)
        if frame is None or abs(frame.time - prediction.time) > 1e-6:
            raise MediaError(
                f"{self.source}: reading the video again did not give the frame at {prediction.time:.3f} s; "
                "was the file changed meanwhile?"
            )
        for name, video in self._videos.items():
            picture = draw_overlay(frame.image, prediction.condition_maps[name], self.table, 0.7)
            video.write(picture, frame.time)
        for video in self._differences:
            assert self.difference is not None
            maps = (resize_map(prediction.condition_maps[name], self.size) for name in self.difference)
            video.write(difference_picture(frame.image, *maps), frame.time)

    def _writer(self, path: Path, audio: Path | None) -> VideoWriter:
        return self._stack.enter_context(
            VideoWriter(
                path,
                self.size,
                time_base=self.info.time_base,
                frame_rate=self.info.frame_rate,
                crf=26,
                sound_from=audio,
                origin=0.0,  # the audio files are ours
                start=self.start or 0.0,
                end=self.end,
            )
        )
