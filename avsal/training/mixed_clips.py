"""Several sources of clips side by side in every batch: photographs, real videos, synthetic ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count, zip_longest
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from avsal.clips import ClipBatch
from avsal.errors import ConfigError
from avsal.training.sources import ClipSource, StepGroup, StepShare

__all__ = ["MixedClips", "MixedPart"]


#: added to a group's number where its clips have sound of several lengths
_BEYOND = 1000


@dataclass(frozen=True)
class MixedPart:
    """One source of several.

    Attributes:
        name: for messages and the fingerprint.
        clips: the source.
        weight: its share of each batch is its weight over the sum of all, rounded to whole clips.
        gaze: whether its gaze counts for the centre bias that a model is to beat: not that of synthetic
            videos.
    """

    name: str
    clips: ClipSource
    weight: float
    gaze: bool = True


class MixedClips:
    """Every batch holds clips of all parts, by their weights.

    All kinds pass batch norm together, so that one set of running statistics fits all. An epoch ends with the
    part that is used up first; the others go on in the next epoch where they were.

    Where some parts have sound, clips without are given a sound that tells nothing about them: silence,
    noise, or the sound of one of the batch's other clips. A model learns so to look where people looked in
    silent videos and photographs, whatever is heard, and to listen where listening helps.

    Args:
        parts: two or more, in the order in which their clips stand in a batch.
        seed: seed of the choice of sounds.

    Raises:
        ConfigError: fewer than two parts, two of one name, or a weight that is not positive.
    """

    def __init__(self, parts: Sequence[MixedPart], *, seed: int) -> None:
        names = [part.name for part in parts]
        if len(parts) < 2 or len(set(names)) < len(names):
            raise ConfigError(f"expected two or more parts of different names to mix but found {names}")
        if not all(part.weight > 0 for part in parts):
            weights = {part.name: part.weight for part in parts}
            raise ConfigError(f"weights of parts must be positive but are {weights}")
        self.parts, self.seed = tuple(parts), seed

    def shares(self, batch_size: int) -> list[int]:
        """How many clips of each part a batch holds: the nearest whole numbers, at least 1.

        Raises:
            ConfigError: the batch is too small for a clip of each.
        """
        if batch_size < len(self.parts):
            raise ConfigError(
                f"a batch of {batch_size} has no room for a clip of each of {len(self.parts)} parts"
            )
        total = sum(part.weight for part in self.parts)
        exact = [part.weight / total * batch_size for part in self.parts]
        whole = [max(1, int(share)) for share in exact]
        while sum(whole) != batch_size:
            # the one that is furthest from its share gives or takes
            step = 1 if sum(whole) < batch_size else -1
            lack = [step * (share - number) for share, number in zip(exact, whole, strict=True)]
            open_ = [index for index, number in enumerate(whole) if number + step >= 1]
            whole[max(open_, key=lambda index: lack[index])] += step
        return whole

    def num_steps(self, epoch: int, batch_size: int) -> int:
        """See `ClipSource`; the same in every epoch."""
        shares = self.shares(batch_size)
        return min(part.clips.num_steps(0, share) for part, share in zip(self.parts, shares, strict=True))

    def steps(
        self, epoch: int, batch_size: int, groups: int, *, start: int, process: int, num_processes: int
    ) -> Iterator[StepShare]:
        """See `ClipSource`; each group holds clips of all parts, as far as their shares go."""
        length = self.num_steps(epoch, batch_size)
        streams = [
            _from(part.clips, share, groups, epoch * length + start, process, num_processes)
            for part, share in zip(self.parts, self.shares(batch_size), strict=True)
        ]
        for number, drawn in zip(range(start, length), zip(*streams, strict=False), strict=False):
            found: list[StepGroup] = []
            for together in zip_longest(*(share.groups for share in drawn)):
                counting = [group for group in together if group is not None and group.counts]
                parts = counting or [group for group in together if group is not None][:1]
                for place, same in enumerate(_of_one_length([group.batch for group in parts])):
                    group = parts[0].number + place * _BEYOND
                    rng = np.random.default_rng([self.seed, epoch, number, group])
                    found.append(StepGroup(group, mixed(same, rng), bool(counting)))
            yield StepShare(found, sum(share.total for share in drawn))

    def gaze(self) -> NDArray[np.float64]:
        """See `ClipSource`; of the parts whose gaze counts, of all where none does."""
        counting = [part for part in self.parts if part.gaze] or self.parts
        return np.concatenate([part.clips.gaze() for part in counting])

    def fingerprint(self) -> Mapping[str, Any]:
        """See `ClipSource`."""
        found = {part.name: {"weight": part.weight, **part.clips.fingerprint()} for part in self.parts}
        digest = sha256("-".join(f"{one['weight']} {one['sha256']}" for one in found.values()).encode())
        return {"parts": found, "sha256": digest.hexdigest()[:16]}


def _from(
    clips: ClipSource, batch_size: int, groups: int, first: int, process: int, num_processes: int
) -> Iterator[StepShare]:
    """The source's steps from number `first` on, counted from its epoch 0, without end."""
    for epoch in count():
        number = clips.num_steps(epoch, batch_size)
        if first < number:
            yield from clips.steps(
                epoch,
                batch_size,
                min(groups, batch_size),
                start=first,
                process=process,
                num_processes=num_processes,
            )
        first = max(0, first - number)


def _of_one_length(batches: Sequence[ClipBatch]) -> list[list[ClipBatch]]:
    """Batches put together by the length of their sound; those without go with the first."""
    by_length: dict[int, list[ClipBatch]] = {}
    for batch in batches:
        if batch.audio is not None:
            by_length.setdefault(batch.audio.shape[-1], []).append(batch)
    if not by_length:
        return [list(batches)]
    first = next(iter(by_length))
    by_length[first] = [batch for batch in batches if batch.audio is None or batch.audio.shape[-1] == first]
    return list(by_length.values())


def mixed(batches: Sequence[ClipBatch], rng: np.random.Generator) -> ClipBatch:
    """One batch of several; where some have sound, those without are given sounds that mean nothing."""
    lengths = sorted({batch.audio.shape[-1] for batch in batches if batch.audio is not None})
    if len(lengths) > 1:
        raise ValueError(
            f"clips of one batch need sound of one length but have {lengths} samples: mix videos of one "
            "frame rate, or leave the sound of some out"
        )
    audio = None
    if lengths:
        heard = torch.cat([batch.audio for batch in batches if batch.audio is not None])
        audio = torch.cat(
            [
                torch.stack([_foreign(heard, rng) for _ in batch.images])
                if batch.audio is None
                else batch.audio
                for batch in batches
            ]
        )
    widest = max(batch.points.shape[2] for batch in batches)

    def padded(tensor: Tensor, axis: int) -> Tensor:
        return F.pad(tensor, (0, 0) * axis + (0, widest - tensor.shape[2]))

    return replace(
        batches[0],
        images=tuple(image for batch in batches for image in batch.images),
        audio=audio,
        density=torch.cat([batch.density for batch in batches]),
        points=torch.cat([padded(batch.points, 1) for batch in batches]),
        mask=torch.cat([padded(batch.mask, 0) for batch in batches]),
        frame_numbers=torch.cat([batch.frame_numbers for batch in batches]),
        recordings=tuple(name for batch in batches for name in batch.recordings),
        datasets=tuple(name for batch in batches for name in batch.datasets),
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
