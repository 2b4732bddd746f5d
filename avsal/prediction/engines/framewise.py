"""Windows of networks that encode every frame on its own: each frame once, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from avsal.layers.folding import folded
from avsal.media.frames import Frame
from avsal.models.tsfpnet_mobile import TSFPNetMobile, TSFPNetMobileAV
from avsal.prediction.engines.engine import Engine
from avsal.prediction.engines.runs import WindowJob

__all__ = ["FramewiseEngine"]

#: frames encoded at once, where a window begins with many
AT_ONCE = 4


class FramewiseEngine(Engine):
    """The maps of `PlainEngine`; what frames have of their own is kept while it is needed. See `Engine`."""

    name = "exact"

    def __init__(
        self, model: TSFPNetMobile, batch_size: int | None = None, precision: torch.dtype = torch.float32
    ) -> None:
        super().__init__(model, batch_size, precision)
        self.model: TSFPNetMobile = folded(model)
        # by the number of the frame: the pyramid's levels, and what the fusion sees
        self._levels: dict[int, tuple[Tensor, ...]] = {}
        self._heard: dict[int, tuple[Tensor, Tensor]] = {}

    def predict(self, jobs: Iterable[WindowJob]) -> Iterator[tuple[WindowJob, Tensor]]:
        """See `Engine.predict`."""
        for job in jobs:
            if job.wanted:
                yield job, self._run(job)
        self._levels.clear()
        self._heard.clear()

    @torch.inference_mode()
    def _run(self, job: WindowJob) -> Tensor:
        """The maps of a window, (sounds, 1, H, W)."""
        model, sounds = self.model, self.sounds_of(job)
        last = len(job.frames) - 1
        seen = [last - offset for offset in model.offsets]
        listens = isinstance(model, TSFPNetMobileAV) and any(sound is not None for sound in sounds)
        heard = range(1, len(job.frames), 2) if listens else range(0)
        with self.arithmetic():
            self._encode(job, seen, heard)
            numbers = job.window.frames
            kept = [self._levels[numbers[place]] for place in seen]
            integrated = model.integrate(list(zip(*kept, strict=True)))
            logits = model.logits_of(integrated)
            attention: list[Tensor | None] = [None] * len(sounds)
            if isinstance(model, TSFPNetMobileAV) and listens:
                pairs = zip(*(self._heard[numbers[place]] for place in heard), strict=True)
                fine, coarse = (torch.stack(layer, 2) for layer in pairs)
                attention = [
                    None if sound is None else model.attend((fine[:, :0], fine, coarse), sound[None])
                    for sound in sounds
                ]
            maps = [model.read_out(logits, one, self.spec.size) for one in attention]
            if self.attention and isinstance(model, TSFPNetMobileAV):
                none = torch.zeros_like(maps[0])
                maps += [
                    none if one is None else model.spread(one, self.spec.size)[:, None] for one in attention
                ]
        self._forget(numbers)
        return torch.cat(maps).float()

    def _encode(self, job: WindowJob, seen: Sequence[int], heard: Sequence[int]) -> None:
        """Encode the frames at some places of a window that are not known yet."""
        numbers = job.window.frames
        missing = {numbers[place]: place for place in seen if numbers[place] not in self._levels}
        missing |= {numbers[place]: place for place in heard if numbers[place] not in self._heard}
        waiting = list(missing.items())
        for first in range(0, len(waiting), AT_ONCE):
            chunk = waiting[first : first + AT_ONCE]
            taps = self.model.encode(self._input([job.frames[place] for _, place in chunk]))
            levels = self.model.levels_of(taps)
            grid = taps[2].shape[-2:]
            for index, (number, _) in enumerate(chunk):
                self._levels[number] = tuple(level[:, :, index].clone() for level in levels)
                if heard:
                    # the fusion begins by pooling to the coarser grid
                    fine = F.adaptive_max_pool2d(taps[1][:, :, index], grid)
                    self._heard[number] = fine, taps[2][:, :, index].clone()

    def _input(self, frames: list[Frame]) -> Tensor:
        """(1, 3, N, H, W) of single frames."""
        return self.frames([torch.from_numpy(frame.image) for frame in frames]).permute(3, 0, 1, 2)[None]

    def _forget(self, numbers: Sequence[int]) -> None:
        """Keep what the next window may need: levels of the newest frames, and what is heard of all."""
        newest = set(numbers[-self.model.offsets[-1] - 1 :])
        for number in [number for number in self._levels if number not in newest]:
            del self._levels[number]
        whole = set(numbers)
        for number in [number for number in self._heard if number not in whole]:
            del self._heard[number]
