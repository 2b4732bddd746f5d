"""Residual networks of 18 layers over space and time: R3D-18, MC3-18 and R(2+1)D-18.

After Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018. Layers
and parameter names are those of torchvision's `r3d_18`, `mc3_18` and `r2plus1d_18`, so that their published
Kinetics-400 weights fit key by key once the two keys of the classifier `fc` are left out. Those weights
expect RGB in [0, 1] minus (0.43216, 0.394666, 0.37645), divided by (0.22803, 0.22145, 0.216989).
"""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn

from avsal.layers.convolution import Conv3d
from avsal.layers.initialisation import he_initialise
from avsal.layers.width import scaled

__all__ = ["KINETICS_MEAN", "KINETICS_STD", "BasicBlock", "Kind", "VideoResNet"]

KINETICS_MEAN = (0.43216, 0.394666, 0.37645)
KINETICS_STD = (0.22803, 0.22145, 0.216989)

#: output channels of the four stages
STAGES = (64, 128, 256, 512)

Kind = Literal["r3d_18", "mc3_18", "r2plus1d_18"]


def full(channels_in: int, channels_out: int, stride: int) -> nn.Module:
    """3x3x3 convolution."""
    return Conv3d(channels_in, channels_out, 3, stride, 1, bias=False)


def spatial(channels_in: int, channels_out: int, stride: int) -> nn.Module:
    """1x3x3 convolution, which never strides in time."""
    return Conv3d(channels_in, channels_out, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)


def factorised(channels_in: int, channels_out: int, stride: int, middle: int) -> nn.Module:
    """1x3x3 convolution to `middle` channels, batch norm, ReLU, 3x1x1 convolution."""
    return nn.Sequential(
        spatial(channels_in, middle, stride),
        nn.BatchNorm3d(middle),
        nn.ReLU(),
        Conv3d(middle, channels_out, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
    )


class BasicBlock(nn.Module):
    """Two convolutions with batch norm, added to the input, then ReLU.

    Args:
        kind: decides the convolutions.
        stage: 0 to 3; MC3 convolves in time only in stage 0.
        channels_in: of the input.
        channels_out: of the output.
        stride: of the first convolution in space, and in time where it spans time.
        project: whether the input passes a 1x1x1 convolution with batch norm before the sum.
    """

    def __init__(
        self, kind: Kind, stage: int, channels_in: int, channels_out: int, stride: int, project: bool
    ) -> None:
        super().__init__()
        # as many weights as a full 3x3x3 convolution; both convolutions use the number of the first one
        middle = (27 * channels_in * channels_out) // (9 * channels_in + 3 * channels_out)
        time_only_first = kind == "mc3_18" and stage > 0

        def convolution(channels: int, stride: int) -> nn.Module:
            if kind == "r2plus1d_18":
                return factorised(channels, channels_out, stride, middle)
            return (spatial if time_only_first else full)(channels, channels_out, stride)

        self.conv1 = nn.Sequential(convolution(channels_in, stride), nn.BatchNorm3d(channels_out), nn.ReLU())
        self.conv2 = nn.Sequential(convolution(channels_out, 1), nn.BatchNorm3d(channels_out))
        self.downsample: nn.Sequential | None = None
        if project:
            strides = (1 if time_only_first else stride, stride, stride)
            self.downsample = nn.Sequential(
                Conv3d(channels_in, channels_out, 1, strides, bias=False), nn.BatchNorm3d(channels_out)
            )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T', H', W')."""
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.conv2(self.conv1(x)) + shortcut)


class VideoResNet(nn.Module):
    """A stem and four stages of two blocks. Outputs of the stages for 16 frames of 112x112 as (C, T, H, W):

    (64, 16, 56, 56), (128, 8, 28, 28), (256, 4, 14, 14), (512, 2, 7, 7); MC3 keeps T = 16 throughout. Sizes
    that do not halve are rounded up.

    Args:
        kind: which network.
        project_first: whether the first stage, too, starts with a projection, as in the network that was
            published with weights of Sports-1M (R3D-18 then has 33,170,496 parameters instead of 33,166,272).
        width: factor on all channel counts.

    Attributes:
        channels: of the four stages.
    """

    def __init__(self, kind: Kind = "r3d_18", *, project_first: bool = False, width: float = 1.0) -> None:
        super().__init__()
        if kind not in get_args(Kind):
            raise ValueError(f"`kind` must be one of {', '.join(get_args(Kind))} but is {kind!r}")
        self.channels = tuple(scaled(published, width) for published in STAGES)
        first = self.channels[0]
        if kind == "r2plus1d_18":
            middle = scaled(45, width)
            self.stem = nn.Sequential(
                Conv3d(3, middle, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
                nn.BatchNorm3d(middle),
                nn.ReLU(),
                Conv3d(middle, first, (3, 1, 1), 1, (1, 0, 0), bias=False),
                nn.BatchNorm3d(first),
                nn.ReLU(),
            )
        else:
            self.stem = nn.Sequential(
                Conv3d(3, first, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False),
                nn.BatchNorm3d(first),
                nn.ReLU(),
            )

        def stage(index: int) -> nn.Sequential:
            before, after = self.channels[max(index - 1, 0)], self.channels[index]
            stride = 1 if index == 0 else 2
            return nn.Sequential(
                BasicBlock(kind, index, before, after, stride, project=index > 0 or project_first),
                BasicBlock(kind, index, after, after, 1, project=False),
            )

        self.layer1 = stage(0)
        self.layer2 = stage(1)
        self.layer3 = stage(2)
        self.layer4 = stage(3)
        he_initialise(self)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features of all four stages.

        Args:
            frames: (B, 3, T, H, W).

        Returns:
            The outputs of `layer1` to `layer4`, each (B, C, T', H', W').
        """
        x1 = self.layer1(self.stem(frames))
        x2 = self.layer2(x1)
        x3 = self.layer3(x2)
        return x1, x2, x3, self.layer4(x3)
