"""SlowFast-50 (Feichtenhofer et al., "SlowFast Networks for Video Recognition", ICCV 2019) as ViNet-A has
it.

A slow path sees every fourth frame with many channels, a fast path every frame with an eighth of them; after
the first pool and after three of the four stages the fast path's features are added to the slow path's
channels by a convolution over time. The last stage dilates where others halve. Parameter names are those of
ViNet-A's release, but for the norms of shortcuts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from avsal.layers.convolution import Conv3d, MaxPool3d
from avsal.layers.initialisation import he_initialise
from avsal.layers.resnet50_3d import EXPANSION, Bottleneck
from avsal.layers.width import scaled

__all__ = ["SlowFast50"]

#: of the stages: inner channels of the slow path, blocks, stride and dilation in space
STAGES = ((64, 3, 1, 1), (128, 4, 2, 1), (256, 6, 2, 1), (512, 3, 1, 2))

#: frames of the fast path for one of the slow path
ALPHA = 4


class SlowFast50(nn.Module):
    """Both paths. For 32 frames of 256x456 the slow path's levels have, as (C, T, H, W):

    (80, 8, 64, 114), (320, 8, 64, 114), (640, 8, 32, 57), (1280, 8, 16, 29), each with the fast path's, and
    at last (2048, 8, 16, 29); the fast path ends with (256, 32, 16, 29).

    Args:
        width: factor on all channel counts.

    Attributes:
        channels: of the slow path's levels and of both ends.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        slow, fast = scaled(64, width), scaled(8, width)
        self.fast_conv1 = Conv3d(3, fast, (5, 7, 7), (1, 2, 2), (2, 3, 3), bias=False)
        self.fast_bn1 = nn.BatchNorm3d(fast)
        self.slow_conv1 = Conv3d(3, slow, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False)
        self.slow_bn1 = nn.BatchNorm3d(slow)
        self.pool = MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        levels = []
        for number, (published, count, stride, dilation) in enumerate(STAGES, start=1):
            lateral = 2 * fast
            self.add_module(
                f"Tconv{number}",
                Conv3d(fast, lateral, (5, 1, 1), (ALPHA, 1, 1), (2, 0, 0), bias=False),
            )
            levels.append(slow + lateral)
            inner = scaled(published, width)
            small = scaled(published // 8, width)
            self.add_module(
                f"slow_res{number}", stage(levels[-1], inner, count, number > 2, stride, dilation)
            )
            self.add_module(f"fast_res{number}", stage(fast, small, count, True, stride, dilation))
            slow, fast = inner * EXPANSION, small * EXPANSION
        self.channels: Sequence[int] = (*levels, slow, fast)
        he_initialise(self)

    def forward(self, frames: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Features.

        Args:
            frames: (B, 3, T, H, W), T a multiple of 4.

        Returns:
            The four levels of the slow path, fine to coarse, what it ends with, and what the fast path ends
            with.
        """
        fast = self.pool(torch.relu_(self.fast_bn1(self.fast_conv1(frames))))
        slow = self.pool(torch.relu_(self.slow_bn1(self.slow_conv1(frames[:, :, ::ALPHA]))))
        levels = []
        for number in range(1, len(STAGES) + 1):
            slow = torch.cat([slow, self.get_submodule(f"Tconv{number}")(fast)], 1)
            levels.append(slow)
            slow = self.get_submodule(f"slow_res{number}")(slow)
            fast = self.get_submodule(f"fast_res{number}")(fast)
        return levels, slow, fast


def stage(
    channels_in: int, channels: int, count: int, temporal: bool, stride: int, dilation: int
) -> nn.Sequential:
    """`count` bottlenecks of flat kernels, the first of which strides; `temporal`: they span three frames."""
    spans = (3 if temporal else 1, 1)
    first = Bottleneck(channels_in, channels, (1, stride, stride), spans=spans, dilation=dilation)
    others = (
        Bottleneck(channels * EXPANSION, channels, spans=spans, dilation=dilation) for _ in range(count - 1)
    )
    return nn.Sequential(first, *others)
