"""Engines that share work between windows, and live prediction: one network, three kinds of ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avsal.clips import normalise_clips, waveform
from avsal.errors import ConfigError
from avsal.layers.folding import folded
from avsal.models import SaliencyModel
from avsal.prediction.engines.engine import Engine, arithmetic
from avsal.prediction.engines.network import SharedNetwork, Sounds
from avsal.prediction.engines.plain import PlainEngine
from avsal.prediction.engines.runs import Run, Runs, WindowJob, slide
from avsal.prediction.engines.stage import Edges
from avsal.prediction.engines.trace import Untraceable
from avsal.types import ClipSpec

__all__ = ["EDGES", "LiveState", "SharedEngine"]

#: which ends of a window are padded
EDGES = {
    "exact": Edges(left=True, right=True),
    "streaming": Edges(left=False, right=False),
    "live": Edges(left=False, right=True),
}


class Feed:
    """Frames of one video on their way into a network whose windows see the video beyond their ends.

    Args:
        network: which forgets what it had.
        spec: of its windows.
        device: where it is.

    Attributes:
        end: frames so far.
        next: the first frame of the next window; the first windows begin before the video, as if they had
            always been sliding.
    """

    def __init__(self, network: SharedNetwork, spec: ClipSpec, device: torch.device) -> None:
        self.network, self.spec, self.device = network, spec, device
        network.memory.reset()
        self._images: dict[int, NDArray[np.uint8]] = {}
        self.end = 0
        self.future = network.memory.future
        self.next = 1 - spec.num_frames - self.future

    def add(self, image: NDArray[np.uint8]) -> None:
        """The next frame."""
        self._images[self.end] = image
        self.end += 1

    def ready(self, *, last: bool = False) -> range:
        """The windows that can be computed; with the video's last frame, all."""
        return range(self.next, self.end - self.spec.num_frames + 1 - (0 if last else self.future))

    def push(self, windows: Mapping[int, Sounds | None], *, last: bool = False) -> dict[int, Tensor]:
        """See `SharedNetwork.push`."""
        found = self.network.push(
            windows,
            lambda numbers: network_input(self._images, numbers, self.spec, self.device),
            self.end if last else None,
        )
        self.next = max(windows) + 1
        oldest = self.network.memory.oldest_frame(self.next)
        self._images = {number: image for number, image in self._images.items() if number >= oldest}
        return found


def network_input(
    images: Mapping[int, NDArray[np.uint8]], numbers: list[int], spec: ClipSpec, device: torch.device
) -> Tensor:
    """(P, H, W, 3) of some frames."""
    pixels = torch.from_numpy(np.stack([images[number] for number in numbers]))
    return normalise_clips([pixels.to(device)], spec)[0].permute(1, 2, 3, 0)


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

    @torch.inference_mode()
    def _at_once(self, batch: Mapping[int, WindowJob]) -> list[tuple[WindowJob, Tensor]]:
        if not batch:
            return []
        images = {
            start + i: frame.image for start, job in batch.items() for i, frame in enumerate(job.frames)
        }
        with self.arithmetic():
            found = self._network().push(
                {start: self.sounds_of(batch[start]) for start in sorted(batch)},
                lambda numbers: network_input(images, numbers, self.spec, self.device),
            )
        return [(job, found[start]) for start, job in batch.items()]

    def _ascend(self, run: Run) -> Iterator[tuple[WindowJob, Tensor]]:
        """The maps of a run of windows that see the video, by the frame they begin at."""
        feed = Feed(self._network(), self.spec, self.device)
        length = self.spec.num_frames
        waiting: dict[int, WindowJob] = {}  # of which maps are wanted
        for job, step in run.jobs:
            for frame in job.frames[-step:]:
                feed.add(frame.image)
            if job.wanted:
                waiting[feed.end - length] = job
            ready = feed.ready()
            wanted = sum(start in waiting for start in ready)
            if wanted >= self.batch_size or len(ready) >= length:
                yield from self._push(feed, ready, waiting)
        ready = feed.ready(last=True) if waiting else range(0)
        for begin in range(0, len(ready), 8):
            yield from self._push(feed, ready[begin : begin + 8], waiting, last=True)

    @torch.inference_mode()
    def _push(
        self, feed: Feed, ready: range, waiting: dict[int, WindowJob], *, last: bool = False
    ) -> list[tuple[WindowJob, Tensor]]:
        windows = {start: self.sounds_of(waiting[start]) if start in waiting else None for start in ready}
        with self.arithmetic():
            found = feed.push(windows, last=last)
        return [(waiting.pop(start), maps) for start, maps in found.items()]


class LiveState:
    """All that live prediction remembers of a camera or pipe.

    A map is there as soon as its frame is, from the T-th frame after a start on. Memory does not grow. After
    a cut, a seek or lost frames, `reset` starts anew.

    Args:
        model: on its device, in evaluation mode.

    Raises:
        ConfigError: windows of the model have nothing in common, or it carries a state of its own.
    """

    def __init__(self, model: SaliencyModel) -> None:
        self.spec = model.spec
        self._device = next(model.parameters()).device
        try:
            if model.delay is not None:
                raise Untraceable("it remembers the video itself, by its method `step`")
            self._network = SharedNetwork(
                folded(model), EDGES["live"], heard=self.spec.sample_rate is not None
            )
        except Untraceable as error:
            raise ConfigError(f"{model.name!r} cannot be run live: {error}") from error
        self.reset()

    def reset(self) -> None:
        """Forget the video: the next frame is a first one."""
        self._feed = Feed(self._network, self.spec, self._device)

    @property
    def num_frames(self) -> int:
        """Frames since the start or the last `reset`."""
        return self._feed.end

    @property
    def nbytes(self) -> int:
        """Bytes that are remembered of the video."""
        return self._network.memory.nbytes

    @torch.inference_mode()
    def push(
        self, images: Sequence[NDArray[np.uint8]], sound: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Go on by some frames.

        Args:
            images: (H, W, 3) uint8 RGB, scaled to the model's `content_size`.
            sound: (A,) samples in [-1, 1] at the model's rate: the seconds of the T frames that end with the
                last of `images`; then one image is pushed at a time. None: as without sound.

        Returns:
            (n, H, W) maps of those of the frames that have T - 1 frames before them; the model's size.

        Raises:
            ConfigError: sound with several images, or for a model that takes none.
        """
        if sound is not None and (len(images) != 1 or self.spec.sample_rate is None):
            raise ConfigError("expected sound with one image at a time, for a model that takes sound")
        for image in images:
            self._feed.add(image)
        heard = None if sound is None else waveform(sound, self.spec).to(self._device)
        maps = []
        ready = self._feed.ready()
        for begin in range(0, len(ready), 8):
            windows = {start: (heard,) if start >= 0 else None for start in ready[begin : begin + 8]}
            with arithmetic(self._device, torch.float32):
                found = self._feed.push(windows)
            maps += [found[start][0, -1] for start in windows if start in found]
        if not maps:
            return np.zeros((0, *self.spec.size), np.float32)
        return torch.stack(maps).cpu().numpy()
