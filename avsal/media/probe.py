"""Looking at the start of a video: its size and stand, where its clock begins, how its stamps are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import av

from avsal.errors import MediaError
from avsal.media.container import (
    check_file,
    check_picture_size,
    decode,
    demux,
    fraction,
    may_begin_with_still,
    moving_stream,
    open_container,
    picture_stream,
    picture_streams,
    sound_stream,
    sound_streams,
)
from avsal.media.damage import Damage
from avsal.media.frames import VideoInfo
from avsal.media.orientation import Orientation
from avsal.media.stamps import StampRule

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = ["Probe", "probe", "sound_origin"]

FRAMES_LOOKED_AT = 24
"""Decoded frames; more than any codec reorders (16), so that stamps in the wrong order show."""

PACKETS_LOOKED_AT = 3000
"""Packets of a codec with B-frames that may pass before the first one out of order has to come."""

USUAL_RATE = Fraction(25)
"""Frames a second where the container has no rate at all, as in a video of one frame."""


@dataclass(frozen=True)
class Probe:
    """What reading a video needs to know beforehand.

    Attributes:
        info: the public facts.
        stamps: how the picture's stamps are read.
        orientation: how stored pictures stand.
    """

    info: VideoInfo
    stamps: StampRule
    orientation: Orientation


HDR = {16: "PQ", 18: "HLG"}
"""FFmpeg's numbers of the transfer curves of high dynamic range."""


def probe(path: str | Path, stream: int | None = None) -> Probe:
    """Look at picture stream number `stream` of a video; the answer is kept until the file changes.

    None takes the first stream, or the first that moves where that one is a single still.

    Raises:
        MediaError: no such file, no video, no picture can be decoded, or pictures are impossibly large.
    """
    path = check_file(path)
    status = path.stat()
    return _probe(path, stream, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1024)
def _probe(path: Path, index: int | None, changed_at: int, num_bytes: int) -> Probe:
    with open_container(path) as container:
        if index is None and may_begin_with_still(container):
            return _probe(path, moving_stream(path), changed_at, num_bytes)
        index = index or 0
        stream = picture_stream(container, path, index)
        stream.codec_context.thread_count = 1
        sounds = sound_streams(container)
        sound = sound_stream(container, path) if sounds else None
        start = _look(container, stream, sound)
        frame = start.first_frame
        if frame is None:
            raise MediaError(f"{path}: no picture of its {stream.codec_context.name} stream can be decoded")
        time_base = fraction(stream.time_base) or Fraction(1, av.time_base)
        rate = fraction(stream.average_rate) or fraction(stream.guessed_rate) or USUAL_RATE
        stamps = _stamp_rule(start, stream, time_base, rate, container.format.name == "avi")
        first = float(stamps.first * time_base)
        origin = first if start.sound is None else min(first, start.sound)
        orientation = Orientation.of(frame)
        aspect = fraction(stream.sample_aspect_ratio) or Fraction(1)
        size = frame.height, max(1, round(frame.width * aspect))
        check_picture_size(path, *size)
        info = VideoInfo(
            path=path,
            size=orientation.stored(size),
            coded_size=(frame.height, frame.width),
            frame_rate=float(rate),
            duration=_duration(container, stream, time_base),
            num_frames=stream.frames or None,
            origin=origin,
            first_time=first - origin,
            time_base=time_base,
            rotation=orientation.rotation,
            sample_aspect_ratio=aspect,
            codec=stream.codec_context.codec.canonical_name,
            sound=start.has_audio,
            rebuilt_times=stamps.rebuilt,
            stream=index,
            bits=max((component.bits for component in frame.format.components), default=8),
            hdr=HDR.get(stream.codec_context.color_trc),
        )
    return Probe(info, stamps, orientation)


def sound_origin(path: Path) -> float:
    """The container's second at which a file with sound begins, by the same rule as `VideoInfo.origin`.

    Raises:
        MediaError: no such file, no sound, or it cannot be decoded.
    """
    with open_container(path) as container:
        sound = sound_stream(container, path)
        if picture_streams(container):
            return probe(path).info.origin
        start = _look(container, None, sound)
        if start.sound is None:
            raise MediaError(f"{path}: nothing of its {sound.codec_context.name} sound can be decoded")
        return start.sound


@dataclass
class _Start:
    """What the first packets show.

    Attributes:
        first_frame: of the picture, None where none was decoded.
        stamps: presentation stamps of the first frames in display order.
        first_packet: presentation and decoding stamp of the first packet.
        reordered: packets were seen whose presentation order differs from their order in the file.
        offsets: distances of presentation and decoding stamp that were seen, at most two of them.
        has_audio: a packet of the sound was seen; a header may announce a sound that never comes.
        sound: the container's second of the first sample, None where it was not found.
    """

    first_frame: VideoFrame | None = None
    stamps: list[int | None] = field(default_factory=list)
    first_packet: tuple[int | None, int | None] = (None, None)
    reordered: bool = False
    offsets: set[int | None] = field(default_factory=set)
    has_audio: bool = False
    sound: float | None = None

    @property
    def backwards(self) -> bool:
        """Whether presentation stamps run backwards in display order, now or as soon as B-frames come."""
        known = [stamp for stamp in self.stamps if stamp is not None]
        if any(later < earlier for earlier, later in pairwise(known)):
            return True
        return not self.reordered and len(self.offsets) == 1 and None not in self.offsets


def _look(container: InputContainer, picture: VideoStream | None, sound: AudioStream | None) -> _Start:
    start = _Start()
    reorders = picture is not None and bool(picture.codec_context.has_b_frames)
    wanted = 0 if picture is None else FRAMES_LOOKED_AT if reorders else 1
    num_packets, latest = 0, None
    damage = Damage()
    for packet in demux(container, [stream for stream in (picture, sound) if stream is not None], damage):
        if sound is not None and packet.stream is sound:
            start.has_audio = True
            for samples in decode(sound, packet, damage) if start.sound is None else ():
                if start.sound is None and samples.pts is not None and sound.time_base:
                    start.sound = float(samples.pts * sound.time_base)
        elif picture is not None and packet.stream is picture:
            if start.first_packet == (None, None) and not packet.is_discard:
                start.first_packet = packet.pts, packet.dts
            if len(start.stamps) < wanted:
                _note(start, decode(picture, packet, damage))
            if reorders and packet.pts is not None:
                num_packets += 1
                start.reordered |= latest is not None and packet.pts < latest
                latest = packet.pts
                if len(start.offsets) < 2:
                    start.offsets.add(None if packet.dts is None else packet.pts - packet.dts)
        order_is_known = not reorders or not start.backwards or num_packets >= PACKETS_LOOKED_AT
        sound_is_known = start.sound is not None or (
            (sound is None or start.has_audio) and _sound_is_later(start, picture, sound)
        )
        if len(start.stamps) >= wanted and order_is_known and sound_is_known:
            return start
    if picture is not None and len(start.stamps) < wanted:
        _note(start, decode(picture, None, damage))
    return start


def _note(start: _Start, frames: list[VideoFrame]) -> None:
    for frame in frames:
        start.first_frame = start.first_frame or frame
        start.stamps.append(frame.pts)


def _sound_is_later(start: _Start, picture: VideoStream | None, sound: AudioStream | None) -> bool:
    """Whether the sound cannot begin before the picture, so that its exact start does not matter."""
    if sound is None:
        return True
    first = start.stamps[0] if start.stamps else None
    if first is None or sound.start_time is None or not sound.time_base:
        return False
    return picture is not None and sound.start_time * sound.time_base >= first * (picture.time_base or 0)


def _duration(container: InputContainer, stream: VideoStream, time_base: Fraction) -> float | None:
    if stream.duration is not None:
        return float(stream.duration * time_base)
    return None if container.duration is None else container.duration / av.time_base


def _stamp_rule(
    start: _Start, stream: VideoStream, time_base: Fraction, rate: Fraction, is_avi: bool
) -> StampRule:
    period = max(1, round(1 / (rate * time_base)))
    second = max(1, round(1 / time_base))
    if not start.backwards:
        first = start.stamps[0]
        return StampRule((stream.start_time or 0) if first is None else first, period, second)
    # AVI counts frames in the order of decoding and shows the first at once; FFmpeg makes up the rest.
    presented, decoded = (stamp or 0 for stamp in start.first_packet)
    shift = 0 if is_avi else presented - decoded
    return StampRule(decoded + shift, period, second, True, shift)
