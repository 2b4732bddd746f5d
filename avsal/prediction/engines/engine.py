"""What every engine does: windows of a video in, their maps out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avsal.clips import normalise_clips
from avsal.models import SaliencyModel
from avsal.prediction.engines.runs import WindowJob

__all__ = ["Engine", "arithmetic", "sent"]


class Engine(ABC):
    """Computes the maps of a video's windows in evaluation mode.

    Args:
        model: on its device; engines work on a copy with batch norms folded.
        batch_size: windows, or frames of a stream, at once; None: the engine's own.
        precision: what the network computes in.

    Attributes:
        name: what one types.
        spec: of the windows that it computes.
        past: frames before a part of a video that its maps depend on, beyond the windows'.
        future: frames after a part that its maps depend on.
        reason: where sharing ends or why there is none, in words.
        attention: whether the attention of each sound, (H, W) above -1 and 0 without sound, follows the maps
            as further rows; for a model whose sound acts by attention.
    """

    name: str
    past: int = 0
    future: int = 0
    default_batch_size: int = 1
    reason: str = ""
    attention: bool = False

    def __init__(
        self, model: SaliencyModel, batch_size: int | None = None, precision: torch.dtype = torch.float32
    ) -> None:
        self.spec = model.spec
        self.device = next(model.parameters()).device
        self.batch_size = batch_size or self.default_batch_size
        self.precision = precision

    @abstractmethod
    def predict(self, jobs: Iterable[WindowJob]) -> Iterator[tuple[WindowJob, Tensor]]:
        """Each job that wants maps, in order, with its maps (sounds, T', H, W) in float32.

        With `attention` there are twice as many rows.
        """

    def arithmetic(self) -> AbstractContextManager[None]:
        """The context in which the network runs; see `arithmetic`."""
        return arithmetic(self.device, self.precision)

    def clip(self, jobs: list[WindowJob]) -> Tensor:
        """(B, 3, T, H, W): the network's input of some windows."""
        pixels = [torch.stack([torch.from_numpy(frame.image) for frame in job.frames]) for job in jobs]
        return normalise_clips([sent(clip, self.device) for clip in pixels], self.spec)

    def frames(self, images: list[NDArray[np.uint8]]) -> Tensor:
        """(P, H, W, 3): the network's input of some frames."""
        pixels = torch.from_numpy(np.stack(images))
        return normalise_clips([sent(pixels, self.device)], self.spec)[0].permute(1, 2, 3, 0)

    def sounds_of(self, job: WindowJob) -> tuple[Tensor | None, ...]:
        """A window's sounds on the network's device."""
        return tuple(None if sound is None else sent(sound, self.device) for sound in job.sounds)


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on a device; for a GPU's copy nobody waits."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@contextmanager
def arithmetic(device: torch.device, precision: torch.dtype) -> Iterator[None]:
    """A context in which networks compute in a precision.

    Single precision is that: by default a GPU's convolutions round to 10 bits (TF32), so that engines, which
    call them on other shapes, would differ by more than their order of sums.
    """
    cudnn = torch.backends.cudnn
    as_they_are = {name: getattr(cudnn, name) for name in ("enabled", "benchmark", "deterministic")}
    with (
        cudnn.flags(**as_they_are, allow_tf32=False),
        torch.autocast(device.type, precision, enabled=precision != torch.float32),
    ):
        yield
