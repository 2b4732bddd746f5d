"""Every window from scratch: for every model, and what the other engines are measured against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from avsal.layers.folding import folded
from avsal.models import SaliencyModel
from avsal.models.tsfpnet import TSFPNet
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.runs import Job

__all__ = ["PlainEngine"]


class PlainEngine(Engine):
    """The sliding window in batches of equal shape; TSFP-Net's batch norms are folded. See `Engine`."""

    name = "plain"

    def __init__(
        self, model: SaliencyModel, batch_size: int | None = None, precision: torch.dtype = torch.float32
    ) -> None:
        super().__init__(model, batch_size, precision)
        self.model = folded(model) if isinstance(model, TSFPNet) else model

    def predict(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Tensor]]:
        """See `Engine.predict`."""
        batch: list[Job] = []
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
    def run(self, batch: list[Job]) -> list[tuple[Job, Tensor]]:
        """The maps of windows of one kind, at once."""
        sounds = [job.sound for job in batch if job.sound is not None]
        audio = torch.stack(sounds).to(self.device) if sounds else None
        forward = self.model.forward_start if batch[0].window.start else self.model
        with self.autocast():
            maps = forward(self.clip(batch), audio)
        return list(zip(batch, maps.float(), strict=True))


def kind(job: Job) -> tuple[object, ...]:
    """What windows of one batch must have in common."""
    return job.window.start, None if job.sound is None else tuple(job.sound.shape)
