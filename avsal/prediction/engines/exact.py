"""The plain sliding window's maps for half of its work: what no window's edge touches is computed once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import torch
from torch import Tensor

from avsal.layers.folding import folded
from avsal.models.tsfpnet import TSFPNet
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.network import TapedNetwork
from avsal.prediction.engines.plain import PlainEngine
from avsal.prediction.engines.runs import Run, Runs, WindowJob
from avsal.prediction.engines.temporal import Edges

__all__ = ["ExactEngine", "WindowEngine"]

#: windows that lie further apart share too little to pay for the frames between them
WORTH_SHARING = 8


class WindowEngine(Engine):
    """Engines whose windows have a padded right end, so that a map is there as soon as its last frame is."""

    edges: Edges

    def __init__(
        self, model: TSFPNet, batch_size: int | None = None, precision: torch.dtype = torch.float32
    ) -> None:
        super().__init__(model, batch_size, precision)
        self.network = TapedNetwork(folded(model), self.edges)

    def ascend(self, run: Run) -> Iterator[tuple[WindowJob, Tensor]]:
        """The maps of a run, by the frame its windows begin at."""
        self.network.reset()
        length, end = self.spec.num_frames, 0
        images: list[Tensor] = []
        windows: dict[int, WindowJob] = {}
        for job, step in run.jobs:
            images += [torch.from_numpy(frame.image) for frame in job.frames[-step:]]
            end += step
            if job.wanted:
                windows[end - length] = job
            if len(windows) == self.batch_size or len(images) >= length:
                yield from self._push(images, windows, end - length + 1)
                images, windows = [], {}
        if windows:
            yield from self._push(images, windows, end - length + 1)

    @torch.inference_mode()
    def _push(
        self, images: list[Tensor], windows: dict[int, WindowJob], oldest: int
    ) -> list[tuple[WindowJob, Tensor]]:
        frames = self.frames(images)
        sounds = {window: self.sounds_of(job) for window, job in windows.items()}
        with self.arithmetic():
            complete, maps = self.network.push(frames, sounds, oldest=oldest, attention=self.attention)
        maps = maps.float()
        return [(windows[window], maps[i]) for i, window in enumerate(complete)]


class ExactEngine(WindowEngine):
    """Zeros at both ends of every window, as in training: the plain engine's maps. See `Engine`."""

    name = "exact"
    edges = Edges(left=True, right=True)

    def __init__(
        self, model: TSFPNet, batch_size: int | None = None, precision: torch.dtype = torch.float32
    ) -> None:
        super().__init__(model, batch_size, precision)
        self.alone = PlainEngine(model, self.batch_size, precision)

    def predict(self, jobs: Iterable[WindowJob]) -> Iterator[tuple[WindowJob, Tensor]]:
        """See `Engine.predict`."""
        self.alone.attention = self.attention
        for run in Runs((job for job in jobs if job.wanted), WORTH_SHARING):
            first, second = next(run.jobs), next(run.jobs, None)
            if second is None:  # nothing to share
                yield from self.alone.run([first[0]])
                continue
            run = Run(chain([first, second], run.jobs), run.backward)
            if run.backward:
                yield from reversed(list(self.ascend(run)))
            else:
                yield from self.ascend(run)
