"""Opening videos and sound files with FFmpeg through PyAV, choosing streams, reading on past damage."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import av
from av.stream import Disposition

from avsal.errors import MediaError
from avsal.media.damage import Damage
from avsal.media.one_clock import BACK, one_clock

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = [
    "ANY_TAGS",
    "Coverage",
    "check_file",
    "check_picture_size",
    "decode",
    "demux",
    "fraction",
    "is_joined",
    "may_begin_with_still",
    "moving_stream",
    "open_container",
    "picture_stream",
    "picture_streams",
    "seeks_exactly",
    "sound_stream",
    "sound_streams",
]

FORMATS = (
    "3g2,3gp,aac,ac3,aiff,amr,ape,apng,asf,asf_o,au,av1,avi,caf,cavsvideo,dts,dtshd,dv,eac3,flac,flv,gif,"
    "gxf,h261,h263,h264,hevc,ivf,live_flv,loas,m4a,m4v,matroska,mj2,mjpeg,mov,mp3,mp4,mpc,mpc8,mpeg,mpegts,"
    "mpegvideo,mxf,nsv,nut,obu,ogg,rm,smjpeg,tak,truehd,tta,vc1,voc,vvc,w64,wav,webm,wtv,wv,yuv4mpegpipe,"
    "bmp_pipe,jpeg_pipe,png_pipe,tiff_pipe,webp_pipe"
)
"""Names of FFmpeg's readers that read the one file they are given.

Left out are playlists (concat, hls, dash), which open what a text names, patterns of names (image2), devices,
filter graphs, and guesses that make pictures of a text.
"""

ANY_TAGS: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
"""For `av.open`: tags that are not UTF-8, as those of old AVIs, are no error, as PyAV 19 has it anyway."""

LARGEST_SIDE = 16384
"""Pixels of a picture's longer side, as stored and on display; more is taken for a header that lies."""

MOST_PIXELS = 16384 * 8192
"""Of a picture as stored; a decoder keeps several of them."""

STILL_CODECS = frozenset({"mjpeg", "png", "bmp", "tiff", "webp", "gif", "jpegxl", "av1", "hevc"})
"""Codecs in which a still picture may lie beside the video, not always marked as one."""

LOOKED_AT = 400
"""Packets looked at to tell a still from a video; by then a video has come more than once."""

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
    """`path`, if a file with some content is there; pipes, devices and sockets are none, and are not opened.

    Raises:
        MediaError: there is none.
    """
    path = Path(path)
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise MediaError(f"no such file: {path}") from error
    except (OSError, ValueError) as error:
        raise MediaError(f"{path} cannot be read ({error})") from error
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"expected a video or sound file but {path} is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(
            f"expected a video or sound file but {path} is a pipe, device or socket: save it to a file"
        )
    if status.st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes)")
    return path


def fraction(ratio: Any) -> Fraction | None:
    """A ratio of PyAV; None where it is unset, which is 0/1 of a class of its own from PyAV 19 on."""
    return Fraction(ratio.numerator, ratio.denominator) if ratio else None


@contextmanager
def open_container(path: str | Path) -> Iterator[InputContainer]:
    """Open a local video or sound file; its content opens no other file, device or address.

    Raises:
        MediaError: there is no such file, it is empty, or none of `FORMATS`.
    """
    path = check_file(path)
    only = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "enable_drefs": "0"}
    try:
        # An absolute path keeps FFmpeg from taking `a:b.mp4` for a protocol.
        container = av.open(str(path.absolute()), options=only, **ANY_TAGS)
    except av.ArgumentError as error:
        raise MediaError(
            f"{path} is no video or sound file but a list of other files, a pattern or text; "
            "name the video itself"
        ) from error
    except av.FFmpegError as error:
        raise MediaError(
            f"cannot read {path}: {error.strerror}; expected a video or sound file that is complete"
        ) from error
    with container:
        yield container


def seeks_exactly(container: InputContainer) -> bool:
    """Whether a sound may be entered in its midst and still be placed exactly."""
    return container.format.name.split(",")[0] in EXACT_SEEKS


def is_joined(path: Path, index: int) -> bool:
    """Whether stamps of a picture stream jump back, as in videos joined end to end: no seek finds its place.

    All packets are read, and none decoded, where the format has no index of all stamps; the answer is kept
    until the file changes.

    Raises:
        MediaError: no such file, or no such picture.
    """
    status = path.stat()
    return _is_joined(path, index, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _is_joined(path: Path, index: int, changed_at: int, num_bytes: int) -> bool:
    with open_container(path) as container:
        if seeks_exactly(container):
            return False
        stream = picture_stream(container, path, index)
        latest: int | None = None
        for packet in _demuxed(container, [stream], Damage()):
            if packet.dts is None or not packet.time_base:
                continue
            if latest is not None and (latest - packet.dts) * packet.time_base > BACK:
                return True
            latest = packet.dts
    return False


def picture_streams(container: InputContainer) -> list[VideoStream]:
    """The streams of moving pictures that can be decoded; cover pictures are none."""
    return [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and Disposition.attached_pic not in stream.disposition
    ]


def picture_stream(container: InputContainer, path: Path, index: int) -> VideoStream:
    """The picture stream number `index`, its decoder bound to pictures of a possible size.

    Raises:
        MediaError: there is none, or its header claims pictures that are too large.
    """
    stream = _pick(picture_streams(container), path, index, "picture")
    context = stream.codec_context
    check_picture_size(path, context.height, context.width)
    context.options = {**context.options, "max_pixels": str(MOST_PIXELS)}
    return stream


def check_picture_size(path: str | Path, height: int, width: int) -> None:
    """Raise MediaError for pictures whose size is beyond `LARGEST_SIDE` or `MOST_PIXELS`."""
    if max(height, width) > LARGEST_SIDE or height * width > MOST_PIXELS:
        raise MediaError(
            f"{path} claims pictures of {width}x{height} pixels; expected up to {LARGEST_SIDE} a side and "
            f"{MOST_PIXELS // 10**6} million: scale it down, or see whether the file is damaged"
        )


def may_begin_with_still(container: InputContainer) -> bool:
    """Whether the first of several picture streams is of a codec that stills have."""
    streams = picture_streams(container)
    return len(streams) > 1 and streams[0].codec_context.codec.canonical_name in STILL_CODECS


def moving_stream(path: Path) -> int:
    """The number of the picture stream to take, where `may_begin_with_still`: the first that is no still.

    Raises:
        MediaError: no such file, or no picture.
    """
    with open_container(path) as container:
        streams = picture_streams(container)
        found = Counter(
            packet.stream_index for packet in islice(demux(container, streams, Damage()), LOOKED_AT)
        )
        if found[streams[0].index] > 1:
            return 0
        return next((number for number, stream in enumerate(streams) if found[stream.index] > 1), 0)


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
    stream = _pick(streams, path, index, "sound")
    context = stream.codec_context
    if context.codec.canonical_name.startswith(("pcm_", "adpcm_")) and not context.is_open:
        # Where a container lists speakers one by one, PyAV 17.1 to 18.1 frees that list twice. These decoders
        # take it from here; the others from their own data. Channels are mixed alike anyway. To ask twice for
        # their number crashes.
        channels = context.channels
        if channels < 1:
            raise MediaError(f"{path} claims a sound of no channel: see whether the file is damaged")
        context.layout = f"{channels} channels"
    return stream


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
    """Yield the packets of `streams` in file order and on one clock, past errors of the container, which are
    counted. The decoders are to be flushed by the caller afterwards.
    """
    return one_clock(_demuxed(container, streams, damage))


def _demuxed(container: InputContainer, streams: Sequence[Stream], damage: Damage) -> Iterator[Packet]:
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
        except IndexError:  # a packet of a stream that the file told of after it had been opened, as FLV may
            damage.failed += 1


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
    except (av.FFmpegError, ValueError):  # the latter of a codec that FFmpeg does not know
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
        if format_name in STREAM_CLAIMS and stream.time_base:
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
