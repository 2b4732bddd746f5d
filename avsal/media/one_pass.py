"""Reading picture and sound of a camera or stream as they come, once, by one demuxer."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray

from avsal.errors import MediaError
from avsal.media.arrays import checked_rate
from avsal.media.audio import SoundReader
from avsal.media.container import (
    ANY_TAGS,
    check_picture_size,
    decode,
    demux,
    fraction,
    picture_stream,
    sound_stream,
    sound_streams,
)
from avsal.media.damage import Damage
from avsal.media.frames import ROUNDING, Frame, FrameReader, VideoInfo
from avsal.media.orientation import Orientation
from avsal.media.pixels import RgbConverter
from avsal.media.planes import PictureConverter
from avsal.media.probe import USUAL_RATE
from avsal.media.samples import placed_blocks
from avsal.media.sources import Source, WindowedSound
from avsal.media.stamps import StampRule, Stamps
from avsal.types import Closable, Scaling

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame

__all__ = ["OnePass", "camera"]

PATIENCE = (15.0, 30.0)
"""Seconds to wait for a stream to open, and for its next data."""

MOST_WAITING = 256
"""Packets of one stream that may wait while none of the other comes."""


def camera(number: str, frame_rate: float | Fraction | None = None) -> OnePass:
    """A camera of this machine: ``0``, or ``/dev/video0`` on Linux. It has no sound.

    Raises:
        MediaError: there is none, or it cannot be opened.
    """
    address, format_name = camera_device(number)
    options = {} if frame_rate is None else {"framerate": str(checked_rate(frame_rate))}
    name = f"camera{number}" if number.isdigit() else Path(number).name
    return OnePass(address, name, format_name=format_name, options=options)


def camera_device(number: str) -> tuple[str, str]:
    """What FFmpeg calls a camera here, and its reader of cameras."""
    if sys.platform == "darwin":
        return f"{number}:none", "avfoundation"
    if sys.platform == "win32":
        return f"video={number}", "dshow"
    return (f"/dev/video{number}" if number.isdigit() else number), "v4l2"


class OnePass(Source):
    """A camera or an address whose pictures come once and may have no end. See `Source`.

    The clock's 0 is the first picture. A frame lasts as long as frames do on average, since the next one is
    not there yet. A sound of which nothing comes for `MOST_WAITING` packets of picture counts as ended.

    Args:
        address: that FFmpeg opens.
        name: see `Source`.
        format_name: of FFmpeg's reader; None: found out.
        options: of the reader.
        video_stream: number of the picture stream.
        audio_stream: number of the sound stream, None for the default one.
    """

    live = True

    def __init__(
        self,
        address: str,
        name: str,
        *,
        format_name: str | None = None,
        options: dict[str, str] | None = None,
        video_stream: int | None = None,
        audio_stream: int | None = None,
    ) -> None:
        self.name = name
        place = Path(name)
        try:
            self._container: Any = av.open(
                address,
                format=format_name,
                options=options or {},
                timeout=PATIENCE,
                **ANY_TAGS,
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise MediaError(
                f"cannot open {name}: {reason}; is it there, and used by nobody else?"
            ) from error
        try:
            self._begin(place, video_stream, audio_stream)
        except BaseException:
            self._container.close()
            raise

    def _begin(self, place: Path, video_stream: int | None, audio_stream: int | None) -> None:
        container, self.damage = self._container, Damage("picture")
        self._picture = picture_stream(container, place, video_stream or 0)
        self._picture.codec_context.thread_count = 1
        self._sound = sound_stream(container, place, audio_stream) if sound_streams(container) else None
        self._lock = threading.Lock()
        self._packets: Iterator[Packet] | None = None
        self._wanted: list[Stream] = [self._picture, *([self._sound] if self._sound is not None else [])]
        self._waiting: dict[int, deque[Packet]] = {stream.index: deque() for stream in self._wanted}
        self._ended = self._used = False
        self._decoded = self._decode_pictures()
        first = next(self._decoded, None)
        if first is None:
            raise MediaError(f"{place}: expected pictures but none can be decoded")
        self._first = first
        stream = self._picture
        rate = fraction(stream.average_rate) or fraction(stream.guessed_rate) or USUAL_RATE
        rate = rate if 1 <= rate <= 1000 else USUAL_RATE
        time_base = fraction(stream.time_base) or Fraction(1, av.time_base)
        self._start = first.pts or 0
        period = max(1, round(1 / (rate * time_base)))
        self._rule = StampRule(self._start, period, max(1, round(1 / time_base)))
        aspect = fraction(stream.sample_aspect_ratio) or Fraction(1)
        self._orientation = Orientation.of(first)
        size = first.height, max(1, round(first.width * aspect))
        check_picture_size(place, *size)
        self.info = VideoInfo(
            path=place,
            size=self._orientation.stored(size),
            coded_size=(first.height, first.width),
            frame_rate=float(rate),
            duration=None,
            num_frames=None,
            origin=float(self._start * time_base),
            first_time=0.0,
            time_base=time_base,
            rotation=self._orientation.rotation,
            sample_aspect_ratio=aspect,
            codec=stream.codec_context.codec.canonical_name,
            sound=self._sound is not None,
            stream=video_stream or 0,
        )

    def frames(
        self,
        size: tuple[int, int],
        *,
        start: float | None = None,
        threads: int | None = None,
        scaling: Scaling = "area",
        pictures: bool = False,
    ) -> FrameReader:
        """See `Source.frames`.

        Raises:
            MediaError: it was read before.
        """
        if self._used:
            raise MediaError(f"{self.name} comes once and was read before: open it anew")
        self._used = True
        return _Pictures(self, size, start, scaling, pictures)

    def sound(self, sample_rate: int, keep: float) -> WindowedSound | None:
        """See `Source.sound`."""
        if self._sound is None:
            return None
        return SoundReader(self.info.path, sample_rate, keep=keep, decoder=_Sound(self))

    def close(self) -> None:
        """Let go of the camera or stream."""
        with self._lock:
            self._ended = True
            self._container.close()

    def drop_sound(self) -> None:
        """Nobody listens: packets of the sound are not kept."""
        if self._sound is not None:
            self._waiting.pop(self._sound.index, None)
            self._sound = None

    def _next(self, stream: Stream) -> Packet | None:
        """The next packet of a stream; None at the end, or where only the other stream's come."""
        with self._lock:
            queue = self._waiting[stream.index]
            while not queue and not self._ended:
                if any(len(other) >= MOST_WAITING for other in self._waiting.values()):
                    if stream is not self._picture:
                        return None
                    for other in self._waiting.values():
                        other.clear()
                if self._packets is None:
                    self._packets = demux(self._container, self._wanted, self.damage)
                failed = self.damage.failed
                packet = next(self._packets, None)
                if packet is None:
                    self.damage.failed = failed  # a stream that is cut off ends
                    self._ended = True
                elif packet.stream_index in self._waiting:
                    self._waiting[packet.stream_index].append(packet)
            return queue.popleft() if queue else None

    def _decode_pictures(self) -> Iterator[VideoFrame]:
        while (packet := self._next(self._picture)) is not None:
            yield from decode(self._picture, packet, self.damage)
        yield from decode(self._picture, None, self.damage)


class _Pictures(Closable):
    """The frames of a `OnePass`; see `FrameReader`."""

    def __init__(
        self,
        source: OnePass,
        size: tuple[int, int],
        start: float | None,
        scaling: Scaling,
        pictures: bool,
    ) -> None:
        self._source, self._start = source, float("-inf") if start is None else start - ROUNDING
        self.info, self.damage = source.info, source.damage
        self._convert = RgbConverter(size, source._orientation, scaling)
        self._whole = PictureConverter(source.info.size, source._orientation) if pictures else None

    def close(self) -> None:
        """Close what is read."""
        self._source.close()

    def __iter__(self) -> Generator[Frame, None, None]:
        source, info = self._source, self.info
        stamps = Stamps(source._rule, self.damage)
        period = 1 / info.frame_rate

        def frames() -> Iterator[VideoFrame]:
            yield source._first
            yield from source._decoded

        for decoded in frames():
            pts = stamps.stamp(decoded)
            time = float((pts - source._start) * info.time_base)
            if time < self._start:
                continue
            picture = None if self._whole is None else self._whole(decoded)
            number = self.damage.decoded
            self.damage.decoded += 1
            yield Frame(number, time, period, pts, self._convert(decoded), picture)


class _Sound:
    """The samples of a `OnePass` in blocks; see `SoundDecoder`."""

    can_seek = False

    def __init__(self, source: OnePass) -> None:
        self._source, self._stream = source, source._sound
        assert self._stream is not None
        self.damage = Damage("sound")
        self.sample_rate: int = self._stream.codec_context.sample_rate or 48_000
        self.origin = source.info.origin

    def blocks(self, start: float | None = None) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """See `SoundDecoder.blocks`."""
        yield from placed_blocks(self._frames(), self.sample_rate, self.origin, self.damage)

    def _frames(self) -> Iterator[AudioFrame]:
        stream = self._stream
        assert stream is not None
        while not self._source._ended or self._source._waiting[stream.index]:
            packet = self._source._next(stream)
            if packet is None:
                return
            for frame in decode(stream, packet, self.damage):
                frame.time_base = stream.time_base
                yield frame
