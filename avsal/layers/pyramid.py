"""Temporal-spatial feature pyramid with hierarchical decoding (TSFP-Net: Chang and Zhu 2021, section 3.1).

The paper gives no widths, kernels or resolutions in time. Ours: every level is brought to the same few
positions T' = T / 8 by a depthwise convolution whose kernel equals its stride, before the top-down path; from
there on nothing pads or interpolates time, so each position depends on its own frames only and neighbouring
windows can share work. Parameters sit on the coarse levels, where they cost little. At its published size the
whole network has 57.2 MB (paper: 58.4) and needs about 119 GFLOP a map (bound: about 150).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.convolution import Conv3d, conv3d
from avsal.layers.framewise import each_frame, framewise
from avsal.layers.width import scaled

__all__ = ["Levels", "Pyramid", "SpatialConv", "resize", "sizes_upwards"]

Levels = Literal["pyramid", "multi", "final"]

PYRAMID_CHANNELS = 256
DECODED_CHANNELS = 32
# Channels after time is collapsed, then of each 3x3 convolution; "up": to the next finer level's size.
DECODERS: tuple[tuple[int, tuple[tuple[int, bool], ...]], ...] = (
    (64, ((32, False),)),
    (128, ((64, True), (32, False))),
    (256, ((256, False), (128, True), (64, True), (32, False))),
    (256, ((256, False), (256, False), (256, False), (128, True), (64, True), (32, True))),
)
SMOOTHED_LEVELS = (1, 2, 3)  # 0 is the finest, where a wide convolution would cost more than all the others


@framewise
def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Trilinear interpolation of (B, C, T, H, W) in space only, to (H', W'), without corner alignment."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return each_frame(partial(F.interpolate, size=tuple(size), mode="bilinear", align_corners=False), x)


def sizes_upwards(levels: Sequence[Tensor], size: Sequence[int]) -> list[Sequence[int]]:
    """(H, W) of each step of a decoder: those of the levels that it joins, half the map's, the map's.

    Args:
        levels: (B, C, T, h, w), coarse to fine.
        size: of the map.
    """
    return [*(level.shape[-2:] for level in levels), [-(-side // 2) for side in size], size]


class SpatialConv(nn.Sequential):
    """(1, 3, 3) convolution, batch norm, ReLU: (B, C, T, H, W) -> (B, C', T, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = Conv3d(in_channels, out_channels, (1, 3, 3), padding=(0, 1, 1), bias=False)
        self.bn = nn.BatchNorm3d(out_channels)
        self.relu = nn.ReLU(inplace=True)


class Lateral(nn.Module):
    """A tap to pyramid channels (1x1x1), then to T' positions by a depthwise convolution over time."""

    def __init__(self, in_channels: int, channels: int, ratio: int) -> None:
        super().__init__()
        self.conv = Conv3d(in_channels, channels, 1)
        self.collapse = (
            Conv3d(channels, channels, (ratio, 1, 1), (ratio, 1, 1), groups=channels, bias=False)
            if ratio > 1
            else nn.Identity()
        )
        if ratio > 1:  # begin as the mean over time
            nn.init.constant_(self.collapse.weight, 1 / ratio)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T / ratio, H, W)."""
        return self.collapse(self.conv(x))


class Decoder(nn.Module):
    """One level's decoder: time collapsed first, then 3x3 convolutions, interpolated to the finest size."""

    def __init__(self, in_channels: int, num_positions: int, level: int, width: float) -> None:
        super().__init__()
        collapsed, steps = DECODERS[level]
        channels = scaled(collapsed, width)
        self.collapse = Conv3d(in_channels, channels, (num_positions, 1, 1), bias=False)
        self.bn = nn.BatchNorm3d(channels)
        self.convs = nn.ModuleList()
        self.ups = [up for _, up in steps]
        for out, _ in steps:
            self.convs.append(SpatialConv(channels, scaled(out, width)))
            channels = scaled(out, width)

    def forward(self, x: Tensor, sizes: Sequence[Sequence[int]], above: Tensor | None = None) -> Tensor:
        """Decode a level.

        Args:
            x: (B, C, T', H, W).
            sizes: (H, W) of the levels finer than this one, finest first.
            above: (B, C, T', h, w) of the coarser level, to be added to `x` at its size. Collapsing time is
                linear: it is done on the smaller grid, and fewer channels are interpolated.

        Returns:
            (B, 32 x width, 1, H of the finest, W of the finest).
        """
        remaining = list(sizes)
        x = self.collapse(x)
        if above is not None:
            weight, stride = self.collapse.weight, self.collapse.stride
            x = x + resize(conv3d(above, weight, None, stride, (0, 0, 0)), x.shape[-2:])  # type: ignore[arg-type]
        x = torch.relu_(self.bn(x))
        for conv, up in zip(self.convs, self.ups, strict=True):
            x = conv(x)
            if up:
                x = resize(x, remaining.pop())
        return x


class Pyramid(nn.Module):
    """Top-down integration of four taps and hierarchical decoding of every level, summed.

    Args:
        channels: of the taps, finest first.
        num_positions: (T of each tap), finest first; the coarsest gives T'.
        levels: ``pyramid`` as in the paper; ``multi`` without the top-down path; ``final`` decodes only the
            coarsest tap (Table 8).
        width: multiplies every channel count.
    """

    def __init__(
        self,
        channels: Sequence[int],
        num_positions: Sequence[int],
        levels: Levels = "pyramid",
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if levels not in get_args(Levels):
            raise ValueError(f"`levels` must be one of {', '.join(get_args(Levels))} but is {levels!r}")
        self.levels = levels
        self.used = (3,) if levels == "final" else (0, 1, 2, 3)
        inner = scaled(PYRAMID_CHANNELS, width)
        positions = num_positions[-1]
        self.laterals = nn.ModuleDict(
            {str(i): Lateral(channels[i], inner, num_positions[i] // positions) for i in self.used}
        )
        smoothed = SMOOTHED_LEVELS if levels == "pyramid" else ()
        self.smooth = nn.ModuleDict({str(i): SpatialConv(inner, inner) for i in smoothed})
        self.decoders = nn.ModuleDict({str(i): Decoder(inner, positions, i, width) for i in self.used})
        self.out_channels = scaled(DECODED_CHANNELS, width)

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Integrate and decode.

        Args:
            taps: four of (B, C, T, H, W), finest first.

        Returns:
            the integrated visual feature map, (B, 32 x width, 1, H, W) at the finest tap's size.
        """
        sizes = [tap.shape[-2:] for tap in taps]
        total: Tensor | None = None
        above: Tensor | None = None
        for level in reversed(self.used):
            features = self.laterals[str(level)](taps[level])
            added = above if level == 0 else None
            if self.levels == "pyramid" and level > 0:
                if above is not None:
                    features = features + resize(above, sizes[level])
                above = features
                features = self.smooth[str(level)](features)
            decoded = self.decoders[str(level)](features, sizes[:level], added)
            total = decoded if total is None else total + decoded
        assert total is not None  # at least the coarsest level is used
        return total
