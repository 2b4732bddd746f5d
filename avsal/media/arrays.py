"""Frames that are in memory or come from other libraries: arrays, tensors, iterators and readers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from fractions import Fraction
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError, MediaError
from avsal.media.container import check_picture_size
from avsal.media.damage import Damage
from avsal.media.frames import ROUNDING, Frame, FrameReader, RepeatedReader, VideoInfo
from avsal.media.images import HIGHEST_RATE, LOWEST_RATE
from avsal.media.pixels import RgbConverter
from avsal.media.sources import Source
from avsal.types import Scaling

__all__ = ["FramesSource", "checked_rate", "frames_source", "mono_samples", "rgb_frame"]

#: a frame and its second on the video clock; None: frames follow each other at the source's rate
Timed = tuple[float | None, Any]

STAMPED = Fraction(1, 90_000)
"""Ticks of frames that bring their own times."""

MOST_CHANNELS = 32


def frames_source(given: Any, frame_rate: float | Fraction | None = None) -> FramesSource:
    """A source of frames that no file of ours holds.

    Args:
        given: (T, H, W, 3) array or tensor; a reader of decord (``get_avg_fps``, ``[i].asnumpy()``), of
            torchcodec (``get_frame_at``, ``metadata``), or an opened OpenCV capture (``read``, ``grab``); or
            an iterable of frames (H, W, 3) or of (seconds, frame). Frames are RGB, uint8 or floats from 0 to
            1; those of a capture are BGR, as OpenCV gives them.
        frame_rate: in frames a second; needed where times are not known.

    Raises:
        ConfigError: it is none of these, or frames are not as said, or have no times.
    """
    rate = None if frame_rate is None else checked_rate(frame_rate)
    kind = f"{type(given).__module__.partition('.')[0]}.{type(given).__name__}"
    if hasattr(given, "get_avg_fps") and hasattr(given, "__getitem__"):
        begins = getattr(given, "get_frame_timestamp", None)  # (start, end) in seconds
        return FramesSource(
            lambda: (
                (None if begins is None else float(begins(number)[0]), given[number])
                for number in range(len(given))
            ),
            "decord reader",
            rate or checked_rate(given.get_avg_fps()),
            len(given),
        )
    if hasattr(given, "get_frame_at") and hasattr(given, "metadata"):
        return FramesSource(
            lambda: map(_of_torchcodec, map(given.get_frame_at, range(len(given)))),
            "torchcodec decoder",
            rate or checked_rate(given.metadata.average_fps),
            len(given),
        )
    if hasattr(given, "grab") and hasattr(given, "read"):
        rate = rate or checked_rate(given.get(5) or 25)  # cv2.CAP_PROP_FPS
        return FramesSource(lambda: _captured(given), "capture", rate, again=False)
    if hasattr(given, "shape"):
        shape = tuple(given.shape)
        if len(shape) != 4 or shape[3] != 3:
            turned = len(shape) == 4 and shape[1] == 3
            hint = (
                "turn it with permute or transpose(0, 2, 3, 1)"
                if turned
                else "put frames of three colours one after the other"
            )
            raise ConfigError(f"expected frames as (T, H, W, 3) but the array has shape {shape}: {hint}")
        if shape[0] == 0:
            raise ConfigError("expected frames as (T, H, W, 3) but the array holds none (T = 0)")
        if rate is None:
            raise ConfigError("an array of frames has no times: say how many a second, such as fps=25")
        return FramesSource(lambda: ((None, frame) for frame in given), "array", rate, shape[0])
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | dict | set):
        again = isinstance(given, list | tuple)
        count = len(given) if isinstance(given, list | tuple) else None
        return FramesSource(lambda: map(_timed, given), "frames", rate, count, again=again)
    raise ConfigError(
        "expected a video: a path, `-`, an address, a camera's number, an array (T, H, W, 3), an iterator of "
        f"frames or a reader of decord, torchcodec or OpenCV; found {kind}"
    )


class FramesSource(Source):
    """Frames that something in this process gives; see `frames_source`.

    Args:
        make: begins to give them, each with its second or None.
        name: see `Source`.
        frame_rate: None where the first two frames' times tell it.
        count: how many there are, None where unknown.
        again: whether `make` may be called more than once.
        waits: whether a frame with a time waits for the next one, which tells how long it is shown; False: it
            is shown for as long as frames are on average.
    """

    def __init__(
        self,
        make: Callable[[], Iterator[Timed]],
        name: str,
        frame_rate: Fraction | None,
        count: int | None = None,
        *,
        again: bool = True,
        waits: bool = True,
    ) -> None:
        self.name, self.ahead = name, False
        self.waits, self.again = waits, again
        self._make = make
        self._begun: Iterator[Timed] | None = make()
        first = list(_taken(self._begun, 1))
        if not first:
            raise MediaError(f"{name}: expected frames but there are none")
        stamped = first[0][0] is not None
        if stamped and frame_rate is None:
            first += _taken(self._begun, 1)
        if frame_rate is None:
            if not stamped:
                raise ConfigError(f"{name} without times: say how many frames a second, such as fps=25")
            times = [time for time, _ in first]
            if len(times) < 2 or times[0] is None or times[1] is None or not times[1] > times[0]:
                raise ConfigError(f"{name}: expected times that ascend, in seconds, but found {times}")
            frame_rate = checked_rate(1 / (times[1] - times[0]))
        self._begun = chain(first, self._begun)
        image = rgb_frame(first[0][1], f"{name}, frame 0")
        size = image.shape[0], image.shape[1]
        check_picture_size(name, *size)
        self.info = VideoInfo(
            path=Path(name),
            size=size,
            coded_size=size,
            frame_rate=float(frame_rate),
            duration=None if count is None else float(count / frame_rate),
            num_frames=count,
            origin=0.0,
            first_time=first[0][0] or 0.0,
            time_base=STAMPED if stamped else 1 / frame_rate,
            rotation=0,
            sample_aspect_ratio=Fraction(1),
            codec="frames",
            sound=False,
        )

    def frames(
        self,
        size: tuple[int, int] | None,
        *,
        start: float | None = None,
        threads: int | None = None,
        scaling: Scaling = "area",
        pictures: bool = False,
    ) -> FrameReader:
        """See `Source.frames`; pictures that are in memory anyway come along always."""
        start = float("-inf") if start is None else start
        return _FramesReader(self, size or self.info.size, start, scaling, pictures or self.again)

    def begin(self) -> Iterator[Timed]:
        """The frames from the first on.

        Raises:
            ConfigError: they were read before and can be read only once.
        """
        begun, self._begun = self._begun, None
        if begun is None and not self.again:
            raise ConfigError(f"{self.name} can be read only once and were read before: make them anew")
        return self._make() if begun is None else begun


class _FramesReader(RepeatedReader):
    """Reads a `FramesSource`; see `FrameReader`."""

    def __init__(
        self, source: FramesSource, size: tuple[int, int], start: float, scaling: Scaling, pictures: bool
    ) -> None:
        self._pictures = pictures
        self._source, self._start = source, start - ROUNDING
        self._resizes = size != source.info.size
        self._convert = RgbConverter(size, scaling=scaling)
        self.info, self.damage = source.info, Damage("picture")

    def _frames(self) -> Generator[Frame, None, None]:
        info = self.info
        period = 1 / info.frame_rate
        before: tuple[float, NDArray[np.uint8]] | None = None
        for number, (stamp, given) in enumerate(self._source.begin()):
            where = f"{self._source.name}, frame {number}"
            picture = rgb_frame(given, where)
            if picture.shape[:2] != info.size:
                height, width = info.size
                raise ConfigError(
                    f"{where} has {picture.shape[1]}x{picture.shape[0]} pixels, those before it "
                    f"{width}x{height}: frames of one video have one size"
                )
            if stamp is None:
                if number * info.time_base >= self._start:
                    yield self._frame(float(number * info.time_base), period, picture)
                continue
            if not isfinite(stamp) or (before is not None and not stamp > before[0]):
                raise ConfigError(f"{where}: expected times that ascend, in seconds, but found {stamp}")
            if not self._source.waits:
                if stamp >= self._start:
                    yield self._frame(float(stamp), period, picture)
                before = float(stamp), picture[:0]
                continue
            if before is not None and before[0] >= self._start:
                yield self._frame(before[0], stamp - before[0], before[1])
            before = float(stamp), picture
        if self._source.waits and before is not None and before[0] >= self._start:
            yield self._frame(before[0], period, before[1])

    def _frame(self, time: float, duration: float, picture: NDArray[np.uint8]) -> Frame:
        self.damage.decoded += 1
        image = picture
        if self._resizes:
            image = self._convert(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24"))
        pts = round(Fraction(time) / self.info.time_base)
        return Frame(self.damage.decoded - 1, time, duration, pts, image, picture if self._pictures else None)


def rgb_frame(given: Any, where: str) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of what somebody gives as a frame.

    Args:
        given: array, tensor on any device, or picture of Pillow; uint8 or floats from 0 to 1.
        where: that errors name.

    Raises:
        ConfigError: other dimensions, another type, or values that are out of range or no numbers.
    """
    image = plain(given)
    if image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ConfigError(f"{where}: expected (H, W, 3) of RGB but found shape {image.shape}")
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind != "f":
        raise ConfigError(f"{where}: expected uint8, or floats from 0 to 1, but found {image.dtype}")
    low, high = float(image.min()), float(image.max())
    if not (isfinite(low) and isfinite(high)):
        raise ConfigError(f"{where}: expected numbers from 0 to 1 but some are NaN or infinite")
    if low < 0 or high > 1:
        hint = "divide by 255" if 1 < high <= 255 and low >= 0 else "scale them"
        raise ConfigError(f"{where}: expected floats from 0 to 1 but found {low:.3g} to {high:.3g}: {hint}")
    return (image * 255 + 0.5).astype(np.uint8)


def mono_samples(samples: Any, sample_rate: Any) -> tuple[NDArray[np.float32], int]:
    """Samples and rate of a sound that somebody gives.

    Args:
        samples: (A,), (A, channels) or (channels, A), floats of full scale 1 or signed integers; channels are
            mixed by their mean.
        sample_rate: in Hz.

    Returns:
        (A,) float32, and the rate.

    Raises:
        ConfigError: other dimensions, values that are no numbers, or no rate.
    """
    values = plain(samples)
    rate_is_number = isinstance(sample_rate, int | float | np.number) and not isinstance(sample_rate, bool)
    if not rate_is_number or not 100 <= sample_rate <= 1_000_000 or sample_rate != int(sample_rate):
        raise ConfigError(f"audio=(samples, rate): expected a rate in Hz but found {sample_rate!r}")
    if values.ndim == 2 and min(values.shape) <= MOST_CHANNELS:
        values = values if values.shape[1] <= values.shape[0] else values.T
    elif values.ndim != 1:
        raise ConfigError(
            f"audio=(samples, rate): expected samples (A,) or (A, channels) but found shape {values.shape}"
        )
    if values.dtype.kind == "i":
        mono = values.astype(np.float64) / -float(np.iinfo(values.dtype).min)
    elif values.dtype.kind == "f":
        mono = values.astype(np.float64)
    else:
        raise ConfigError(
            f"audio=(samples, rate): expected floats or signed integers but found {values.dtype}"
        )
    if not np.isfinite(mono).all():
        raise ConfigError("audio=(samples, rate): expected numbers but some samples are NaN or infinite")
    mono = mono.mean(axis=1) if mono.ndim == 2 else mono
    if mono.size and np.abs(mono).max() > 8:
        raise ConfigError(
            f"audio=(samples, rate): expected floats of full scale 1 but found {np.abs(mono).max():.3g}: "
            "divide by the full scale"
        )
    return mono.astype(np.float32), int(sample_rate)


def checked_rate(frame_rate: Any) -> Fraction:
    """A frame rate as a fraction.

    Raises:
        ConfigError: it is no number of frames a second.
    """
    number = isinstance(frame_rate, int | float | Fraction | np.number) and not isinstance(frame_rate, bool)
    if not number or not LOWEST_RATE <= frame_rate <= HIGHEST_RATE:
        raise ConfigError(
            f"expected frames a second in {LOWEST_RATE}..{HIGHEST_RATE} but found {frame_rate!r}"
        )
    rate = frame_rate if isinstance(frame_rate, Fraction) else Fraction(float(frame_rate))
    return rate.limit_denominator(100_000 if frame_rate < 1 else 1001)


def plain(given: Any) -> NDArray[Any]:
    """An array of what another library holds, without importing it."""
    if hasattr(given, "asnumpy"):
        given = given.asnumpy()
    elif hasattr(given, "detach"):
        given = given.detach().cpu()
        given = given.float().numpy() if "bfloat16" in str(given.dtype) else given.numpy()
    return np.asarray(given)


def _timed(given: Any) -> Timed:
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], int | float | np.number):
        return float(given[0]), given[1]
    return None, given


def _of_torchcodec(frame: Any) -> Timed:
    data = plain(frame.data)
    turned = data.ndim == 3 and data.shape[0] == 3 and data.shape[2] != 3
    return float(frame.pts_seconds), data.transpose(1, 2, 0) if turned else data


def _captured(capture: Any) -> Iterator[Timed]:
    while True:
        there, image = capture.read()
        if not there:
            return
        yield None, np.ascontiguousarray(image[..., ::-1])


def _taken(frames: Iterator[Timed], count: int) -> Iterator[Timed]:
    for _ in range(count):
        for one in frames:
            yield one
            break
