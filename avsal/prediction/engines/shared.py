"""Engines that share work between windows: one network, three kinds of ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avsal.layers.folding import folded
from avsal.models import SaliencyModel
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.network import SharedNetwork, Sounds
from avsal.prediction.engines.plain import PlainEngine
from avsal.prediction.engines.runs import Run, Runs, WindowJob, slide
from avsal.prediction.engines.stage import Edges

__all__ = ["EDGES", "SharedEngine"]

#: which ends of a window are padded
EDGES = {
    "exact": Edges(left=True, right=True),
    "streaming": Edges(left=False, right=False),
    "live": Edges(left=False, right=True),
}


class SharedEngine(Engine):
    """The sliding window with what neighbouring windows have in common computed once. See `Engine`.

    - ``exact`` pads both ends of every window, as in training: the plain engine's maps.
    - ``live`` lets a window's left end see the frames before it: a map is there as soon as its frame is.
    - ``streaming`` lets both ends see the video: one dense pass, whose maps need some frames after their own.

    Beyond the video's ends the layers see what they pad with. A video's first frames, which are predicted
    from windows that play it backwards, are a video of their own that ends with frame 0. In ``live`` and
    ``streaming`` windows of which no map is wanted still tell how the video goes on: leaving maps out changes
    none of the others, and saves only each window's own work.

    Args:
        model: see `Engine`.
        name: of `EDGES`.
        batch_size: windows at once; None: 8 when streaming, else 1.
        precision: see `Engine`.

    Raises:
        Untraceable: nothing of the network can be shared; the message says why.
    """

    def __init__(
        self,
        model: SaliencyModel,
        name: str,
        batch_size: int | None = None,
        precision: torch.dtype = torch.float32,
    ) -> None:
        self.name = name
        self.default_batch_size = 8 if name == "streaming" else 1
        super().__init__(model, batch_size, precision)
        self.model = folded(model)
        self.alone = PlainEngine(self.model, self.batch_size, precision, fold=False)
        self._networks: dict[bool, SharedNetwork] = {}
        network = self._network()
        self.past, self.future, self.reason = network.memory.past, network.memory.future, network.reason

    def _network(self) -> SharedNetwork:
        """The network, with the attention of its sound or without."""
        hears = self.spec.sample_rate is not None
        if self.attention not in self._networks:
            self._networks[self.attention] = SharedNetwork(
                self.model, EDGES[self.name], heard=hears, attention=self.attention
            )
        return self._networks[self.attention]

    @property
    def nbytes(self) -> int:
        """Bytes that are remembered of the video."""
        return sum(network.memory.nbytes for network in self._networks.values())

    def predict(self, jobs: Iterable[WindowJob]) -> Iterator[tuple[WindowJob, Tensor]]:
        """See `Engine.predict`."""
        self.alone.attention = self.attention
        own_start = type(self.model).forward_start is not SaliencyModel.forward_start
        for apart, group in groupby(jobs, lambda job: own_start and job.window.start):
            if apart:
                yield from self.alone.predict(group)
            elif self.name == "exact":
                yield from self._slide(job for job in group if job.wanted)
            else:
                for run in Runs(group, self.spec.num_frames):
                    maps = self._ascend(run)
                    yield from reversed(list(maps)) if run.backward else maps

    def _slide(self, jobs: Iterator[WindowJob]) -> Iterator[tuple[WindowJob, Tensor]]:
        """The exact maps of windows, each as it comes, whichever way they slide."""
        batch: dict[int, WindowJob] = {}
        before, start = None, 0
        memory = self._network().memory
        for job in jobs:
            step = 0 if before is None else slide(before, job, self.spec.num_frames)
            if step == 0:
                yield from self._at_once(batch)
                batch = {}
                memory.reset()
            before, start = job, start + step
            batch[start] = job
            if len(batch) == self.batch_size:
                yield from self._at_once(batch)
                batch = {}
        yield from self._at_once(batch)

    def _at_once(self, batch: Mapping[int, WindowJob]) -> list[tuple[WindowJob, Tensor]]:
        if not batch:
            return []
        images = {
            start + i: frame.image for start, job in batch.items() for i, frame in enumerate(job.frames)
        }
        found = self._push(images, {start: self.sounds_of(batch[start]) for start in sorted(batch)})
        return [(job, found[start]) for start, job in batch.items()]

    @torch.inference_mode()
    def _push(
        self,
        images: Mapping[int, NDArray[np.uint8]],
        windows: Mapping[int, Sounds | None],
        total: int | None = None,
    ) -> dict[int, Tensor]:
        """See `SharedNetwork.push`; frames by their number."""
        with self.arithmetic():
            return self._network().push(
                windows, lambda numbers: self.frames([images[number] for number in numbers]), total
            )

    def _ascend(self, run: Run) -> Iterator[tuple[WindowJob, Tensor]]:
        """The maps of a run of windows that see the video, by the frame they begin at."""
        memory, length = self._network().memory, self.spec.num_frames
        memory.reset()
        images: dict[int, NDArray[np.uint8]] = {}
        waiting: dict[int, WindowJob] = {}  # of which maps are wanted
        end = 0
        begin = 1 - length - self.future  # the first windows begin before the video, as if always sliding

        def computed(ready: range, total: int | None = None) -> Iterator[tuple[WindowJob, Tensor]]:
            windows = {at: self.sounds_of(waiting[at]) if at in waiting else None for at in ready}
            for start, maps in self._push(images, windows, total).items():
                yield waiting.pop(start), maps
            oldest = memory.oldest_frame(ready.stop)
            for number in [number for number in images if number < oldest]:
                del images[number]

        for job, step in run.jobs:
            for frame in job.frames[-step:]:
                images[end] = frame.image
                end += 1
            if job.wanted:
                waiting[end - length] = job
            ready = range(begin, end - length + 1 - self.future)
            wanted = sum(start in waiting for start in ready)
            if wanted >= self.batch_size or len(ready) >= length:
                yield from computed(ready)
                begin = ready.stop
        ready = range(begin, end - length + 1) if waiting else range(0)
        for first in range(0, len(ready), 8):
            yield from computed(ready[first : first + 8], end)
