"""Reading videos: every frame with its own time, scaled while it is decoded."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from itertools import chain
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import av

from avsal.errors import MediaError
from avsal.media.container import (
    Coverage,
    check_file,
    decode,
    demux,
    is_joined,
    open_container,
    picture_stream,
)
from avsal.media.damage import Damage
from avsal.media.frames import (
    NO_IMAGE,
    ROUNDING,
    Frame,
    FrameReader,
    Gives,
    RepeatedReader,
    VideoInfo,
    check_selection,
)
from avsal.media.images import STILL_RATE, ImageFolderReader, is_pattern, is_still
from avsal.media.pixels import RgbConverter
from avsal.media.planes import PictureConverter
from avsal.media.probe import probe
from avsal.media.stamps import Stamps
from avsal.types import Scaling

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["Frame", "FrameReader", "ImageFolderReader", "VideoInfo", "VideoReader", "open_frames"]

SEEK_BACK = (0.0, 2.0, 10.0, 60.0)
"""Seconds before the wanted start at which decoding begins, tried in turn until it begins early enough."""


class VideoReader(RepeatedReader):
    """Reads the frames of a video in display order, each with its own time on the video clock.

    Frames are turned upright, scaled to square pixels and converted to RGB in one pass (see `pixels`). Video
    that is damaged gives what decodes; the rest is counted in `damage`. With one thread, the default,
    decoding is the same in every run even of a damaged video, and on two cores no slower than with more.
    Interlaced video is not deinterlaced.

    Args:
        path: the video.
        size: (H, W) of the images, None for the size on display.
        stream: number of the picture stream, cover pictures not counted; None for the first, or the
            first that moves where that one is a still.
        start: seconds on the video clock; earlier frames are left out. Seeking is exact.
        end: seconds on the video clock; frames at or after it are left out.
        threads: of the decoder, None for one. More are quicker on large pictures and many cores.
        scaling: the filter where the size changes; see `pixels`.
        gives: images, pictures to be painted on, or both; see `Frame`.

    Raises:
        MediaError: no such file, no video, no such stream, or no picture can be decoded.
        ValueError: `size`, `start`, `end` or `threads` make no sense.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int] | None = None,
        *,
        stream: int | None = None,
        start: float | None = None,
        end: float | None = None,
        threads: int | None = None,
        scaling: Scaling = "area",
        gives: Gives = "images",
    ) -> None:
        check_selection(size, start, end)
        if threads is not None and threads < 1:
            raise ValueError(f"`threads` must be at least 1 but is {threads}")
        self._probe = probe(path, stream)
        self._size = size or self._probe.info.size
        self._stream = self._probe.info.stream
        self._start = start
        self._end = end
        self._threads = threads or 1
        self._scaling = scaling
        self._gives = gives
        self._damage = Damage("picture")

    @property
    def info(self) -> VideoInfo:
        """What is known of the video before it is read."""
        return self._probe.info

    @property
    def damage(self) -> Damage:
        """What the latest iteration could not read; complete when it has ended."""
        return self._damage

    def _frames(self) -> Generator[Frame, None, None]:
        info, stamps = self._probe.info, self._probe.stamps
        orientation = self._probe.orientation
        to_image = RgbConverter(self._size, orientation, self._scaling) if self._gives != "pictures" else None
        to_picture = PictureConverter(info.size, orientation) if self._gives != "images" else None

        def finished(decoded: Decoded, ticks: int) -> Frame:
            index, pts = self._damage.decoded, decoded.pts
            self._damage.decoded += 1
            self._damage.patched += bool(decoded.frame.is_corrupt)
            duration = float(ticks * info.time_base)
            image = NO_IMAGE if to_image is None else to_image(decoded.frame)
            picture = None if to_picture is None else to_picture(decoded.frame)
            return Frame(index, self._seconds(pts), duration, pts, image, picture)

        previous: Decoded | None = None
        for decoded in self._from_start():
            if previous is not None:
                yield finished(previous, decoded.pts - previous.pts)
            if self._end is not None and self._seconds(decoded.pts) >= self._end - ROUNDING:
                return
            previous = decoded
        if previous is not None:
            yield finished(previous, stamps.period)

    def _seconds(self, pts: int) -> float:
        return float(pts * self._probe.info.time_base) - self._probe.info.origin

    def _from_start(self) -> Iterator[Decoded]:
        """The decoded frames from `start` on."""
        start = float("-inf") if self._start is None else self._start - ROUNDING
        whole = start <= self.info.first_time or self.info.rebuilt_times
        if not whole and not is_joined(self.info.path, self._stream):
            for back in SEEK_BACK:
                found = self._decoded(start - back)
                # Frames shown before the key frame may refer to ones that were not decoded.
                first = next((decoded for decoded in found if decoded.frame.key_frame), None)
                if first is not None and self._seconds(first.pts) <= start:
                    yield from (frame for frame in chain([first], found) if self._seconds(frame.pts) >= start)
                    return
                found.close()
        yield from (frame for frame in self._decoded() if self._seconds(frame.pts) >= start)

    def _decoded(self, seek_to: float | None = None) -> Generator[Decoded, None, None]:
        """The decoded frames in display order: all, or from the key frame before `seek_to` on."""
        info, rule = self._probe.info, self._probe.stamps
        damage = self._damage = Damage("picture")
        stamps = Stamps(rule, damage)
        with open_container(info.path) as container:
            stream = picture_stream(container, info.path, self._stream)
            stream.thread_count = self._threads
            if self._threads > 1:
                stream.thread_type = "AUTO"
            if seek_to is not None:
                try:
                    container.seek(floor((seek_to + info.origin) / info.time_base), stream=stream)
                except av.FFmpegError:
                    return  # this file cannot be entered in its midst
            coverage = Coverage(container, stream)
            last: int | None = None
            failed = 0
            for packet in chain(demux(container, coverage.streams, damage), [None]):
                if packet is not None:
                    coverage.note(packet)
                    if packet.stream is not stream:
                        continue
                failed_before = damage.failed
                frames = decode(stream, packet, damage)
                if packet is not None and (frames or damage.failed == failed_before):
                    stamps.note(packet)
                for frame in frames:
                    pts = stamps.stamp(frame)
                    if damage.failed > failed and last is not None:
                        gap = pts - last - rule.period
                        damage.missing_seconds += float(max(0, gap) * info.time_base)
                    failed, last = damage.failed, pts
                    yield Decoded(pts, frame)
            period = rule.period * info.time_base
            damage.missing_seconds += coverage.missing(max(0.1, 2.5 * float(period)))


class Decoded(NamedTuple):
    """A frame as the decoder gave it out, and its stamp in ticks."""

    pts: int
    frame: VideoFrame


def open_frames(
    source: str | Path,
    size: tuple[int, int] | None = None,
    *,
    frame_rate: float | Fraction | None = None,
    stream: int | None = None,
    start: float | None = None,
    end: float | None = None,
    threads: int | None = None,
    scaling: Scaling = "area",
    gives: Gives = "images",
) -> FrameReader:
    """Open a video, a folder of images or a pattern of image names such as ``frames/%05d.jpg``.

    Args:
        source: the video file, the folder or the pattern; or one image, a video of one frame.
        size: (H, W) of the images, None for the size on display.
        frame_rate: of images in frames a second; a video has its own time stamps.
        stream: number of a video's picture stream, None for the one that `VideoReader` takes.
        start: seconds on the video clock; earlier frames are left out.
        end: seconds on the video clock; frames at or after it are left out.
        threads: of the decoder of a video, None for one.
        scaling: the filter where the size changes; see `pixels`.
        gives: images, pictures to be painted on, or both; see `Frame`.

    Raises:
        MediaError: there is nothing that can be read, or `frame_rate` is missing or given in vain.
    """
    path = Path(source)
    part: dict[str, Any] = {"start": start, "end": end, "scaling": scaling, "gives": gives}
    if is_still(path):
        return ImageFolderReader(path, frame_rate or STILL_RATE, size, **part)
    if path.is_dir() or (not path.exists() and is_pattern(path.name)):
        if frame_rate is None:
            raise MediaError(f"{source} holds images without times: say how many frames a second they are")
        return ImageFolderReader(path, frame_rate, size, **part)
    if frame_rate is not None:
        check_file(path)
        raise MediaError(f"{source} is a video with its own time stamps: leave the frame rate out")
    return VideoReader(path, size, stream=stream, threads=threads, **part)
