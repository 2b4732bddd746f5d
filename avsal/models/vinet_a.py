"""ViNet-A: Girmaji et al., "Minimalistic Video Saliency Prediction via Efficient Decoder and Spatio Temporal
Action Cues", ICASSP 2025, arXiv 2502.00397.

A SlowFast network, trained to tell where actions are, sees every second of 64 frames; a neck halves its
channels and puts both paths together; a decoder of grouped convolutions, between which channels are
shuffled, joins the levels of the slow path. The map belongs to the frame in the middle, t of the frames t-32
.. t+31. Layers are those of the authors' released network. What was ours to choose:

- Frames of another size than 256x456: levels are interpolated to the size of those they are joined with.
- The neck folds the fast path's 32 steps into 16 of twice the channels by reading channels and steps in one
  row, so that a channel's first 16 steps and its last 16 become two channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from avsal.layers.convolution import Conv3d, common_groups
from avsal.layers.framewise import framewise, one_operation
from avsal.layers.initialisation import he_initialise
from avsal.layers.pyramid import resize, sizes_upwards
from avsal.layers.slowfast import SlowFast50
from avsal.layers.width import scaled
from avsal.models.clip import check_visual_clip, frame_size
from avsal.models.registry import SaliencyModel, register_model
from avsal.models.vinet import FINISH
from avsal.types import ClipSpec

__all__ = ["GroupedDecoder", "Neck", "ViNetA"]

#: of the decoder's convolutions, coarse to fine; channels are shuffled before the second, third and fourth
GROUPS = (32, 16, 8, 8, 4, 2)


class Neck(nn.Module):
    """Half as many channels of each level; the ends of both paths side by side.

    Args:
        channels: of the slow path's four levels, of its end and of the fast path's.

    Attributes:
        out: channels of the joined ends, then of the levels, coarse to fine.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        *levels, slow, fast = channels
        self.slow = Conv3d(slow, slow // 2, 1, bias=False)
        self.levels = nn.ModuleList(Conv3d(level, level // 2, 1, bias=False) for level in levels)
        self.out = (slow // 2 + 2 * fast, *(level // 2 for level in reversed(levels)))

    def forward(self, levels: Sequence[Tensor], slow: Tensor, fast: Tensor) -> list[Tensor]:
        """What `SlowFast50` gives -> joined ends, then levels, coarse to fine, all of the slow path's T."""
        pooled = pooled_halves(fast, slow.shape[2:])
        joined = torch.cat([torch.relu(self.slow(slow)), pooled], 1)
        halved = [torch.relu(one(level)) for one, level in zip(self.levels, levels, strict=True)]
        return [joined, *reversed(halved)]


@one_operation
def pooled_halves(fast: Tensor, size: Sequence[int]) -> Tensor:
    """Both halves of (B, C, T, h, w) in time side by side, brought to a size by their maxima."""
    halves = rearrange(fast, "b c (s t) h w -> b (c s) t h w", s=2)
    return F.adaptive_max_pool3d(halves, list(size))


class GroupedDecoder(nn.Module):
    """From the neck to logits; each step is joined with the next finer level of the slow path, by channels.

    Args:
        channels: of the joined ends and of the levels, coarse to fine.
        width: factor on the other channel counts.

    Attributes:
        steps: six 3x3 convolutions, the last two over two positions of T, of 8.
        collapse: of the two positions that are left.
        mix: 1x1 convolution.
        predict: the last convolution.
    """

    def __init__(self, channels: Sequence[int], width: float) -> None:
        super().__init__()
        joined, *levels = channels
        wide, narrow, last = (scaled(c, width) for c in (64, 32, 16))
        outputs = [*levels, wide, narrow]
        inputs = [joined, *(2 * level for level in levels), wide]
        kernels = (3, 3, 3, 3, 2, 2)
        self.groups = [common_groups(*sides) for sides in zip(inputs, outputs, GROUPS, strict=True)]
        self.steps = nn.ModuleList(
            Conv3d(
                before,
                after,
                (k, 3, 3),
                (1 if k == 3 else k, 1, 1),
                (1 if k == 3 else 0, 1, 1),
                groups=group,
                bias=False,
            )
            for before, after, k, group in zip(inputs, outputs, kernels, self.groups, strict=True)
        )
        self.collapse = Conv3d(narrow, last, (2, 3, 3), 1, (0, 1, 1), bias=False)
        self.mix = Conv3d(last, last, 1, bias=False)
        self.predict = Conv3d(last, 1, 1)

    def forward(self, features: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        """What `Neck` gives -> (B, 1, H, W) logits."""
        x, *levels = features
        for number, (step, target) in enumerate(zip(self.steps, sizes_upwards(levels, size), strict=True)):
            x = torch.relu(step(x))
            if number >= len(levels):
                x = resize(x, target)
                continue
            x = torch.cat([resize(x, target), levels[number]], 1)
            if number + 1 < len(levels):
                x = shuffled(x, GROUPS[number])
        x = torch.relu(self.mix(torch.relu(self.collapse(x))))
        logits: Tensor = self.predict(x)
        return logits[:, :, 0]


@framewise
def shuffled(x: Tensor, groups: int) -> Tensor:
    """Channels of (B, C, T, H, W) dealt out, so that the next grouped convolution sees all groups."""
    if x.shape[1] % groups:  # narrow versions
        return x
    return rearrange(x, "b (g c) t h w -> b (c g) t h w", g=groups)


@register_model(
    "vinet_a",
    paper="Girmaji et al., ViNet-A, 2025",
    summary="SlowFast network of action localisation, grouped decoder; middle of 64 frames",
)
class ViNetA(SaliencyModel):
    """The whole network: encoder, neck, decoder, sigmoid.

    Args:
        size: (height, width) in pixels that frames are resized to.
        width: factor on all channel counts, for small versions.

    Attributes:
        encoder: `SlowFast50`.
        neck: `Neck`.
        decoder: `GroupedDecoder`.
    """

    def __init__(self, *, size: Sequence[int] = (256, 456), width: float = 1.0) -> None:
        super().__init__()
        grey, spread = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)
        self.spec = ClipSpec(64, frame_size(size, 32), grey, spread, predicts="centre", **FINISH)
        self.encoder = SlowFast50(width)
        self.neck = Neck(self.encoder.channels)
        self.decoder = GroupedDecoder(self.neck.out, width)
        he_initialise(self.neck)
        he_initialise(self.decoder, logits=self.decoder.predict)

    def forward(self, frames: Tensor, audio: Tensor | None = None) -> Tensor:
        """Predict the map of frame 32 of 64.

        Args:
            frames: (B, 3, 64, H, W), oldest first, normalised as `spec` says; every second one is looked at.
            audio: None; this model is deaf.

        Returns:
            (B, 1, H, W) in [0, 1].

        Raises:
            ValueError: frames of another shape, or sound.
        """
        check_visual_clip(self, frames, audio)
        features = self.neck(*self.encoder(frames[:, :, 1::2]))
        return torch.sigmoid(self.decoder(features, frames.shape[-2:]))
