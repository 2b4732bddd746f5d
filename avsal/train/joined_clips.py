"""Real videos without sound and synthetic videos with it, side by side in every batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from avsal.clips import ClipBatch
from avsal.train.sources import ClipSource

__all__ = ["JoinedClips"]


class JoinedClips:
    """Half of each batch from videos without sound, half from videos with it.

    Both kinds pass batch norm together, so that one set of running statistics fits both. A silent video is
    given a sound that tells nothing about it: silence, noise, or the sound of one of the batch's other
    videos. A model learns so to look where people looked in real videos, whatever is heard, and to listen
    where listening helps.

    Args:
        silent: clips whose batches have no sound.
        sounding: clips whose batches have.
        seed: of the choice of sounds.
    """

    def __init__(self, silent: ClipSource, sounding: ClipSource, *, seed: int) -> None:
        self.silent, self.sounding, self.seed = silent, sounding, seed

    def num_batches(self, epoch: int, batch_size: int, num_processes: int) -> int:
        """See `ClipSource`; the shorter of the two sources ends the epoch."""
        half = batch_size // 2
        return min(s.num_batches(epoch, half, num_processes) for s in (self.silent, self.sounding))

    def batches(
        self, epoch: int, batch_size: int, *, start: int, process: int, num_processes: int
    ) -> Iterator[ClipBatch]:
        """See `ClipSource`."""
        streams = [
            source.batches(epoch, batch_size // 2, start=start, process=process, num_processes=num_processes)
            for source in (self.silent, self.sounding)
        ]
        count = self.num_batches(epoch, batch_size, num_processes)
        for number, (silent, sounding) in zip(range(start, count), zip(*streams, strict=False), strict=False):
            yield joined(silent, sounding, np.random.default_rng([self.seed, epoch, number, process]))

    def gaze(self) -> NDArray[np.float64]:
        """See `ClipSource`; of the real videos, whose centre bias is the one to beat."""
        return self.silent.gaze()

    def fingerprint(self) -> Mapping[str, Any]:
        """See `ClipSource`."""
        parts = {"silent": dict(self.silent.fingerprint()), "sounding": dict(self.sounding.fingerprint())}
        digest = sha256("-".join(str(part["sha256"]) for part in parts.values()).encode())
        return parts | {"sha256": digest.hexdigest()[:16]}


def joined(silent: ClipBatch, sounding: ClipBatch, rng: np.random.Generator) -> ClipBatch:
    """One batch of both, the first with sounds that mean nothing for them."""
    if silent.audio is not None or sounding.audio is None:
        raise ValueError("expected clips without sound, then clips with sound")
    foreign = torch.stack([_foreign(sounding.audio, rng) for _ in silent.images])
    widest = max(silent.points.shape[2], sounding.points.shape[2])

    def padded(tensor: Tensor, axis: int) -> Tensor:
        return F.pad(tensor, (0, 0) * axis + (0, widest - tensor.shape[2]))

    return replace(
        silent,
        images=(*silent.images, *sounding.images),
        audio=torch.cat([foreign, sounding.audio]),
        density=torch.cat([silent.density, sounding.density]),
        points=torch.cat([padded(silent.points, 1), padded(sounding.points, 1)]),
        mask=torch.cat([padded(silent.mask, 0), padded(sounding.mask, 0)]),
        frame_numbers=torch.cat([silent.frame_numbers, sounding.frame_numbers]),
        recordings=(*silent.recordings, *sounding.recordings),
        datasets=(*silent.datasets, *sounding.datasets),
    )


def _foreign(sounds: Tensor, rng: np.random.Generator) -> Tensor:
    """(1, A): silence, noise as loud as a sound of (B, 1, A) `sounds`, or one of them from another moment."""
    sound = sounds[rng.integers(len(sounds))]
    kind = rng.integers(3)
    if kind == 0:
        return torch.zeros_like(sound)
    if kind == 1:
        noise = torch.from_numpy(rng.standard_normal(tuple(sound.shape)).astype(np.float32))
        return noise * sound.std()
    return sound.roll(int(rng.integers(sound.shape[-1])), -1)
