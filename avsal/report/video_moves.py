"""What the report keeps of a video: players of the map with each sound, and how far each sound moves it."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from avsal.ablation.conditions import REFERENCE
from avsal.ablation.floor import FLOOR_SOUNDS, Floor, FloorMeasure
from avsal.ablation.map_shift import MapShift, averages, map_shift
from avsal.media.frames import VideoInfo
from avsal.media.video import open_frames
from avsal.prediction import Prediction
from avsal.render.condition_videos import ConditionVideos
from avsal.render.sound_pictures import spectrogram_png
from avsal.report.ablation_words import OTHER_PATHS
from avsal.report.page_content import Curve, Moment, Players
from avsal.report.video_words import share, towards

__all__ = ["VideoMoves", "against", "most_moved"]

NUM_MOMENTS = 4

#: seconds that moments are apart at least
APART = 1.0


class VideoMoves:
    """Takes a video's predictions, frame by frame; a context manager.

    Args:
        name: of the video.
        folder: that the players' videos go to; None: no players.
        source: the video.
        info: of it.
        sounds: what is heard, by condition, `REFERENCE` among them; where `FLOOR_SOUNDS` are too, the floor
            is measured, and they are shown nowhere else.
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
        shown = {one: sound for one, sound in sounds.items() if one not in FLOOR_SOUNDS}
        self.moves: dict[str, list[MapShift]] = {one: [] for one in shown if one != REFERENCE}
        self._floor = FloorMeasure() if set(FLOOR_SOUNDS) <= set(sounds) else None
        self._sound, self._sample_rate = sounds[REFERENCE], sample_rate
        self._last_time, self._durations = 0.0, 0.0
        self._videos, self._folder = None, folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._videos = ConditionVideos(
                folder,
                source,
                info,
                shown,
                sample_rate,
                frame_rate=frame_rate,
                start=start,
                end=end,
                difference=(REFERENCE, against(self.moves)),
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
        self._last_time, self._durations = prediction.time, prediction.duration
        if not prediction.interpolated:
            self.frames.append(prediction.index)
            self.times.append(prediction.time)
            for name, found in self.moves.items():
                found.append(map_shift(prediction.condition_maps[name], prediction.condition_maps[REFERENCE]))
            if self._floor is not None:
                self._floor.add(prediction.condition_maps)

    def discard(self) -> None:
        """Delete the players' videos."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def moved(self) -> float:
        """By how much the sound moves the map, mean over frames; what videos are sorted by."""
        return averages(self.moves[against(self.moves)])["moved"]

    @property
    def floor(self) -> Floor | None:
        """What moves the map without meaning anything; None where it was not measured."""
        return None if self._floor is None else self._floor.result()

    def players(self) -> Players:
        """The videos on one clock, with the curves of how much of the map each sound moves.

        Raises:
            ValueError: no videos were asked for.
        """
        if self._videos is None:
            raise ValueError("no folder was given for the videos")
        start = self._videos.start or 0.0
        times = [time - start for time in self.times]  # as the players' clock
        seconds = self._last_time - start + (self._durations or 1 / self.info.frame_rate)
        floor = self.floor
        curves = [name for name in self.moves if not name.startswith(OTHER_PATHS)]  # these stand apart
        spectrogram = None
        if self._sound is not None and len(self._sound):
            spectrogram = spectrogram_png(self._sound, self._sample_rate, start, start + seconds)
        return Players(
            self.name,
            self.moved,
            self.info.frame_rate,
            self._videos.paths,
            [Curve(name, times, [one.moved for one in self.moves[name]]) for name in curves or self.moves],
            "The map with each sound, over the video with that sound. Orange in the difference: where the "
            "map has more of its mass with the original audio; blue: with the other.",
            pictures=self._videos.pictures,
            seconds=seconds,
            floor=None if floor is None else floor.meaningless,
            moments=self._moments(times),
            moments_of=f"{REFERENCE} against {against(self.moves)}",
            spectrogram=spectrogram,
        )

    def _moments(self, times: Sequence[float]) -> list[Moment]:
        """Stills of the difference where it is largest."""
        from PIL import Image

        assert self._videos is not None
        other = against(self.moves)
        found = []
        for place in sorted(most_moved(times, [one.moved for one in self.moves[other]])):
            move = self.moves[other][place]
            if move.moved == 0:
                continue
            (path,) = self._videos.pictures.values()
            with open_frames(path, start=max(0.0, times[place] - 1e-3)) as video:
                frame = next(iter(video), None)
            if frame is not None:
                stream = io.BytesIO()
                Image.fromarray(frame.image).save(stream, "JPEG", quality=80)
                label = f"{times[place]:.2f} s: {share(move.moved)} {towards(move)}".strip()
                found.append(Moment(times[place], label, stream.getvalue()))
        return found


def most_moved(times: Sequence[float], moved: Sequence[float], number: int = NUM_MOMENTS) -> list[int]:
    """Places of the largest changes, largest first, each a second at least from all before it."""
    found: list[int] = []
    for place in sorted(range(len(moved)), key=lambda place: -moved[place]):
        if len(found) < number and all(abs(times[place] - times[other]) >= APART for other in found):
            found.append(place)
    return found


def against(compared: Mapping[str, object]) -> str:
    """The condition that shows best what sound does: silence where it is among them, else the first."""
    return "zero" if "zero" in compared else next(iter(compared))
