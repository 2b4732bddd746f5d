"""TSFP-Net over a video, frames in and maps out, with all that it remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor

from avsal.layers.fusion import AlignedFusion
from avsal.models.tsfpnet import TSFPNet, TSFPNetAV
from avsal.prediction.engines.decoder import TapedPyramid
from avsal.prediction.engines.encoder import TapedEncoder
from avsal.prediction.engines.plain import attentions
from avsal.prediction.engines.temporal import Edges, Features, Gather, Step, spatial

__all__ = ["TapedNetwork"]

Sounds = Sequence[Tensor | None]


class TapedNetwork:
    """A network and its memory of one video.

    Sound is fused for each window, as in training: SoundNet hears the window's seconds (its strides of
    samples do not divide a frame, so that neighbouring windows share nothing; it is less than a hundredth of
    the work) and meets the window's base2 and base3, put together from shared positions and edges.

    Args:
        model: with its norms folded.
        edges: of the windows.

    Attributes:
        num_frames: how many frames of the video it was given.
    """

    def __init__(self, model: TSFPNet, edges: Edges) -> None:
        self.model, self.edges = model, edges
        self.encoder = TapedEncoder(model.encoder, edges)
        self.pyramid = TapedPyramid(model.pyramid, edges)
        self.fused = (Gather(edges), Gather(edges))
        self.num_frames = 0

    @property
    def nbytes(self) -> int:
        """Bytes of memory of the video."""
        layers = (*self.encoder.temporal, *self.pyramid.temporal, *self.fused)
        return sum(layer.cache.nbytes for layer in layers) + self.pyramid.waiting_bytes

    def reset(self) -> None:
        """Forget the video: the next frame is the first of another one."""
        self.num_frames = 0
        self.pyramid.reset()
        for layer in (*self.encoder.temporal, *self.fused):
            layer.reset()

    def push(
        self,
        frames: Tensor,
        sounds: Mapping[int, Sounds],
        *,
        oldest: int,
        last: bool = False,
        attention: bool = False,
    ) -> tuple[tuple[int, ...], Tensor]:
        """Go on by some frames.

        Args:
            frames: (P, H, W, 3) of the model's input, those after the last ones.
            sounds: of the windows whose maps are wanted, by the frame they begin at, in order: equally many
                for each, (1, A), or None where nothing is heard. With padded edges the windows' last frames
                must be known.
            oldest: no later window begins before this frame.
            last: the video ends with these frames; means nothing where the right edge is padded.
            attention: whether the attention of each sound follows the maps.

        Returns:
            the windows that are complete, by first frame, and their maps (n, sounds, 1, H, W), or, with
            `attention`, twice as many rows.
        """
        step = Step(tuple(sounds), oldest, last)
        length = self.model.spec.num_frames
        taps = self.encoder(Features(frames, self.num_frames, len(frames), length), step)
        self.num_frames += len(frames)
        complete, integrated = self.pyramid(taps, step)
        logits = self._attend(taps, {window: sounds[window] for window in complete}, step)
        if not complete:
            return (), frames.new_zeros((0, 1, 1, *frames.shape[1:3]))
        seen = integrated.permute(0, 3, 1, 2).unsqueeze(2)
        maps = [self.model.read_out(seen, one, frames.shape[1:3]) for one in logits]
        if attention and isinstance(self.model, TSFPNetAV):
            maps += attentions(self.model, logits, maps[0])
        return complete, torch.stack(maps, 1)

    def _attend(
        self, taps: tuple[Features, ...], sounds: Mapping[int, Sounds], step: Step
    ) -> list[Tensor | None]:
        """Attention logits (n, 1, h, w) of the windows for each of their sounds, None without sound."""
        model = self.model
        if not isinstance(model, TSFPNetAV):
            return [None] * len(next(iter(sounds.values()), ()))
        waiting = [window for window in step.windows if window not in sounds]
        step = Step(tuple(sounds), min([step.oldest, *waiting]), step.last)
        base3 = self.fused[1](taps[2], step)
        base2 = base3
        if isinstance(model.fusion, AlignedFusion):  # the other one does not look at base2
            size = tuple(base3.x.shape[1:3])
            # pooling to base3's grid, which is what the fusion begins with, is shared between windows
            fine = spatial(taps[1], lambda x: F.adaptive_max_pool2d(x, size))
            base2 = self.fused[0](fine, step)
        seen2, seen3 = base2.windows(), base3.windows()
        return [self._fused(seen2, seen3, heard) for heard in zip(*sounds.values(), strict=True)]

    def _fused(self, seen2: Tensor, seen3: Tensor, sounds: Sounds) -> Tensor | None:
        """Logits of some windows, of which each hears one sound; windows of equal length go together."""
        assert isinstance(self.model, TSFPNetAV)
        logits, begin = [], 0
        for shape, group in groupby(sounds, lambda sound: None if sound is None else sound.shape):
            heard = list(group)
            end = begin + len(heard)
            if shape is not None:
                audio = torch.stack([sound for sound in heard if sound is not None])
                logits.append(self.model.fusion(seen2[begin:end], seen3[begin:end], audio))
            begin = end
        return torch.cat(logits) if logits else None
