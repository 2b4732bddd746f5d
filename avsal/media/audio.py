"""Reading the sound of videos and sound files: mono, at the wanted rate, on the video clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from contextlib import closing
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avsal.errors import MediaError
from avsal.media.container import demux, open_container, sound_stream, sound_streams
from avsal.media.damage import Damage
from avsal.media.resampling import RESAMPLER, resample, resampling_stream
from avsal.media.samples import SampleBlocks, SoundDecoder
from avsal.types import Closable

__all__ = ["RESAMPLER", "SoundReader", "has_sound", "load_sound", "resample"]

SKIP = 10.0
"""Seconds ahead from which a read seeks instead of decoding what lies between."""

LONGEST = 4 * 3600
"""Seconds of sound that are held in memory at once."""

RUN_UP = 2
"""Whole seconds decoded before the place sought, so that decoder and resampler have settled."""


class SoundReader(Closable):
    """Reads a sound as mono samples at one rate, forward, with bounded memory.

    Channels are mixed by their mean with equal weights: of a 5.1 sound each counts one sixth, the centre and
    the low-frequency one too. The resampler is `RESAMPLER`; reading in pieces equals reading at once.

    Args:
        path: a video or a sound file.
        sample_rate: wanted, in Hz.
        stream: number of the sound stream, None for the one marked as default, else the first.
        origin: the container's seconds that the video clock calls 0: `VideoInfo.origin` for a video's own
            sound, None for a separate file, whose own start is 0 then.
        keep: seconds by which a read may begin before the latest one.
        decoder: that gives out the samples, where the sound is no file's; the other arguments but
            `sample_rate` and `keep` mean nothing then.

    Raises:
        MediaError: no such file, no such stream, or nothing of it can be decoded.
        ValueError: `sample_rate` or `keep` make no sense.
    """

    def __init__(
        self,
        path: str | Path,
        sample_rate: int,
        *,
        stream: int | None = None,
        origin: float | None = None,
        keep: float = 4.0,
        decoder: SampleBlocks | None = None,
    ) -> None:
        if sample_rate <= 0 or keep < 0:
            raise ValueError(f"`sample_rate` and `keep` must be positive but are {sample_rate} and {keep}")
        self._decoder: SampleBlocks = decoder or SoundDecoder(path, stream=stream, origin=origin)
        self.sample_rate = sample_rate
        self._keep = round(keep * sample_rate)
        self._dropped = -(10**18)  # position before which samples have been forgotten
        self._kept: deque[tuple[int, NDArray[np.float32]]] = deque()
        self._pieces = _resampled(self._decoder, sample_rate, 0)
        self._produced = 0  # position up to which samples have been made
        self._finished = False
        self._held: list[tuple[int, int]] = []  # positions that stay, see `hold`
        self._saved: list[tuple[int, NDArray[np.float32]]] = []  # blocks of them that would be forgotten

    def close(self) -> None:
        """End decoding."""
        self._pieces.close()

    @property
    def damage(self) -> Damage:
        """What could not be read so far; complete once a read went past the end of the sound."""
        return self._decoder.damage

    def read(self, start: float, end: float) -> NDArray[np.float32]:
        """The samples from `start` to `end`, in seconds on the video clock.

        Where there is no sound, before 0 as well, samples are zero.

        Returns:
            (round((end - start) * sample_rate),) float32, full scale +-1.

        Raises:
            ValueError: `end` lies before `start`, or `start` more than `keep` before an earlier one.
        """
        if end < start:
            raise ValueError(f"`end` must not lie before `start` but they are {end} and {start} s")
        first = round(start * self.sample_rate)
        samples = np.zeros(round((end - start) * self.sample_rate), np.float32)
        stays = any(low <= first and first + len(samples) <= high for low, high in self._held)
        if first < self._dropped and not stays:
            raise ValueError(
                f"sound from {start:.3f} s on was asked for, but what lies more than "
                f"{self._keep / self.sample_rate:.3f} s before the latest read is gone: give a greater `keep`"
            )
        self._advance(first, first + len(samples))
        for position, block in chain(self._saved, self._kept):
            begin, stop = max(first, position), min(first + len(samples), position + len(block))
            if begin < stop:
                samples[begin - first : stop - first] = block[begin - position : stop - position]
        return samples

    def hold(self, spans: Iterable[tuple[float, float]]) -> None:
        """Keep the sound of some seconds, whatever is read meanwhile; those of the call before are let go.

        Args:
            spans: (start, end) in seconds on the video clock, not yet forgotten.
        """
        self._held = [(round(low * self.sample_rate), round(high * self.sample_rate)) for low, high in spans]
        self._saved = [(position, block) for position, block in self._saved if self._is_held(position, block)]

    def _is_held(self, position: int, block: NDArray[np.float32]) -> bool:
        return any(low < position + len(block) and position < high for low, high in self._held)

    def _advance(self, first: int, stop: int) -> None:
        """Produce samples up to position `stop` and forget those too far before `first`."""
        self._dropped = max(self._dropped, first - self._keep)
        second = self._dropped // self.sample_rate - RUN_UP
        ahead = second - self._produced / self.sample_rate
        if ahead > SKIP and self._decoder.can_seek and not self._finished:
            self._enter(second)
        while self._produced < stop and not self._finished:
            position, block = next(self._pieces, (self._produced, None))
            if block is None:
                self._finished = True
                break
            self._kept.append((position, block))
            self._produced = position + len(block)
            self._forget()
        self._forget()

    def _forget(self) -> None:
        while self._kept and self._kept[0][0] + len(self._kept[0][1]) <= self._dropped:
            position, block = self._kept.popleft()
            if self._held and self._is_held(position, block):
                self._saved.append((position, block))

    def _enter(self, second: int) -> None:
        """Go on from a later whole second of the video clock, where both rates have a sample."""
        self._pieces.close()
        self._pieces = _resampled(self._decoder, self.sample_rate, second)
        self._produced = second * self.sample_rate
        self._saved += [(position, block) for position, block in self._kept if self._is_held(position, block)]
        self._kept.clear()


def load_sound(
    path: str | Path,
    sample_rate: int,
    *,
    stream: int | None = None,
    origin: float | None = None,
    end: float | None = None,
) -> tuple[NDArray[np.float32], Damage]:
    """A whole sound at once; arguments and mixing as for `SoundReader`.

    Args:
        path: a video or a sound file.
        sample_rate: wanted, in Hz.
        stream: number of the sound stream, None for the one marked as default, else the first.
        origin: the container's seconds that the video clock calls 0.
        end: seconds on the video clock where reading may end, such as the end of the picture; None for the
            end of the sound.

    Returns:
        (A,) float32 from 0 of the video clock to the end of the sound, and what could not be read.

    Raises:
        MediaError: no such file, no such stream, nothing of it can be decoded, or it lasts longer than
            `LONGEST`.
        ValueError: `sample_rate` is not positive.
    """
    if sample_rate <= 0:
        raise ValueError(f"`sample_rate` must be positive but is {sample_rate}")
    decoder = SoundDecoder(path, stream=stream, origin=origin)
    last = None if end is None else max(0, round(end * sample_rate))
    blocks: list[NDArray[np.float32]] = []
    count = 0
    with closing(_resampled(decoder, sample_rate, 0)) as pieces:
        for _, block in pieces:
            blocks.append(block if last is None else block[: last - count])
            count += len(blocks[-1])
            if count > LONGEST * sample_rate:
                raise MediaError(
                    f"{path} has sound of more than {LONGEST / 3600:.0f} hours, "
                    "too much to be held at once: cut it"
                )
            if last is not None and count >= last:
                break
    samples = np.empty(count, np.float32)
    count = 0
    for number, block in enumerate(blocks):
        samples[count : count + len(block)] = block
        count += len(block)
        blocks[number] = block[:0].copy()  # so that the sound is not in memory twice
    return samples, decoder.damage


def has_sound(path: str | Path) -> bool:
    """Whether a file has a sound stream that can be decoded and is not empty.

    Raises:
        MediaError: no such file, or neither video nor sound.
    """
    with open_container(path) as container:
        if not sound_streams(container):
            return False
        packets = demux(container, [sound_stream(container, Path(path))], Damage())
        return next(packets, None) is not None


def _resampled(
    decoder: SampleBlocks, sample_rate: int, second: int
) -> Generator[tuple[int, NDArray[np.float32]], None, None]:
    """Yield (position, mono samples) at `sample_rate` without gaps from a second of the video clock on."""
    native = decoder.sample_rate
    resampler = None if native == sample_rate else resampling_stream(native, sample_rate)
    fed, made = second * native, second * sample_rate
    for position, channels in decoder.blocks(second - 1 if second > 0 else None):
        mono = channels.mean(axis=0)
        mono = mono[max(0, fed - position) :]
        silences = (np.zeros(min(native, position - at), np.float32) for at in range(fed, position, native))
        for piece in chain(silences, [mono]):
            fed += len(piece)
            block = piece if resampler is None else resampler.resample_chunk(piece)
            if len(block):
                yield made, block
                made += len(block)
    if resampler is not None:
        yield made, resampler.resample_chunk(np.zeros(0, np.float32), last=True)
