"""Which clips form a step, in which groups they go through a network, and which process takes which group.

A step's clips depend on the seed, the epoch and the step alone: not on how many processes there are, nor on
how many groups the step is divided into. Clips of one group have sound of one length, as a network takes them
together; videos differ in frame rate, so that a step may hold several lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from avsal.clips.dataset import ClipDataset
from avsal.errors import ConfigError

__all__ = ["Group", "dealt", "grouped", "planned_steps"]

_STREAM = 2
"""Third word of the seeds, so that the order of clips is independent of what is in them."""


class Group(NamedTuple):
    """Clips that go through the network together.

    Attributes:
        number: of the group within its step.
        clips: their indices in the data set.
        counts: False for a stand-in, which gives a process without a group something to do: its loss counts
            nothing.
    """

    number: int
    clips: list[int]
    counts: bool = True


def planned_steps(dataset: ClipDataset, epoch: int, batch_size: int) -> list[list[int]]:
    """The clips of each step of an epoch, every clip once; the last step may be smaller.

    Args:
        dataset: whose `seed` counts.
        epoch: counted from 0.
        batch_size: clips of a step, of all processes together.

    Raises:
        ConfigError: an impossible number.
    """
    if batch_size < 1:
        raise ConfigError(f"`batch_size` must be at least 1 but is {batch_size}")
    count = len(dataset)
    order = np.random.default_rng((dataset.seed, epoch, _STREAM)).permutation(count)
    return [order[begin : begin + batch_size].tolist() for begin in range(0, count, batch_size)]


def grouped(
    clips: Sequence[int], most: int, length: Callable[[int], int | None] | None = None
) -> list[list[int]]:
    """A step's clips in groups of at most `most`, each of one length of sound.

    Args:
        clips: clips of the step.
        most: clips in a group.
        length: samples of a clip's sound, None where it has none; None: all are alike.
    """
    buckets: dict[int | None, list[int]] = {}
    for index in clips:
        buckets.setdefault(None if length is None else length(index), []).append(index)
    return [
        bucket[begin : begin + most] for bucket in buckets.values() for begin in range(0, len(bucket), most)
    ]


def dealt(groups: Sequence[Sequence[int]], process: int, num_processes: int) -> list[Group]:
    """The groups of one process: every `num_processes`-th.

    Where there are fewer groups than processes, the largest are halved; where there are fewer clips than
    processes, some process takes a stand-in.

    Raises:
        ConfigError: an impossible number.
    """
    if not 0 <= process < num_processes:
        raise ConfigError(
            f"`process` must lie in 0..`num_processes`-1 but they are {process} and {num_processes}"
        )
    pieces = [list(group) for group in groups]
    while len(pieces) < num_processes and max(map(len, pieces)) > 1:
        largest = max(range(len(pieces)), key=lambda place: len(pieces[place]))
        half = (len(pieces[largest]) + 1) // 2
        pieces[largest : largest + 1] = [pieces[largest][:half], pieces[largest][half:]]
    numbered = [Group(number, piece) for number, piece in enumerate(pieces)]
    numbered += [Group(number, pieces[0], counts=False) for number in range(len(pieces), num_processes)]
    return numbered[process::num_processes]
