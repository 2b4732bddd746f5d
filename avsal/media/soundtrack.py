"""Carrying a sound over into a video that is being written: as it is where possible, else encoded anew."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import av
import numpy as np
from numpy.typing import NDArray

from avsal.media.container import Coverage, demux, fraction, open_container, seeks_exactly, sound_stream
from avsal.media.damage import Damage
from avsal.media.resampling import resampling_stream
from avsal.media.samples import SoundDecoder

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

__all__ = ["Carried", "carry_sound"]

Carried = Literal["copied", "re-encoded", "none"]
"""What became of a sound."""

COPIED_CODECS = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
"""What players expect in MP4 and Matroska; PCM and Vorbis in MP4 play almost nowhere."""

LOWEST_MP3_RATE = 16000
"""In Hz; MP4 has no place for slower MP3."""

AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000})
USUAL_RATE = 48000
BITS_PER_CHANNEL = 96_000
"""A second, of AAC that is encoded anew."""


def carry_sound(
    output: OutputContainer,
    path: Path,
    *,
    stream: int | None,
    origin: float,
    start: float,
    end: float | None,
) -> tuple[Carried, Generator[tuple[float, Packet], None, None]]:
    """Add a sound stream to `output` and make its packets as they are asked for.

    A sound that is encoded anew keeps one or two channels; more are mixed to one by their mean.

    Args:
        output: the video that is being written, before its first packet.
        path: a video or sound file with sound.
        stream: number of the sound stream, None for the default one.
        origin: the container's seconds that the video clock calls 0.
        start: seconds on the video clock that become 0 of the output.
        end: seconds on the video clock where the sound is cut off, None for its own end.

    Returns:
        Whether the sound is ``copied`` or ``re-encoded``, and its packets with the second of the output at
        which each begins. A sound that is copied is cut at packet bounds.
    """
    with open_container(path) as container:
        source = sound_stream(container, path, stream)
        codec = source.codec_context.codec.canonical_name
        too_slow = codec == "mp3" and source.codec_context.sample_rate < LOWEST_MP3_RATE
        if codec in COPIED_CODECS and not too_slow:
            copy = output.add_stream_from_template(source)
            return "copied", _copied(copy, path, stream, origin, start, end)
    decoder = SoundDecoder(path, stream=stream, origin=origin)
    rate = decoder.sample_rate if decoder.sample_rate in AAC_RATES else USUAL_RATE
    encoded = output.add_stream("aac", rate=rate)
    encoded.layout = "stereo" if decoder.num_channels == 2 else "mono"
    encoded.bit_rate = BITS_PER_CHANNEL * encoded.channels
    return "re-encoded", _encoded(encoded, decoder, start, end)


def _copied(
    copy: AudioStream, path: Path, index: int | None, origin: float, start: float, end: float | None
) -> Generator[tuple[float, Packet], None, None]:
    """The packets of a sound on the clock of the output; payloads are not touched."""
    with open_container(path) as container:
        source = sound_stream(container, path, index)
        time_base = fraction(source.time_base) or Fraction(1, av.time_base)
        if start > 0 and seeks_exactly(container):
            container.seek(floor((origin + start) / time_base), stream=source)
        moved = round((origin + start) / time_base)
        tick = ceil(1 / (max(1, source.codec_context.sample_rate or 0) * time_base))  # the output's finest
        last: int | None = None
        streams = Coverage(container, source).streams  # those that tell the picture's reader where parts join
        for packet in demux(container, streams, Damage()):
            if packet.stream is not source:
                continue
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is None:
                stamp = moved if last is None else last + moved + max(tick, packet.duration or 0)
            stamp -= moved
            begins = float(stamp * time_base)
            # Before 0 lies what `start` cuts off; where nothing is cut off, the codec's priming packets do.
            if start > 0 and begins + float((packet.duration or 0) * time_base) <= 0:
                continue
            if end is not None and begins >= end - start:
                return
            if last is not None:  # as containers demand
                if stamp - last < (packet.duration or 0) / 2:
                    continue  # it came before: stamps repeat where parts of a video overlap
                stamp = max(stamp, last + tick)
            last = packet.pts = packet.dts = stamp
            packet.stream = copy
            yield begins, packet


def _encoded(
    encoded: AudioStream, decoder: SoundDecoder, start: float, end: float | None
) -> Generator[tuple[float, Packet], None, None]:
    """The packets of a sound that is encoded anew, on the clock of the output."""
    native, rate, num_channels = decoder.sample_rate, encoded.rate, encoded.channels
    resampler = None if native == rate else resampling_stream(native, rate, num_channels)
    begin, stop = round(start * native), None if end is None else round(end * native)
    made: int | None = None
    for position, samples in decoder.blocks(start - 1 if start > 1 and decoder.can_seek else None):
        if stop is not None and position >= stop:
            break
        samples = samples[:, max(0, begin - position) : None if stop is None else stop - position]
        if not samples.shape[1]:
            continue
        if made is None:
            made = round((max(position, begin) - begin) * rate / native)
        if len(samples) != num_channels:
            samples = np.repeat(samples.mean(axis=0, keepdims=True), num_channels, axis=0)
        if resampler is not None:
            samples = resampler.resample_chunk(np.ascontiguousarray(samples.T)).T
        yield from _encode(encoded, samples, made)
        made += samples.shape[1]
    if resampler is not None and made is not None:
        tail = resampler.resample_chunk(np.zeros((0, num_channels), np.float32), last=True).T
        yield from _encode(encoded, tail, made)
    yield from _stamped(encoded.encode(None))


def _encode(
    encoded: AudioStream, samples: NDArray[np.float32], position: int
) -> Generator[tuple[float, Packet], None, None]:
    if samples.shape[1]:
        layout = encoded.layout.name
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate = encoded.rate
        frame.pts = position
        frame.time_base = Fraction(1, encoded.rate)
        yield from _stamped(encoded.encode(frame))


def _stamped(packets: list[Packet]) -> Generator[tuple[float, Packet], None, None]:
    for packet in packets:
        yield float((packet.pts or 0) * packet.time_base), packet
