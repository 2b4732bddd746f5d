"""Convolution and pooling over (B, C, T, H, W), run as 2-D operations where that is the same, but faster.

A kernel that is 1 in time convolves each frame on its own, one that is 1 in space convolves each pixel's
course on its own. Both are 2-D convolutions of the same memory when channels lie innermost
(`torch.channels_last_3d`), and CPU libraries run those well where they run 3-D ones badly.
"""

from __future__ import annotations

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.framewise import each_frame, one_operation

__all__ = ["Conv3d", "MaxPool3d", "common_groups", "conv3d", "max_pool3d", "normalised"]

Triple = tuple[int, int, int]


@one_operation
def conv3d(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Triple, padding: Triple, groups: int = 1
) -> Tensor:
    """`torch.nn.functional.conv3d` with 2-D kernels on the CPU where the kernel is flat.

    Args:
        x: (B, C, T, H, W).
        weight: (C', C / groups, kT, kH, kW).
        bias: (C',) or None.
        stride: in T, H, W.
        padding: zeros at both ends of T, H, W.
        groups: of channels.

    Returns:
        (B, C', T', H', W'), channels innermost in memory for flat kernels.
    """
    kT, kH, kW = weight.shape[2:]
    if x.device.type != "cpu" or not (kT == 1 or (kH == 1 and kW == 1)):
        return F.conv3d(x, weight, bias, stride, padding, 1, groups)
    x = x.contiguous(memory_format=torch.channels_last_3d)
    if kT == 1 and padding[0] == 0:
        if stride[0] > 1:
            x = x[:, :, :: stride[0]]
        kernel = channels_last(weight[:, :, 0])
        return each_frame(lambda flat: F.conv2d(flat, kernel, bias, stride[1:], padding[1:], 1, groups), x)
    if kH == 1 and kW == 1 and stride[1:] == (1, 1) and padding[1:] == (0, 0):
        flat = x.flatten(3)
        kernel = channels_last(weight[:, :, :, 0])
        flat = F.conv2d(flat, kernel, bias, (stride[0], 1), (padding[0], 0), 1, groups)
        return flat.unflatten(3, (x.shape[3], -1))
    return F.conv3d(x, weight, bias, stride, padding, 1, groups)


def channels_last(weight: Tensor) -> Tensor:
    """(C', C, h, w) with C innermost: for a batch of one, only the kernel's layout tells the input's."""
    return weight.contiguous(memory_format=torch.channels_last)


@one_operation
def max_pool3d(x: Tensor, kernel: Triple, stride: Triple, padding: Triple) -> Tensor:
    """`torch.nn.functional.max_pool3d`, the maximum over a box taken as that over space, then over time."""
    if x.device.type != "cpu":
        return F.max_pool3d(x, kernel, stride, padding)
    x = x.contiguous(memory_format=torch.channels_last_3d)
    if kernel[1:] != (1, 1) or stride[1:] != (1, 1):
        x = each_frame(lambda flat: F.max_pool2d(flat, kernel[1:], stride[1:], padding[1:]), x)
    if kernel[0] == 1 and stride[0] == 1:
        return x
    p, s = padding[0], stride[0]
    if p:
        x = F.pad(x, (0, 0, 0, 0, p, p), value=-torch.inf)
    num_out = (x.shape[2] - kernel[0]) // s + 1
    shifted = [x[:, :, start : start + (num_out - 1) * s + 1 : s] for start in range(kernel[0])]
    return reduce(torch.maximum, shifted)


class Conv3d(nn.Conv3d):
    """`torch.nn.Conv3d` (same parameters, zero padding, no dilation) that runs `conv3d`.

    Attributes:
        sees_beyond: whether engines that let windows see the video beyond their ends let this layer see it.
    """

    sees_beyond = True

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T', H', W')."""
        return conv3d(x, self.weight, self.bias, self.stride, self.padding, self.groups)  # type: ignore[arg-type]


def normalised(layer: nn.Module, channels: int, *, eps: float = 1e-5, momentum: float = 0.1) -> nn.Sequential:
    """A layer to so many channels, batch norm, ReLU."""
    return nn.Sequential(layer, nn.BatchNorm3d(channels, eps, momentum), nn.ReLU())


def common_groups(before: int, after: int, groups: int) -> int:
    """`groups` where both numbers of channels can be divided so, else 1, as in narrow versions."""
    return groups if before % groups == 0 and after % groups == 0 else 1


class MaxPool3d(nn.Module):
    """`torch.nn.MaxPool3d` (floor mode, no dilation) that runs `max_pool3d`."""

    def __init__(self, kernel: Triple, stride: Triple, padding: Triple = (0, 0, 0)) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C, T', H', W')."""
        return max_pool3d(x, self.kernel, self.stride, self.padding)
