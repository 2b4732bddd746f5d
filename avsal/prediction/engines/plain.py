"""Every window from scratch: for every model, and what the other engines are measured against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from avsal.layers.folding import folded
from avsal.models import SaliencyModel
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.runs import WindowJob

__all__ = ["PlainEngine"]


class PlainEngine(Engine):
    """The sliding window in batches of equal shape, batch norms folded. See `Engine`.

    Args:
        model: see `Engine`.
        batch_size: windows at once.
        precision: see `Engine`.
        fold: whether there are batch norms to fold.
    """

    name = "plain"

    def __init__(
        self,
        model: SaliencyModel,
        batch_size: int | None = None,
        precision: torch.dtype = torch.float32,
        *,
        fold: bool = True,
    ) -> None:
        super().__init__(model, batch_size, precision)
        self.model = folded(model) if fold and model.delay is None else model

    def predict(self, jobs: Iterable[WindowJob]) -> Iterator[tuple[WindowJob, Tensor]]:
        """See `Engine.predict`."""
        batch: list[WindowJob] = []
        for job in jobs:
            if not job.wanted:
                continue
            if batch and (len(batch) == self.batch_size or kind(batch[0]) != kind(job)):
                yield from self.run(batch)
                batch = []
            batch.append(job)
        if batch:
            yield from self.run(batch)

    @torch.inference_mode()
    def run(self, batch: list[WindowJob]) -> list[tuple[WindowJob, Tensor]]:
        """The maps of windows of one kind, at once."""
        sounds = [stacked(sounds) for sounds in zip(*map(self.sounds_of, batch), strict=True)]
        with self.arithmetic():
            maps = torch.stack(list(self.maps(self.clip(batch), sounds, start=batch[0].window.start)), 1)
        return list(zip(batch, maps.float(), strict=True))

    def maps(self, frames: Tensor, sounds: list[Tensor | None], *, start: bool) -> Iterator[Tensor]:
        """(B, T', H, W) for each of some sounds (B, 1, A); with `attention`, that of each sound follows."""
        model: Any = self.model
        forward = model.forward_start if start else model
        yield from (forward(frames, audio) for audio in sounds)
        for audio in sounds if self.attention else ():
            nothing = frames.new_zeros(len(frames), 1, *frames.shape[-2:])
            yield nothing if audio is None else model.attention_map(frames, audio)[:, None]


def stacked(sounds: tuple[Tensor | None, ...]) -> Tensor | None:
    """(B, 1, A), or None where nothing is heard."""
    there = [sound for sound in sounds if sound is not None]
    return torch.stack(there) if there else None


def kind(job: WindowJob) -> tuple[object, ...]:
    """What windows of one batch must have in common."""
    return job.window.start, *(None if sound is None else sound.shape for sound in job.sounds)
