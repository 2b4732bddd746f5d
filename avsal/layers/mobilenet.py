"""MobileNetV2 (Sandler et al., CVPR 2018, Table 2) as a feature extractor for pictures.

2,223,872 parameters without the classifier at width 1. Submodules carry torchvision's names (`features.0` to
`features.18`), so the published ImageNet weights map onto it one to one. The paper leaves the padding open;
as in the published networks, 3x3 kernels pad one pixel on every side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.width import scaled

__all__ = [
    "InvertedResidual",
    "LinearConv2d",
    "MobileNetV2",
    "NormalisedConv2d",
    "ResidualBranch",
    "SeparableConv2d",
]

#: expansion, channels, blocks, stride of the first block
BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM, LAST = 32, 1280

Norm = Callable[[int], nn.Module]


class NormalisedConv2d(nn.Sequential):
    """Convolution (0), batch norm (1), ReLU6 (2); padded so that stride 1 keeps the size."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        norm: Norm = nn.BatchNorm2d,
    ) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False),
            norm(out_channels),
            nn.ReLU6(inplace=True),
        )


class LinearConv2d(nn.Sequential):
    """1x1 convolution (0) and batch norm (1)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels))


class SeparableConv2d(nn.Sequential):
    """Depthwise k x k convolution, 1x1 convolution, batch norm, ReLU: (B, C, H, W) -> (B, C', H, W)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, kernel, padding=kernel // 2, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)


class ResidualBranch(nn.Sequential):
    """What an inverted residual adds to its input; batch norms follow the convolutions before them."""


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, 1x1 linear projection; the input is added where shapes allow.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        stride: of the depthwise convolution.
        expansion: hidden channels are `in_channels` times this; without expansion (1) the first convolution
            is left out.
        norm: builds a normalisation for a number of channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        expansion: int = 6,
        norm: Norm = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        hidden = in_channels * expansion
        expand = [NormalisedConv2d(in_channels, hidden, 1, norm=norm)] if expansion != 1 else []
        parts: list[nn.Module] = [
            *expand,
            NormalisedConv2d(hidden, hidden, 3, stride, hidden, norm),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            norm(out_channels),
        ]
        self.conv = ResidualBranch(*parts)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride), rounded up."""
        return x + self.conv(x) if self.residual else self.conv(x)

    def dense(self, x: Tensor) -> Tensor:
        """With stride 1, (B, C, H, W) -> (B, C', H, W): every `stride`-th place is what `forward` gives."""
        depthwise = self.conv[-3]
        assert isinstance(depthwise, NormalisedConv2d)
        convolution, *after = depthwise
        assert isinstance(convolution, nn.Conv2d)
        x = self.conv[:-3](x)
        x = F.conv2d(x, convolution.weight, None, 1, convolution.padding, groups=convolution.groups)
        for layer in (*after, *list(self.conv)[-2:]):
            x = layer(x)
        return x


class MobileNetV2(nn.Module):
    """The convolution layers of MobileNetV2. Taps for 192x256 pixels at width 1, as (C, H, W):

    features.3 (24, 48, 64), features.6 (32, 24, 32), features.13 (96, 12, 16), features.17 (320, 6, 8).

    Args:
        width: multiplies every channel count (rounded to multiples of 4).
        last: whether `features.18`, the 1x1 convolution to 1,280 channels, is there.

    Attributes:
        channels: of the four taps.
        out_channels: of every stage, `features.0` first.
    """

    #: stages whose outputs `forward` gives: the last ones before the size is halved, at strides 4, 8, 16, 32
    taps = (3, 6, 13, 17)
    strides = (4, 8, 16, 32)

    def __init__(self, width: float = 1.0, *, last: bool = False) -> None:
        super().__init__()
        channels = scaled(STEM, width)
        stages: list[nn.Module] = [NormalisedConv2d(3, channels, stride=2)]
        counts = [channels]
        for expansion, out, repeats, stride in BLOCKS:
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                stages.append(InvertedResidual(channels, scaled(out, width), step, expansion))
                channels = scaled(out, width)
                counts.append(channels)
        if last:
            stages.append(NormalisedConv2d(channels, scaled(LAST, width), 1))
            counts.append(scaled(LAST, width))
        self.features = nn.Sequential(*stages)
        self.out_channels = tuple(counts)
        self.channels = tuple(counts[tap] for tap in self.taps)

    def stages(self, images: Tensor, dense: Collection[int] = ()) -> Iterator[Tensor]:
        """The output of every stage, `features.0` first.

        Args:
            images: (B, 3, H, W), RGB normalised with ImageNet's mean and deviation for the published weights.
            dense: stages of 2, 4, 7 and 14 whose output is wanted before its sides are halved.

        Yields:
            (B, C, H', W'); sides are halved, rounded up, by stages 0, 2, 4, 7 and 14.
        """
        x = images
        for index, stage in enumerate(self.features):
            if index in dense:
                assert isinstance(stage, InvertedResidual)  # the stem is none
                x = stage.dense(x)
                yield x
                x = x[..., ::2, ::2]
            else:
                x = stage(x)
                yield x

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) -> the four taps at strides 4, 8, 16 and 32; see `stages`."""
        outputs = list(self.stages(images))
        return tuple(outputs[tap] for tap in self.taps)
