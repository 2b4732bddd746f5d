"""Opening videos and sound files with FFmpeg through PyAV, choosing streams, reading on past damage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, overload

import av
from av.stream import Disposition

from avsal.errors import MediaError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from avsal.media.damage import Damage

__all__ = [
    "Coverage",
    "check_file",
    "decode",
    "demux",
    "open_container",
    "picture_stream",
    "picture_streams",
    "seeks_exactly",
    "sound_stream",
    "sound_streams",
]

STREAM_CLAIMS = frozenset({"mov", "avi", "flac"})
"""Formats whose header states the length of each stream."""

CONTAINER_CLAIMS = frozenset({"matroska", "flv"})
"""Formats whose header states the length of the whole; in others FFmpeg estimates it from the file itself."""

EXACT_SEEKS = frozenset({"mov", "wav"})
"""Formats whose stamps place a sound to the sample after a seek; others round or estimate them."""

HOLE = 0.25
"""Seconds that a stream must leave out for a hole; longer than any packet of sound."""

DEMUX_RETRIES = 16
"""Errors in a row after which the rest of a file counts as unreadable."""

StreamT = TypeVar("StreamT", bound="Stream")


def check_file(path: str | Path) -> Path:
    """`path`, if a file with some content is there.

    Raises:
        MediaError: there is none.
    """
    path = Path(path)
    if not path.exists():
        raise MediaError(f"no such file: {path}")
    if path.is_dir():
        raise MediaError(f"expected a video or sound file but {path} is a folder")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes)")
    return path


@contextmanager
def open_container(path: str | Path) -> Iterator[InputContainer]:
    """Open a local video or sound file.

    Raises:
        MediaError: there is no such file, it is empty, or FFmpeg knows no such format.
    """
    path = check_file(path)
    try:
        # An absolute path keeps FFmpeg from taking `a:b.mp4` for a protocol; old AVIs have tags in Latin-1.
        container = av.open(str(path.absolute()), metadata_errors="replace")
    except av.FFmpegError as error:
        raise MediaError(
            f"cannot read {path}: {error.strerror}; expected a video or sound file that is complete"
        ) from error
    with container:
        yield container


def seeks_exactly(container: InputContainer) -> bool:
    """Whether a sound may be entered in its midst and still be placed exactly."""
    return container.format.name.split(",")[0] in EXACT_SEEKS


def picture_streams(container: InputContainer) -> list[VideoStream]:
    """The streams of moving pictures that can be decoded; cover pictures are none."""
    return [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and Disposition.attached_pic not in stream.disposition
    ]


def picture_stream(container: InputContainer, path: Path, index: int) -> VideoStream:
    """The picture stream number `index`.

    Raises:
        MediaError: there is none.
    """
    return _pick(picture_streams(container), path, index, "picture")


def sound_streams(container: InputContainer) -> list[AudioStream]:
    """The sound streams that can be decoded."""
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def sound_stream(container: InputContainer, path: Path, index: int | None = None) -> AudioStream:
    """The sound stream number `index`; None: the one that the file marks as default, else the first.

    Raises:
        MediaError: there is none.
    """
    streams = sound_streams(container)
    if index is None:
        marked = (Disposition.default in stream.disposition for stream in streams)
        index = next((number for number, default in enumerate(marked) if default), 0)
    return _pick(streams, path, index, "sound")


def _pick(streams: Sequence[StreamT], path: Path, index: int, kind: str) -> StreamT:
    if not streams:
        raise MediaError(f"{path} has no {kind} that can be decoded")
    if not 0 <= index < len(streams):
        raise MediaError(
            f"{path} has {len(streams)} {kind} stream{'s' * (len(streams) > 1)}, "
            f"numbered from 0, but number {index} was asked for"
        )
    return streams[index]


def demux(container: InputContainer, streams: Sequence[Stream], damage: Damage) -> Iterator[Packet]:
    """Yield the packets of `streams` in file order, on past errors of the container, which are counted.

    The decoders are to be flushed by the caller afterwards.
    """
    errors = 0
    while errors < DEMUX_RETRIES:
        try:
            for packet in container.demux(list(streams)):
                # An empty packet tells a decoder that the video is over: PyAV's own at the end, or damage.
                if packet.size:
                    errors = 0
                    yield packet
            return
        except av.FFmpegError:
            errors += 1
            damage.failed += errors == 1


@overload
def decode(stream: VideoStream, packet: Packet | None, damage: Damage) -> list[VideoFrame]: ...
@overload
def decode(stream: AudioStream, packet: Packet | None, damage: Damage) -> list[AudioFrame]: ...
def decode(
    stream: VideoStream | AudioStream, packet: Packet | None, damage: Damage
) -> list[VideoFrame] | list[AudioFrame]:
    """What `packet` releases from the decoder (None: all that is left), counting failures."""
    try:
        frames = stream.decode(packet)
    except av.FFmpegError:
        damage.failed += packet is not None
        return []
    damage.failed += packet is not None and packet.is_corrupt
    return frames


class Coverage:
    """Finds out what a file lacks: compares its packets with the length its header claims, looks for holes.

    A video may hold one picture for long, so that a hole is only what neither picture nor sound covers.

    Attributes:
        streams: those whose packets are to be noted, `stream` among them.
    """

    def __init__(self, container: InputContainer, stream: Stream) -> None:
        format_name = container.format.name.split(",")[0]
        self.streams: list[Stream] = [stream]
        self._claimed: float | None = None
        self._ends: dict[int, float] = {}
        self._gaps: dict[int, tuple[float, float]] = {}
        self._holes = 0.0
        if format_name in STREAM_CLAIMS and stream.time_base is not None:
            ticks = stream.duration
            if format_name == "avi":
                # Of one cut off, FFmpeg shortens the duration but not the header's count of ticks, which of
                # a sound may count a silence at the start that is not in the file.
                ticks = stream.frames if stream.type == "video" else None
            if ticks:
                self._claimed = float(((stream.start_time or 0) + ticks) * stream.time_base)
        else:
            self.streams = [other for other in container.streams if other.type in ("video", "audio")]
            if format_name in CONTAINER_CLAIMS and container.duration is not None:
                self._claimed = ((container.start_time or 0) + container.duration) / av.time_base

    def note(self, packet: Packet) -> None:
        """Take account of a packet that was read."""
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None:
            return
        number = packet.stream_index
        begin = float(stamp * packet.time_base)
        end = self._ends.get(number, begin)
        if begin > end + HOLE:
            for other, gap in self._gaps.items():
                if other != number:
                    self._holes += max(0.0, min(begin, gap[1]) - max(end, gap[0]))
            self._gaps[number] = (end, begin)
        self._ends[number] = max(end, begin + float((packet.duration or 0) * packet.time_base))

    def missing(self, tolerance: float) -> float:
        """Seconds in holes, and those by which packets fall short of the claim if more than `tolerance`."""
        if self._claimed is None or not self._ends:
            return self._holes
        short = self._claimed - max(self._ends.values())
        return self._holes + (short if short > tolerance else 0.0)
