"""Writing videos that play everywhere, frame times and sound of the source kept."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import av
import numpy as np
from numpy.typing import NDArray

from avsal.errors import MediaError
from avsal.media.atomic import atomic_path
from avsal.media.audio import has_sound
from avsal.media.pixels import YuvConverter
from avsal.media.planes import even
from avsal.media.probe import sound_origin
from avsal.media.soundtrack import Carried, carry_sound

if TYPE_CHECKING:
    from av.packet import Packet

__all__ = ["VideoWriter"]

FORMATS = {".mp4": "mp4", ".mkv": "matroska"}

MP4_OPTIONS = {"movflags": "+faststart", "movie_timescale": "90000"}
"""The index comes first, for browsers; the start of a late stream is not rounded to milliseconds."""

LIGHT = {"mbtree": "1", "rc-lookahead": "10"}
"""Bits go where later frames need them, which the preset alone does without, at 1.5 times the size."""


class VideoWriter:
    """Writes an H.264 video (8-bit 4:2:0, limited range) frame by frame, with the sound of another.

    Colours are BT.709, or what the first picture's `colorspace` says where pictures are given.

    Frames keep their own times, variable rates too. 0 of the video written is `start` on the video clock of
    the source, for picture and sound alike. Sound packets are read as the picture advances, so that memory
    does not grow with the video, and are copied bit for bit where MP4 and Matroska take their codec; else the
    sound is encoded to AAC. H.264 wants even sizes: an odd height or width grows by one row or column, a
    repeat of the last. The file appears at `path` when it is whole; after an error or an interrupt nothing is
    left.

    Use it as a context manager.

    Args:
        path: ends in ``.mp4`` or ``.mkv``.
        size: (H, W) of the images to be written.
        time_base: seconds of one tick, the finest difference of times; `VideoInfo.time_base` keeps those of a
            source exactly.
        frame_rate: mean, in frames a second, for the header and the encoder's budget.
        crf: of x264, 0 (lossless) to 51; 18 looks like the source.
        preset: of x264, from ``ultrafast`` to ``veryslow``. `LIGHT` goes with ``superfast``: on overlays of
            three videos of 720p at crf 18 a frame takes 0.51 to 0.61 of the work of ``veryfast``, 4 to 7 %
            more bytes, and its luma loses 0.15 to 0.3 dB of 45 to 49 dB.
        grey: images are (H, W) instead of (H, W, 3).
        sound_from: a video or sound file whose sound goes along, None for a silent video. One without sound
            gives a silent video, too.
        sound_stream: number of the sound stream, None for the one marked as default, else the first.
        origin: seconds of `sound_from` that the video clock calls 0: `VideoInfo.origin` for a video's own
            sound, None for a separate file, whose own start is 0 then.
        start: seconds on the video clock at which the video written begins.
        end: seconds on the video clock at which its sound ends, None for the end of the sound itself, which
            may come after the last frame.

    Raises:
        MediaError: `sound_from` cannot be read; while writing: the file cannot be written.
        ValueError: an argument makes no sense.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        *,
        time_base: Fraction,
        frame_rate: float,
        crf: int = 18,
        preset: str = "superfast",
        grey: bool = False,
        sound_from: str | Path | None = None,
        sound_stream: int | None = None,
        origin: float | None = None,
        start: float = 0.0,
        end: float | None = None,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in FORMATS:
            raise ValueError(f"a video's name must end in {' or '.join(FORMATS)} but is {self.path.name}")
        if min(size) < 1 or time_base <= 0 or not frame_rate > 0:
            raise ValueError(
                "`size`, `time_base` and `frame_rate` must be positive but are "
                f"{size}, {time_base} and {frame_rate}"
            )
        self._size = size
        self._grey = grey
        self._time_base = time_base
        self._frame_rate = Fraction(frame_rate).limit_denominator(100_000)
        light = LIGHT if preset == "superfast" else {}
        self._encoding = {"crf": str(crf), "preset": preset, **light}
        self._start = start
        self._end = end
        self._sound_from = None
        if sound_from is not None and has_sound(sound_from):
            self._sound_from = Path(sound_from)
            self._origin = sound_origin(self._sound_from) if origin is None else origin
        self._sound_stream = sound_stream
        self._sound: Carried = "none"
        self._packets: Generator[tuple[float, Packet], None, None] | None = None
        self._waiting: tuple[float, Packet] | None = None
        self._convert = YuvConverter()
        self._last: int | None = None
        self._shown: int | None = None  # ticks that the last frame is shown
        self._stack = ExitStack()

    @property
    def coded_size(self) -> tuple[int, int]:
        """(H, W) of the video: that of the images, made even."""
        return even(self._size)

    @property
    def sound(self) -> Carried:
        """What becomes of the sound: ``copied``, ``re-encoded`` or, where there is none, ``none``."""
        return self._sound

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            container_format = FORMATS[self.path.suffix.lower()]
            options = MP4_OPTIONS if container_format == "mp4" else {}
            self._output = av.open(str(temporary), "w", format=container_format, container_options=options)
            stack.callback(self._release)
            self._picture = self._output.add_stream("libx264", rate=self._frame_rate, options=self._encoding)
            self._picture.height, self._picture.width = self.coded_size
            self._picture.pix_fmt = "yuv420p"
            context = self._picture.codec_context
            context.time_base = self._time_base
            context.color_range = 1  # limited
            context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
            if self._sound_from is not None:
                self._sound, self._packets = carry_sound(
                    self._output,
                    self._sound_from,
                    stream=self._sound_stream,
                    origin=self._origin,
                    start=self._start,
                    end=self._end,
                )
                self._next_sound()
            self._stack = stack.pop_all()
        return self

    def write(
        self, image: NDArray[np.uint8] | av.VideoFrame, time: float, duration: float | None = None
    ) -> None:
        """Append a frame.

        Args:
            image: (H, W, 3) uint8 RGB, or (H, W) for a grey video, of the size that was announced; or a
                picture of `coded_size`, see `avsal.media.planes`, that is the writer's from now on.
            time: seconds on the video clock of the source; later than that of the frame before.
            duration: seconds that the frame is shown where none follows it, but not beyond `end`; None for
                the mean.

        Raises:
            MediaError: the file cannot be written.
            ValueError: shape or type are others, or the time does not advance by a tick.
        """
        frame = image if isinstance(image, av.VideoFrame) else self._picture_of(image)
        found = (frame.height, frame.width, frame.format.name)
        if found != (*self.coded_size, "yuv420p"):
            raise ValueError(f"expected a yuv420p picture of {self.coded_size} but got {found}")
        if self._last is None:
            self._picture.codec_context.colorspace = frame.colorspace
            self._first_time = time
            self._first_pts = round(Fraction(time - self._start) / self._time_base)
        # whole ticks from the first frame on: `start` may lie between two, where rounding is up or down
        pts = self._first_pts + round(Fraction(time - self._first_time) / self._time_base)
        if self._last is not None and pts <= self._last:
            raise ValueError(f"the frame at {time} s comes no later than the one before it")
        self._last = pts
        self._shown = None
        if duration is not None:
            until = time + duration if self._end is None else min(time + duration, max(self._end, time))
            self._shown = max(1, round(Fraction(until - self._start) / self._time_base) - pts)
        frame.pts = pts
        frame.time_base = self._time_base
        self._mux(self._picture.encode(frame))

    def _picture_of(self, image: NDArray[np.uint8]) -> av.VideoFrame:
        shape = self._size if self._grey else (*self._size, 3)
        if image.shape != shape or image.dtype != np.uint8:
            raise ValueError(f"expected a uint8 image of shape {shape} but got {image.dtype} {image.shape}")
        height, width = self.coded_size
        border = [(0, height - self._size[0]), (0, width - self._size[1]), (0, 0)]
        return self._convert(np.pad(image, border[: image.ndim], mode="edge"))

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            if packet.dts is not None and packet.time_base:
                self._mux_sound(float(packet.dts * packet.time_base))
                if packet.pts == self._last and self._shown is not None:
                    packet.duration = self._shown
            self._put(packet)

    def _put(self, packet: Packet) -> None:
        try:
            self._output.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise MediaError(f"cannot write {self.path}: {error.strerror or error}") from error

    def _mux_sound(self, until: float) -> None:
        """Mux the sound packets that begin before a second of the output."""
        while self._waiting is not None and self._waiting[0] < until:
            self._put(self._waiting[1])
            self._next_sound()

    def _next_sound(self) -> None:
        self._waiting = None if self._packets is None else next(self._packets, None)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:
            if self._last is None:
                raise MediaError(f"no frame was given for {self.path}, so it was not written")
            self._mux(self._picture.encode(None))
            self._mux_sound(float("inf"))
            try:
                self._output.close()
            except (av.FFmpegError, OSError) as error:
                raise MediaError(f"cannot write {self.path}: {error.strerror or error}") from error

    def _release(self) -> None:
        """Let go of all files; what closing a failed output complains about has been raised before."""
        if self._packets is not None:
            self._packets.close()
        with suppress(av.FFmpegError, OSError):
            self._output.close()
