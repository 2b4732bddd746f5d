"""What the engine asks of clips, wherever they come from: a prepared store, or a generator.

Shapes: B clips, T frames, T' target maps, H and W size, A audio samples, N points (padded).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from avsal.clips import ClipBatch

__all__ = ["ClipSource", "StepGroup", "StepShare", "ValidationBatch", "ValidationSource"]


class StepGroup(NamedTuple):
    """Clips that go through the network together.

    Attributes:
        number: of the group within its step, the same whichever process takes it.
        batch: the clips.
        counts: False for a stand-in that gives a process something to do, see `avsal.clips.dealt`.
    """

    number: int
    batch: ClipBatch
    counts: bool = True


class StepShare(NamedTuple):
    """What one process does for a step.

    Attributes:
        groups: at least one.
        total: clips of the step, of all processes.
        turn: of clips that take turns, whose the step is; None: there is one kind of steps.
    """

    groups: list[StepGroup]
    total: int
    turn: str | None = None

    @property
    def recordings(self) -> list[str]:
        """Ids of the clips' recordings, each once."""
        return list(dict.fromkeys(name for group in self.groups for name in group.batch.recordings))


class ClipSource(Protocol):
    """Training clips. What a step is of depends on the epoch and its number alone: any can be drawn again, by
    any number of processes."""

    def num_steps(self, epoch: int, batch_size: int) -> int:
        """How many steps of `batch_size` clips a 0-based epoch has."""
        ...

    def steps(
        self, epoch: int, batch_size: int, groups: int, *, start: int, process: int, num_processes: int
    ) -> Iterator[StepShare]:
        """A process's share of each step of an epoch, from number `start` on.

        Args:
            epoch: 0-based.
            batch_size: clips of a step, of all processes together.
            groups: into how many groups a step is divided at least; those of full steps hold
                ``batch_size / groups`` clips at most.
            start: number of the first step.
            process: number of the process that asks.
            num_processes: number of processes that share the step.
        """
        ...

    def gaze(self) -> NDArray[np.float64]:
        """(N, 2) of all fixations to train on: y and x as fractions of the frame's height and width."""
        ...

    def fingerprint(self) -> Mapping[str, Any]:
        """What the clips are, as plain values; ``sha256`` changes where they do."""
        ...


class ValidationBatch(NamedTuple):
    """Windows of one shape, and the truth on the frames that they are to be scored on.

    Attributes:
        frames: (B, 3, T, H, W), normalised.
        audio: (B, 1, A) or None.
        clip: (M,) which of the B windows each scored frame belongs to.
        slot: (M,) which of the model's T' maps it is.
        recording: M names.
        frame: M video frames, 0-based.
        density: (M, h, w), of the part of the model's input that shows the video.
        points: (M, N, 2) in pixels of the density, padded.
        mask: (M, N).
        start: whether these are windows for the model's `forward_start`.
        region: rows and columns of the model's input that show the video; the rest is padding. Density and
            points are of this region.
    """

    frames: Tensor
    audio: Tensor | None
    clip: Tensor
    slot: Tensor
    recording: Sequence[str]
    frame: Sequence[int]
    density: Tensor
    points: Tensor
    mask: Tensor
    start: bool = False
    region: tuple[slice, slice] = (slice(None), slice(None))


class ValidationSource(Protocol):
    """Frames to score a model on: the same in every validation."""

    def __len__(self) -> int:
        """How many batches there are."""
        ...

    def __getitem__(self, index: int) -> ValidationBatch:
        """One batch."""
        ...

    def fingerprint(self) -> Mapping[str, Any]:
        """What the frames are, as plain values; ``sha256`` changes where they do."""
        ...
