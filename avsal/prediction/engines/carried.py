"""A video frame by frame, for models that remember it: each frame is computed once, in constant memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

from avsal.errors import ConfigError
from avsal.models import SaliencyModel
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.runs import WindowJob

__all__ = ["CarriedEngine"]


class CarriedEngine(Engine):
    """What the model remembers is carried from frame to frame, as by `SaliencyModel.step`. See `Engine`.

    Its windows are single frames. Those of which no map is wanted still tell what the video was: leaving maps
    out changes none of the others and saves nothing where the model has a memory. A part of a video begins
    with the `warm_up` frames before it.
    """

    name = "streaming"

    def __init__(
        self, model: SaliencyModel, batch_size: int | None = None, precision: torch.dtype = torch.float32
    ) -> None:
        super().__init__(model, batch_size, precision)
        if model.delay is None or batch_size not in (None, 1):
            raise ConfigError(f"{model.name!r} takes frames one after the other: expected a batch size of 1")
        self.model, self.delay = model, model.delay
        self.past, self.future = model.warm_up, model.delay
        self.spec = replace(model.spec, num_frames=1, predicts="last", stride=1, margin=0, start_windows=())

    def predict(self, jobs: Iterable[WindowJob]) -> Iterator[tuple[WindowJob, Tensor]]:
        """See `Engine.predict`."""
        state: Any = None
        waiting: deque[WindowJob] = deque()
        for job in self._prolonged(jobs):
            waiting.append(job)
            saliency, state = self._step(job, state)
            if saliency is not None:
                due = waiting.popleft()
                if due.wanted:
                    yield due, saliency

    def _prolonged(self, jobs: Iterable[WindowJob]) -> Iterator[WindowJob]:
        """The windows, and the last one as often as the maps lag behind."""
        last: WindowJob | None = None
        for last in jobs:
            yield last
        if last is not None:
            yield from repeat(last, self.delay)

    @torch.inference_mode()
    def _step(self, job: WindowJob, state: Any) -> tuple[Tensor | None, Any]:
        """The map that is there with a frame, (1, 1, H, W), and what is remembered."""
        frame = self.clip([job])[:, :, 0]
        with self.arithmetic():
            saliency, state = self.model.step(frame, state)
        return None if saliency is None else saliency[None].float(), state
