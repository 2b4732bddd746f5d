"""Every position once: windows see the video at both ends, not zeros. For files, as it looks ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from avsal.layers.folding import folded
from avsal.models.tsfpnet import TSFPNet
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.live import PAST
from avsal.prediction.engines.network import TapedNetwork
from avsal.prediction.engines.runs import Run, Runs, WindowJob
from avsal.prediction.engines.temporal import Edges

__all__ = ["StreamingEngine"]


class StreamingEngine(Engine):
    """One dense pass over the video; a map needs 44 frames after its own. See `Engine`.

    Beyond the video's ends every layer sees zeros, so that a video of just T frames has the plain map. Sound
    is fused for each window, as by the other engines, with base2 and base3 taken from the pass. The video's
    first frames are predicted from a video of their own that is played backwards and ends with frame 0.
    Windows of which no map is wanted still tell how the video goes on: leaving maps out changes none of the
    others and saves the decoder only.
    """

    name = "streaming"
    past = PAST
    future = 48
    default_batch_size = 8

    def __init__(
        self, model: TSFPNet, batch_size: int | None = None, precision: torch.dtype = torch.float32
    ) -> None:
        super().__init__(model, batch_size, precision)
        self.network = TapedNetwork(folded(model), Edges(left=False, right=False))

    def predict(self, jobs: Iterable[WindowJob]) -> Iterator[tuple[WindowJob, Tensor]]:
        """See `Engine.predict`."""
        for run in Runs(jobs, self.spec.num_frames):
            if run.backward:
                yield from reversed(list(self._ascend(run)))
            else:
                yield from self._ascend(run)

    def _ascend(self, run: Run) -> Iterator[tuple[WindowJob, Tensor]]:
        self.network.reset()
        length, end = self.spec.num_frames, 0
        images: list[Tensor] = []
        waiting: dict[int, WindowJob] = {}
        for job, step in run.jobs:
            images += [torch.from_numpy(frame.image) for frame in job.frames[-step:]]
            end += step
            if job.wanted:
                waiting[end - length] = job
            while len(images) > self.batch_size:  # the last ones are kept back, to end with
                yield from self._push(images[: self.batch_size], waiting, end - length + 1)
                del images[: self.batch_size]
        yield from self._push(images, waiting, end, last=True)

    @torch.inference_mode()
    def _push(
        self, images: list[Tensor], waiting: dict[int, WindowJob], next_window: int, *, last: bool = False
    ) -> list[tuple[WindowJob, Tensor]]:
        sounds = {window: self.sounds_of(job) for window, job in waiting.items()}
        with self.arithmetic():
            complete, maps = self.network.push(
                self.frames(images),
                sounds,
                oldest=min([*waiting, next_window]),
                last=last,
                attention=self.attention,
            )
        maps = maps.float()
        return [(waiting.pop(window), maps[i]) for i, window in enumerate(complete)]
