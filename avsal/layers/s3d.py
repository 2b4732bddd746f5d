"""S3D, the separable 3-D Inception network (Xie et al., ECCV 2018), as a feature extractor with four taps.

Channel widths follow the public Kinetics-400 network: 7,910,048 parameters without the classifier. Leaf names
(`conv_s`, `bn_s`, `conv_t`, `bn_t`, `conv`, `bn`) and the stages `base1` to `base4` are those of the
published state dicts, so these map onto it one to one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from avsal.layers.convolution import Conv3d, MaxPool3d
from avsal.layers.width import scaled

__all__ = ["S3D", "BasicConv3d", "Mixed", "SeparableConv3d"]

BATCH_NORM_EPS = 1e-3

# in, branch0, branch1 (reduce, out), branch2 (reduce, out), branch3; by the paper's block names
MIXED = {
    "3b": (192, 64, 96, 128, 16, 32, 32),
    "3c": (256, 128, 128, 192, 32, 96, 64),
    "4b": (480, 192, 96, 208, 16, 48, 64),
    "4c": (512, 160, 112, 224, 24, 64, 64),
    "4d": (512, 128, 128, 256, 24, 64, 64),
    "4e": (512, 112, 144, 288, 32, 64, 64),
    "4f": (528, 256, 160, 320, 32, 128, 128),
    "5b": (832, 256, 160, 320, 32, 128, 128),
    "5c": (832, 384, 192, 384, 48, 128, 128),
}


class BasicConv3d(nn.Sequential):
    """1x1x1 convolution, batch norm, ReLU: (B, C, T, H, W) -> (B, C', T, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, momentum: float = 0.001) -> None:
        super().__init__()
        self.conv = Conv3d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm3d(out_channels, BATCH_NORM_EPS, momentum)
        self.relu = nn.ReLU(inplace=True)


class SeparableConv3d(nn.Sequential):
    """Spatial (1, k, k) convolution, then temporal (k, 1, 1) convolution, each with batch norm and ReLU.

    (B, C, T, H, W) -> (B, C', T / stride, H / stride, W / stride).
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, momentum: float = 0.001
    ) -> None:
        super().__init__()
        k, s, p = kernel, stride, kernel // 2
        self.conv_s = Conv3d(in_channels, out_channels, (1, k, k), (1, s, s), (0, p, p), bias=False)
        self.bn_s = nn.BatchNorm3d(out_channels, BATCH_NORM_EPS, momentum)
        self.relu_s = nn.ReLU(inplace=True)
        self.conv_t = Conv3d(out_channels, out_channels, (k, 1, 1), (s, 1, 1), (p, 0, 0), bias=False)
        self.bn_t = nn.BatchNorm3d(out_channels, BATCH_NORM_EPS, momentum)
        self.relu_t = nn.ReLU(inplace=True)


class Mixed(nn.Module):
    """Inception block: four branches side by side, concatenated over channels."""

    def __init__(self, block: str, width: float = 1.0, momentum: float = 0.001) -> None:
        super().__init__()
        channels, b0, b1_reduce, b1, b2_reduce, b2, b3 = (scaled(c, width) for c in MIXED[block])
        if (
            block != "3b"
        ):  # a narrow network rounds each branch, so the input is what the block before puts out
            blocks = list(MIXED)
            _, *before = (scaled(c, width) for c in MIXED[blocks[blocks.index(block) - 1]])
            channels = before[0] + before[2] + before[4] + before[5]
        self.out_channels = b0 + b1 + b2 + b3
        self.branch0 = nn.Sequential(BasicConv3d(channels, b0, momentum))
        self.branch1 = nn.Sequential(
            BasicConv3d(channels, b1_reduce, momentum), SeparableConv3d(b1_reduce, b1, 3, momentum=momentum)
        )
        self.branch2 = nn.Sequential(
            BasicConv3d(channels, b2_reduce, momentum), SeparableConv3d(b2_reduce, b2, 3, momentum=momentum)
        )
        self.branch3 = nn.Sequential(
            MaxPool3d((3, 3, 3), (1, 1, 1), (1, 1, 1)), BasicConv3d(channels, b3, momentum)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, out_channels, T, H, W)."""
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)], 1)


class S3D(nn.Module):
    """The S3D trunk. Taps for 32 frames of 192x352 at width 1, as (C, T, H, W):

    base1 (192, 16, 48, 88), base2 (480, 16, 24, 44), base3 (832, 8, 12, 22), base4 (1024, 4, 6, 11).

    Args:
        width: multiplies every channel count (rounded to multiples of 4).
        batch_norm_momentum: 0.001 as published, which suits fine-tuning; 0.1 for training from scratch, where
            a few hundred steps at 0.001 leave the running statistics near their start.

    Attributes:
        channels: of the four taps.
        time_strides: frames a position of each tap stands for.
    """

    time_strides = (2, 2, 4, 8)

    def __init__(self, width: float = 1.0, batch_norm_momentum: float = 0.001) -> None:
        super().__init__()
        momentum = batch_norm_momentum
        c64, c192 = scaled(64, width), scaled(192, width)
        self.base1 = nn.Sequential(
            SeparableConv3d(3, c64, 7, 2, momentum),
            MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            BasicConv3d(c64, c64, momentum),
            SeparableConv3d(c64, c192, 3, momentum=momentum),
        )
        self.pool2 = MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        self.base2 = nn.Sequential(*(Mixed(name, width, momentum) for name in ("3b", "3c")))
        self.pool3 = MaxPool3d((3, 3, 3), (2, 2, 2), (1, 1, 1))
        self.base3 = nn.Sequential(*(Mixed(name, width, momentum) for name in ("4b", "4c", "4d", "4e", "4f")))
        self.pool4 = MaxPool3d((2, 2, 2), (2, 2, 2))
        self.base4 = nn.Sequential(*(Mixed(name, width, momentum) for name in ("5b", "5c")))
        last = [stage[-1].out_channels for stage in (self.base2, self.base3, self.base4)]
        self.channels: tuple[int, ...] = (c192, *last)  # type: ignore[arg-type]

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Extract features.

        Args:
            frames: (B, 3, T, H, W), T a multiple of 8, H and W at least 32.

        Returns:
            the four taps, each (B, C, T / time_stride, H', W').
        """
        base1 = self.base1(frames)
        base2 = self.base2(self.pool2(base1))
        base3 = self.base3(self.pool3(base2))
        base4 = self.base4(self.pool4(base3))
        return base1, base2, base3, base4
