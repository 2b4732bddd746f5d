"""What the report keeps of a video: players of the map with each sound, and how far each sound moves it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from avsal.ablation.conditions import REFERENCE
from avsal.ablation.map_shift import MapShift, averages, map_shift
from avsal.media.frames import VideoInfo
from avsal.prediction import Prediction
from avsal.render.condition_videos import ConditionVideos
from avsal.report.page_content import Curve, Players

__all__ = ["VideoMoves", "against"]


class VideoMoves:
    """Takes a video's predictions, frame by frame; a context manager.

    Args:
        name: of the video.
        folder: that the players' videos go to; None: no players.
        source: the video.
        info: of it.
        sounds: what is heard, by condition, `REFERENCE` among them.
        sample_rate: of the sounds in Hz.
        frame_rate: of a folder of images.
        start: seconds at which the predicted part begins.
        end: at which it ends.

    Attributes:
        whole: whether the video was taken to its end.
        frames: 0-based numbers of the computed frames; interpolated ones are shown, and not counted.
        times: seconds of the computed frames.
        moves: of each condition but the reference, one a computed frame.
    """

    def __init__(
        self,
        name: str,
        folder: Path | None,
        source: Path,
        info: VideoInfo,
        sounds: Mapping[str, NDArray[np.float32] | None],
        sample_rate: int,
        *,
        frame_rate: float | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> None:
        self.name, self.info = name, info
        self.whole = False
        self.frames: list[int] = []
        self.times: list[float] = []
        self.moves: dict[str, list[MapShift]] = {one: [] for one in sounds if one != REFERENCE}
        self._videos = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._videos = ConditionVideos(
                folder, source, info, sounds, sample_rate, frame_rate=frame_rate, start=start, end=end
            )
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self._videos is not None:
            self._stack.enter_context(self._videos)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        self.whole = error is None and bool(self.frames)

    def write(self, prediction: Prediction) -> None:
        """Take one frame."""
        if self._videos is not None:
            self._videos.write(prediction)
        if not prediction.interpolated:
            self.frames.append(prediction.index)
            self.times.append(prediction.time)
            for name, found in self.moves.items():
                found.append(map_shift(prediction.condition_maps[name], prediction.condition_maps[REFERENCE]))

    @property
    def moved(self) -> float:
        """By how much the sound moves the map, mean over frames; what videos are sorted by."""
        return averages(self.moves[against(self.moves)])["moved"]

    def players(self) -> Players:
        """The videos on one clock, with the curves of how much of the map each sound moves.

        Raises:
            ValueError: no videos were asked for.
        """
        if self._videos is None:
            raise ValueError("no folder was given for the videos")
        times = [time - (self._videos.start or 0.0) for time in self.times]  # as the players' clock
        return Players(
            self.name,
            self.moved,
            self.info.frame_rate,
            self._videos.paths,
            [Curve(name, times, [one.moved for one in found]) for name, found in self.moves.items()],
            "The map with each sound, scaled to its own peak, over the video with that sound.",
        )


def against(compared: Mapping[str, object]) -> str:
    """The condition that shows best what sound does: silence where it is among them, else the first."""
    return "zero" if "zero" in compared else next(iter(compared))
