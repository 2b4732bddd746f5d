"""3D-ResNet-50 of Hara, Kataoka and Satoh, "Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and
ImageNet?", CVPR 2018: stem and the first three of its four stages. Parameter names are the released ones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from avsal.layers.convolution import Conv3d, MaxPool3d
from avsal.layers.initialisation import he_initialise
from avsal.layers.width import scaled

__all__ = ["EXPANSION", "Bottleneck", "ResNet50"]

Triple = tuple[int, int, int]

EXPANSION = 4

#: inner channels and blocks of the stages
STAGES = ((64, 3), (128, 4), (256, 6))


class Bottleneck(nn.Module):
    """1x1x1 convolution, 3x3x3, 1x1x1 to four times the channels, added to the input.

    Args:
        channels_in: of the input.
        channels: of the inner convolutions.
        stride: of the second convolution, in T, H and W.
        spans: frames that the first and second convolution span.
        dilation: of the second convolution, in H and W.
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        stride: Triple = (1, 1, 1),
        *,
        spans: tuple[int, int] = (1, 3),
        dilation: int = 1,
    ) -> None:
        super().__init__()
        out = channels * EXPANSION
        first, second = spans
        self.conv1 = Conv3d(channels_in, channels, (first, 1, 1), 1, (first // 2, 0, 0), bias=False)
        self.bn1 = nn.BatchNorm3d(channels)
        kernel, padding = (second, 3, 3), (second // 2, dilation, dilation)
        convolution = Conv3d if dilation == 1 else nn.Conv3d
        self.conv2 = convolution(
            channels, channels, kernel, stride, padding, (1, dilation, dilation), bias=False
        )
        self.bn2 = nn.BatchNorm3d(channels)
        self.conv3 = Conv3d(channels, out, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(out)
        self.downsample: nn.Sequential | None = None
        if stride != (1, 1, 1) or channels_in != out:
            self.downsample = nn.Sequential(
                Conv3d(channels_in, out, 1, stride, bias=False), nn.BatchNorm3d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, 4 C', T', H', W'), sides divided by the stride."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = torch.relu_(self.bn1(self.conv1(x)))
        x = torch.relu_(self.bn2(self.conv2(x)))
        return torch.relu_(self.bn3(self.conv3(x)) + shortcut)


class ResNet50(nn.Module):
    """The trunk, called part by part by networks that change features between its stages.

    Of 16 frames of 112x112 the stem gives (64, 16, 56, 56), the stages (256, 8, 28, 28), (512, 4, 14, 14) and
    (1024, 2, 7, 7), as (C, T, H, W); `pool` comes before the first stage.

    Args:
        width: factor on all channel counts.

    Attributes:
        channels: of the stem and of the stages.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        stem, *inner = (scaled(c, width) for c in (64, *(c for c, _ in STAGES)))
        self.channels = (stem, *(c * EXPANSION for c in inner))
        self.conv1 = Conv3d(3, stem, 7, (1, 2, 2), 3, bias=False)
        self.bn1 = nn.BatchNorm3d(stem)
        self.pool = MaxPool3d((3, 3, 3), (2, 2, 2), (1, 1, 1))
        before = stem
        for number, (channels, (_, count)) in enumerate(zip(inner, STAGES, strict=True), start=1):
            blocks = [Bottleneck(before, channels, (1, 1, 1) if number == 1 else (2, 2, 2))]
            before = channels * EXPANSION
            blocks += [Bottleneck(before, channels) for _ in range(count - 1)]
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
        he_initialise(self)

    def stem(self, frames: Tensor) -> Tensor:
        """(B, 3, T, H, W) -> (B, C, T, H / 2, W / 2)."""
        return torch.relu_(self.bn1(self.conv1(frames)))

    def stage(self, number: int, x: Tensor) -> Tensor:
        """Stage 1 to 3 of features of the part before it; the first halves them too, by its pool."""
        if number == 1:
            x = self.pool(x)
        features: Tensor = self.get_submodule(f"layer{number}")(x)
        return features
