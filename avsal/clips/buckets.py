"""Which clips form a batch: those whose sound is equally long, since videos differ in their frame rates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from avsal.clips.dataset import ClipDataset
from avsal.errors import ConfigError

__all__ = ["BucketSampler"]

_STREAM = 2
"""Third word of the seeds, so that the order of batches is independent of what is in the clips."""


class BucketSampler(Sampler[list[int]]):
    """Batches of a `ClipDataset` in which all clips have sound of one length, or none has sound.

    The batches of an epoch depend on the seed and the epoch alone. Every clip is in exactly one batch; the
    last batch of a length may be smaller. With several ranks, each gets as many batches as the others, of
    about equal size in each step; where their number does not divide, some batches are split. Only where
    there are too few clips to split them so, some are given out twice.

    Args:
        dataset: whose `set_epoch` this sampler calls.
        batch_size: of one rank.
        shuffle: False gives the dataset's order within each length, the same in every epoch.
        rank: of this process.
        num_ranks: how many processes share an epoch.

    Raises:
        ConfigError: an impossible number.
    """

    def __init__(
        self,
        dataset: ClipDataset,
        batch_size: int,
        *,
        shuffle: bool = True,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        if batch_size < 1 or not 0 <= rank < num_ranks:
            raise ConfigError(
                f"`batch_size` must be at least 1 and `rank` in 0..`num_ranks`-1 but they are {batch_size}, "
                f"{rank} and {num_ranks}"
            )
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle
        self.rank, self.num_ranks = rank, num_ranks
        self.set_epoch(0)

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch, here and in the dataset.

        Args:
            epoch: counted from 0.
            start: number of the batch with which to begin, to go on with a run that was stopped.
        """
        self.dataset.set_epoch(epoch)
        self._batches = self._plan(epoch)[self.rank :: self.num_ranks]
        if not 0 <= start <= len(self._batches):
            raise ConfigError(
                f"epoch {epoch} has {len(self._batches)} batches but was to begin with number {start}; are "
                "data, batch size and number of processes those of the run that was stopped?"
            )
        self._start = start

    def __len__(self) -> int:
        """How many batches this rank still gets in the epoch."""
        return len(self._batches) - self._start

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self._batches[self._start :])

    def _plan(self, epoch: int) -> list[list[int]]:
        """The batches of all ranks: number s * num_ranks + r is what rank r gets in step s."""
        random = np.random.default_rng((self.dataset.seed, epoch, _STREAM))
        count = len(self.dataset)
        order = random.permutation(count) if self.shuffle else np.arange(count)
        buckets: dict[int | None, list[int]] = {}
        for index in order.tolist():
            buckets.setdefault(self.dataset.audio_samples(index), []).append(index)
        batches = [
            bucket[begin : begin + self.batch_size]
            for bucket in buckets.values()
            for begin in range(0, len(bucket), self.batch_size)
        ]
        if self.shuffle:
            batches = [batches[number] for number in random.permutation(len(batches))]
        if self.num_ranks > 1:
            batches = self._divided(batches)
        steps = [batches[begin : begin + self.num_ranks] for begin in range(0, len(batches), self.num_ranks)]
        if self.shuffle:
            steps = [steps[step] for step in random.permutation(len(steps))]
        return [batch for step in steps for batch in step]

    def _divided(self, batches: list[list[int]]) -> list[list[int]]:
        """As many batches as divide among the ranks, in steps of batches of about equal size."""
        batches = sorted(batches, key=len, reverse=True)
        while len(batches) % self.num_ranks:
            largest = batches[0]
            half = (len(largest) + 1) // 2
            pieces = [largest[:half], largest[half:] or largest]
            batches = sorted(batches[1:] + pieces, key=len, reverse=True)
        return batches
