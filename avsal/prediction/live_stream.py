"""Maps of a video whose frames are handed over one by one, as they come: a camera, a pipe, a robot."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import ceil, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError
from avsal.media.arrays import FramesSource, checked_rate, mono_samples, rgb_frame
from avsal.media.cuts import CutDetector
from avsal.media.pushed_sound import PushedSound
from avsal.media.sources import WindowedSound
from avsal.models import SaliencyModel, require_model
from avsal.prediction.engines import create_engine, supported_engines
from avsal.prediction.handed_over import HandedOver
from avsal.prediction.prediction import Prediction
from avsal.prediction.stream import PRECISIONS, PredictionStream
from avsal.types import Closable

__all__ = ["LiveStream", "live"]

LATEST_SOUND = 0.5
"""Seconds that a frame waits for its sound; then what is missing is silence, and is dropped when it comes."""

RESAMPLING = 0.06
"""Seconds by which resampled sound lags behind: 58 ms from 16 kHz to 22.05, 41 from 44.1."""

SLIDING = ("live", "streaming")
"""Engines that look at the next window to tell how far windows slide."""


def live(
    model: SaliencyModel,
    *,
    fps: float,
    audio_rate: int | None = None,
    engine: str | None = None,
    cuts: bool = True,
    at_once: bool = False,
    pictures: bool = False,
    precision: str = "float32",
) -> LiveStream:
    """Predict a video frame by frame as it comes.

    Examples:
        >>> stream = avsal.live(avsal.load_model(), fps=25, audio_rate=44100)
        >>> for frame, sound in source:
        ...     for map in stream.push(frame, sound): show(map)
        >>> for map in stream.flush(): show(map)

    The maps are those that ``avsal.predict(model, file, engine=stream.engine)`` gives of the same frames and
    sound in a file, shot by shot where `cuts` is on.

    Args:
        model: from `avsal.load_model`; its device is used.
        fps: frames a second; nominal where frames are pushed with their times.
        audio_rate: of the samples pushed, in Hz; None: the model sees a video without sound.
        engine: see `avsal.prediction.engines`; None: ``live`` where the model has it, else its default.
        cuts: whether a cut that is seen begins a new video, so that no map sees the shot before.
        at_once: each map comes with its frame also at the start and after cuts, where it is made as if the
            first frame had been shown before; False: the first maps come later, as a file's are made, from
            the frames that follow.
        pictures: keep the frames of the maps that are due, for `Prediction.picture`.
        precision: of the network.

    Returns:
        a `LiveStream`, to be closed, or used as a context manager.

    Raises:
        ConfigError: an option makes no sense.
    """
    return LiveStream(
        model,
        fps=fps,
        audio_rate=audio_rate,
        engine=engine,
        cuts=cuts,
        at_once=at_once,
        pictures=pictures,
        precision=precision,
    )


class LiveStream(Closable):
    """Takes frames and sound, gives maps; see `live`.

    Nothing is decided by the clock on the wall: the same pushes give the same maps. Not for several threads
    at once.

    Attributes:
        model: that predicts.
        engine: its name.
        hears: whether the model gets the sound that is pushed.
        delay: frames by which a map comes after its frame, at most: at the video's start, and after a cut.
        steady_delay: the same once as many frames were pushed as the model sees.
        num_frames: that were pushed.
        num_cuts: that were seen or said.
    """

    def __init__(
        self,
        model: SaliencyModel,
        *,
        fps: float,
        audio_rate: int | None = None,
        engine: str | None = None,
        cuts: bool = True,
        at_once: bool = False,
        pictures: bool = False,
        precision: str = "float32",
    ) -> None:
        self.model = require_model(model)
        self._rate = checked_rate(fps)
        if precision not in PRECISIONS:
            raise ConfigError(f"unknown precision {precision!r}: expected one of {', '.join(PRECISIONS)}")
        supported = supported_engines(model)
        self.engine = engine or ("live" if "live" in supported else supported[0])
        made = create_engine(model, self.engine, precision=PRECISIONS[precision])
        spec = made.spec
        late = {"last": 0, "centre": spec.num_frames - 1 - spec.num_frames // 2, "all": spec.num_frames - 1}
        self.steady_delay = late[spec.predicts] + made.future
        if self.engine in SLIDING and spec.num_frames > 1:
            self.steady_delay += 1  # which windows slide is known by the next one
        resampled = audio_rate is not None and audio_rate != model.spec.sample_rate
        if resampled and model.spec.sample_rate is not None:
            self.steady_delay += ceil(RESAMPLING * float(self._rate))
        # windows that play the start backwards are computed from the last one on
        backwards = 0 if spec.predicts != "last" or at_once else 2 * (spec.num_frames - 1)
        self.delay = self.steady_delay + backwards
        self.hears = audio_rate is not None and model.spec.sample_rate is not None
        self._sound: PushedSound | None = None
        if audio_rate is not None:
            mono_samples(np.zeros(1, np.float32), audio_rate)  # raises for what is no rate
            keep = (2 * spec.num_frames + made.past + 2) / float(self._rate) + LATEST_SOUND + 2
            self._sound = PushedSound(audio_rate, model.spec.sample_rate or audio_rate, keep)
        self._options = {
            "engine": self.engine,
            "precision": precision,
            "pictures": pictures,
            "at_once": at_once,
            "audio": "own" if self.hears else "none",
        }
        self._detector = CutDetector() if cuts else None
        self._held: deque[_Held] = deque()  # frames that wait for their sound
        self._worker: HandedOver[_Held, Prediction] | None = None
        self._size: tuple[int, int] | None = None
        self._last_time = float("-inf")
        self._given = self._base = 0
        self._begins = False  # whether the next frame is the first of a shot
        self._closed = False
        self.num_frames = self.num_cuts = 0

    def __repr__(self) -> str:
        sound = "with" if self.hears else "without"
        return (
            f"<LiveStream of {self.model.name}, engine {self.engine}, {float(self._rate):.4g} frames a "
            f"second {sound} sound: {self.num_frames} frames, {self.num_cuts} cuts>"
        )

    def push(self, frame: Any, sound: Any = None, *, time: float | None = None) -> list[Prediction]:
        """Hand over a frame, and the sound that came since the last push.

        Args:
            frame: (H, W, 3) RGB, array or tensor, uint8 or floats from 0 to 1; always of one size.
            sound: samples at `audio_rate` that follow those before without a gap, (n,), (n, channels) or
                (channels, n); any number of them. None: none came; silence is zeros. A frame waits for the
                sound of its time, half a second at most.
            time: seconds of the frame, on the clock whose 0 is the first sample; None: frames come at `fps`.

        Returns:
            the maps that are ready, in order; each frame has one in the end.

        Raises:
            ConfigError: the frame, the sound or the time is not as said, or the stream is closed.
        """
        if self._closed:
            raise ConfigError("the stream is closed: begin another with avsal.live")
        picture = rgb_frame(frame, f"frame {self.num_frames}")
        if self._size is not None and picture.shape[:2] != self._size:
            raise ConfigError(
                f"frame {self.num_frames} has {picture.shape[1]}x{picture.shape[0]} pixels, those before it "
                f"{self._size[1]}x{self._size[0]}: begin another stream with avsal.live"
            )
        at = float(self.num_frames / self._rate) if time is None else float(time)
        if not isfinite(at) or at <= self._last_time:
            raise ConfigError(
                f"frame {self.num_frames}: expected times that ascend, in seconds, but found {at}"
            )
        if sound is not None:
            if self._sound is None:
                raise ConfigError("sound is pushed to a stream without: say avsal.live(..., audio_rate=RATE)")
            if self.hears:
                self._sound.push(sound)
        self._size, self._last_time = picture.shape[:2], at
        seen = self._detector is not None and self._detector.push(picture)
        begins = seen or self._begins
        self.num_cuts += seen and not self._begins
        self._begins = False
        self._held.append(_Held(at, picture, begins and self.num_frames > 0))
        self.num_frames += 1
        return self._released(ended=False)

    def cut(self) -> None:
        """Say that the next frame begins another shot: after a seek, lost frames or a change of camera."""
        if self.num_frames and not self._begins:
            self._begins = True
            self.num_cuts += 1

    def flush(self) -> list[Prediction]:
        """The maps that are still due, as where a video ends; a frame pushed later begins another one."""
        maps = [*self._released(ended=True), *self._ended()]
        self._begins = self.num_frames > 0
        return maps

    def close(self) -> None:
        """End, and let go of all memory; maps that are due are dropped: `flush` gives them before."""
        self._closed = True
        self._held.clear()
        if self._worker is not None:
            self._stops()
            self._worker = None

    def _released(self, *, ended: bool) -> list[Prediction]:
        """Maps that come with the frames whose sound is there, or will not be waited for any more."""
        maps: list[Prediction] = []
        while self._held:
            held = self._held[0]
            end = held.time + 1 / float(self._rate)
            if self.hears:
                assert self._sound is not None
                late = ended or self._last_time - held.time >= LATEST_SOUND
                if not self._sound.reaches(end, fill=late):
                    break
            self._held.popleft()
            if held.begins:
                maps += self._ended()
            if self._worker is None:
                sound = self._sound if self.hears else None
                self._worker = HandedOver(partial(_shot, self.model, self._rate, sound, self._options))
                self._stops = weakref.finalize(self, self._worker.stop)
            maps += self._numbered(self._worker.push(held))
        return maps

    def _ended(self) -> list[Prediction]:
        """The maps of the shot that ends."""
        if self._worker is None:
            return []
        worker, self._worker = self._worker, None
        self._stops.detach()
        maps = self._numbered(worker.end())
        self._base += self._given
        self._given = 0
        return maps

    def _numbered(self, maps: list[Prediction]) -> list[Prediction]:
        self._given += len(maps)
        return [replace(one, index=one.index + self._base) for one in maps]


@dataclass(frozen=True, eq=False)
class _Held:
    """A frame with its second, and whether it begins a shot."""

    time: float
    picture: NDArray[np.uint8]
    begins: bool


class _Shot(FramesSource):
    """A shot's frames as they are pushed, with the sound that is pushed beside them."""

    def __init__(self, frames: Iterator[_Held], rate: Fraction, sound: WindowedSound | None) -> None:
        self._own = sound
        timed = ((held.time, held.picture) for held in frames)
        super().__init__(lambda: timed, "live", rate, again=False, waits=False)

    def sound(self, sample_rate: int, keep: float) -> WindowedSound | None:
        """See `Source.sound`."""
        return self._own


def _shot(
    model: SaliencyModel,
    rate: Fraction,
    sound: WindowedSound | None,
    options: dict[str, Any],
    frames: Iterator[_Held],
) -> PredictionStream:
    """The prediction of one shot."""
    return PredictionStream(model, _Shot(frames, rate, sound), **options)
