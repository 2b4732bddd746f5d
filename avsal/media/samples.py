"""Decoding a sound stream to an unbroken run of samples at its own rate, placed on the video clock."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from av.audio.plane import AudioPlane
from numpy.typing import NDArray

from avsal.errors import MediaError
from avsal.media.container import Coverage, decode, demux, open_container, seeks_exactly, sound_stream
from avsal.media.damage import Damage
from avsal.media.probe import sound_origin
from avsal.media.resampling import resample

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.container import InputContainer

__all__ = ["SampleBlocks", "SoundDecoder", "placed_blocks"]

JITTER = 0.010
"""Seconds by which stamps may stray from the count of samples before they are believed.

More than containers round by, less than a packet of the usual codecs, so that a lost packet leaves a gap.
"""

LEAP = 1.0
"""Seconds back from which a stamp means that the clock was set anew, as in videos joined end to end."""

CLAIM_TOLERANCE = 0.25
"""Seconds by which a sound may end before the container's claim; encoders pad their last packets."""

SAMPLE_KINDS = {
    name: np.dtype(kind)
    for name, kind in {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}.items()
}

MOST_PLANES = 8


class SampleBlocks(Protocol):
    """Gives out a sound block by block; see `SoundDecoder`."""

    sample_rate: int
    can_seek: bool
    damage: Damage

    def blocks(self, start: float | None = None) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """See `SoundDecoder.blocks`."""
        ...


class SoundDecoder:
    """Decodes one sound stream to float samples without gaps or overlaps.

    What the stream leaves out (a packet lost or late) is filled with zeros, what it gives twice is taken
    once. FFmpeg removes the priming samples of the encoder.

    Args:
        path: a video or a sound file.
        stream: number of the sound stream, None for the one marked as default, else the first.
        origin: the container's seconds that the video clock calls 0; None for the start of this file.

    Attributes:
        origin: as above, found where None was given.
        sample_rate: in Hz, of what the decoder gives out.
        num_channels: of the first packet; others may differ.
        can_seek: whether `blocks` may start in the midst of the file.
        damage: what could not be read, complete once all blocks have been read.

    Raises:
        MediaError: no such file, no such stream, or nothing of it can be decoded.
    """

    def __init__(self, path: str | Path, *, stream: int | None = None, origin: float | None = None) -> None:
        self._path = Path(path)
        self._stream = stream
        self.damage = Damage("sound")
        # The header's rate is half the true one for some AAC: only a decoded frame tells.
        with open_container(self._path) as container:
            self.can_seek = seeks_exactly(container)
            first = next(self._frames_of(container, Damage()), None)
        if first is None:
            raise MediaError(f"{path}: its sound cannot be decoded")
        self.sample_rate = first.sample_rate
        self.num_channels = first.layout.nb_channels
        self.origin = sound_origin(self._path) if origin is None else origin

    def blocks(self, start: float | None = None) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield (position, samples); each block begins where the one before ended.

        Args:
            start: seconds on the video clock at or before which to begin, None for the start of the sound.
                Only where `can_seek`.

        Yields:
            The position of the first sample, in samples from 0 of the video clock (it may be negative), and
            the samples: (channels, n) float32, full scale +-1.
        """
        yield from placed_blocks(self._frames(self.damage, start), self.sample_rate, self.origin, self.damage)

    def _frames(self, damage: Damage, start: float | None = None) -> Iterator[AudioFrame]:
        with open_container(self._path) as container:
            yield from self._frames_of(container, damage, start)

    def _frames_of(
        self, container: InputContainer, damage: Damage, start: float | None = None
    ) -> Iterator[AudioFrame]:
        stream = sound_stream(container, self._path, self._stream)
        if start is not None and stream.time_base:
            container.seek(floor((start + self.origin) / stream.time_base), stream=stream)
        coverage = Coverage(container, stream)
        for packet in chain(demux(container, coverage.streams, damage), [None]):
            if packet is not None:
                coverage.note(packet)
                if packet.stream is not stream:
                    continue
            frames = decode(stream, packet, damage)
            damage.decoded += bool(frames)
            for frame in frames:
                frame.time_base = stream.time_base
                yield frame
        damage.missing_seconds += coverage.missing(CLAIM_TOLERANCE)


def placed_blocks(
    frames: Iterator[AudioFrame], rate: int, origin: float, damage: Damage
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Decoded sound as an unbroken run of samples; see `SoundDecoder.blocks`.

    Args:
        frames: in their order.
        rate: in Hz, of the samples given out.
        origin: the container's seconds that the video clock calls 0.
        damage: learns of the seconds that are missing after what could not be decoded.
    """
    expected: int | None = None
    moved = failed = 0
    for frame in frames:
        samples = _to_float(frame)
        if frame.sample_rate != rate:
            samples = resample(samples, frame.sample_rate, rate)
        position = expected or 0
        if frame.pts is not None and frame.time_base:
            position = round((float(frame.pts * frame.time_base) - origin) * rate) + moved
        if expected is not None:
            if position < expected - LEAP * rate:
                moved += expected - position
                position = expected
            if position > expected + JITTER * rate:
                if damage.failed > failed:
                    damage.missing_seconds += (position - expected) / rate
                for begin in range(expected, position, rate):
                    yield begin, np.zeros((len(samples), min(rate, position - begin)), np.float32)
            elif position < expected - JITTER * rate:
                samples = samples[:, expected - position :]
                if samples.shape[1] <= JITTER * rate:
                    continue  # the whole packet came twice, but for the rounding of its stamp
                position = expected
            else:
                position = expected
        failed = damage.failed
        expected = position + samples.shape[1]
        yield position, samples


def _to_float(frame: AudioFrame) -> NDArray[np.float32]:
    """(channels, n) float32 of a decoded frame, full scale +-1."""
    num_channels, planar = frame.layout.nb_channels, frame.format.is_planar
    kind = SAMPLE_KINDS[frame.format.name.removesuffix("p")]
    # PyAV's list of planes, and with it its own conversion, runs over the end from eight on.
    if planar and num_channels > MOST_PLANES:
        raise MediaError(
            f"a sound of {num_channels} channels; expected up to {MOST_PLANES}: mix it down before"
        )
    planes = [AudioPlane(frame, number) for number in range(num_channels if planar else 1)]
    count = frame.samples * (1 if planar else num_channels)
    stored = np.stack([np.frombuffer(memoryview(plane), kind, count) for plane in planes])
    if not planar:
        stored = stored.reshape(-1, num_channels).T
    samples = stored.astype(np.float64)
    if kind.kind == "u":
        samples = (samples - 128) / 128
    elif kind.kind == "i":
        samples /= 2.0 ** (8 * kind.itemsize - 1)
    return samples.astype(np.float32)
