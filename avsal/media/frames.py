"""The values that readers of videos and of image folders give out, and the shape both readers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from avsal.media.damage import Damage
from avsal.types import Closable

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = [
    "NO_IMAGE",
    "ROUNDING",
    "Frame",
    "FrameReader",
    "Gives",
    "RepeatedReader",
    "VideoInfo",
    "check_selection",
]

ROUNDING = 1e-6
"""Seconds by which two times may differ and still be the same."""

Gives = Literal["images", "pictures", "both"]
"""What a reader makes of each frame: RGB of the size asked for, the picture to be painted on, or both."""

NO_IMAGE = np.zeros((0, 0, 3), np.uint8)
"""The image of frames of which pictures alone were asked for."""


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before it is read.

    Time runs on the video clock: its 0 is `origin`, one origin for picture and sound.

    Attributes:
        path: the video, or the folder of images.
        size: (H, W) on display in square pixels: turned upright, sample aspect ratio applied to the width.
        coded_size: (H, W) as stored.
        frame_rate: average, in frames a second.
        duration: of the picture in seconds as the container claims it, of the whole video where it tells no
            more, None where it tells nothing.
        num_frames: as the container claims it, None where it does not.
        origin: the container's seconds that the video clock calls 0: the earliest decoded start over the
            chosen picture stream and the video's sound.
        first_time: of the first frame on the video clock, in seconds.
        time_base: seconds of one tick of the container's stamps.
        rotation: degrees by which stored pictures are turned clockwise to stand upright, in 0..359.
        sample_aspect_ratio: width of a stored pixel over its height.
        codec: name of the picture's codec.
        sound: whether there is a sound stream that can be decoded and is not empty.
        rebuilt_times: the container's stamps run backwards in display order, so that times come from the
            order of decoding instead.
        stream: number of the picture stream, cover pictures not counted.
        bits: of a sample as stored.
        hdr: the transfer curve of high dynamic range, ``PQ`` or ``HLG``; None for the usual one.
    """

    path: Path
    size: tuple[int, int]
    coded_size: tuple[int, int]
    frame_rate: float
    duration: float | None
    num_frames: int | None
    origin: float
    first_time: float
    time_base: Fraction
    rotation: int
    sample_aspect_ratio: Fraction
    codec: str
    sound: bool
    rebuilt_times: bool = False
    stream: int = 0
    bits: int = 8
    hdr: str | None = None

    def facts(self) -> dict[str, object]:
        """The same facts as plain values for a JSON file."""
        return {
            "path": str(self.path),
            "size": list(self.size),
            "coded_size": list(self.coded_size),
            "frame_rate": self.frame_rate,
            "duration": self.duration,
            "num_frames": self.num_frames,
            "origin": self.origin,
            "first_time": self.first_time,
            "time_base": str(self.time_base),
            "rotation": self.rotation,
            "sample_aspect_ratio": str(self.sample_aspect_ratio),
            "codec": self.codec,
            "sound": self.sound,
            "rebuilt_times": self.rebuilt_times,
            "stream": self.stream,
            "bits": self.bits,
            "hdr": self.hdr,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        index: 0-based count of the frames given out by this reader.
        time: seconds on the video clock.
        duration: seconds until the next frame; the video's mean period for its last frame.
        pts: the container's stamp in ticks, ``time = pts * time_base - origin``.
        image: (H, W, 3) uint8 RGB, upright.
        picture: the frame before it was scaled, where it was asked for: as `avsal.media.planes` describes, or
            (H, W, 3) RGB where it came as that. It may belong to somebody else: read it, do not write to it.
    """

    index: int
    time: float
    duration: float
    pts: int
    image: NDArray[np.uint8]
    picture: VideoFrame | NDArray[np.uint8] | None = None


class FrameReader(Protocol):
    """Gives out the frames of a video or of a folder of images, in time order; may be iterated again."""

    @property
    def info(self) -> VideoInfo:
        """What is known before reading."""
        ...

    @property
    def damage(self) -> Damage:
        """What could not be read, complete after iteration."""
        ...

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class RepeatedReader(ABC, Closable):
    """A reader that begins anew at each iteration; leaving its ``with`` block ends the latest."""

    _running: Generator[Frame, None, None] | None = None

    @abstractmethod
    def _frames(self) -> Generator[Frame, None, None]:
        """The frames from the start of what is read."""

    def close(self) -> None:
        """End the latest iteration."""
        if self._running is not None:
            self._running.close()

    def __iter__(self) -> Iterator[Frame]:
        """Begin anew."""
        self._running = self._frames()
        return self._running


def check_selection(size: tuple[int, int] | None, start: float | None, end: float | None) -> None:
    """Raise ValueError when the arguments of a reader make no sense."""
    for name, value in (("start", start), ("end", end)):
        if value is not None and not isfinite(value):
            raise ValueError(f"`{name}` must be a number of seconds but is {value}")
    if size is not None and min(size) < 1:
        raise ValueError(f"`size` must be (height, width) in pixels but is {size}")
    if start is not None and end is not None and end <= start:
        raise ValueError(f"`end` must lie after `start` but they are {end} and {start} s")
