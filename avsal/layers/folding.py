"""Batch norm folded into the convolution before it: the same function of the input with one pass less.

In evaluation y = (conv(x) - mean) / sqrt(var + eps) * gamma + beta is a convolution with other weights. They
are computed in float64, each norm with its own eps.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

from avsal.layers.convolution import Conv3d
from avsal.layers.logmel import LogMelNet
from avsal.layers.mobilenet import LinearConv2d, NormalisedConv2d, ResidualBranch, SeparableConv2d
from avsal.layers.packed import PackedConv2d, PackedConv3d, activation_name
from avsal.layers.pyramid import Decoder, SpatialConv
from avsal.layers.s3d import BasicConv3d, SeparableConv3d
from avsal.layers.soundnet import SoundNet

__all__ = ["folded"]

# modules whose batch norms each follow the convolution that is registered before them, if there is one
FOLDED = (
    BasicConv3d,
    SeparableConv3d,
    SpatialConv,
    Decoder,
    SoundNet,
    LogMelNet,
    NormalisedConv2d,
    ResidualBranch,
    LinearConv2d,
    SeparableConv2d,
)

Module = TypeVar("Module", bound=nn.Module)
Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d


def folded(module: Module) -> Module:
    """A copy whose batch norms are folded away and whose kernels lie with channels innermost.

    S3D, MobileNetV2, the pyramids, SoundNet and the log-mel network are folded; batch norms elsewhere stay as
    they are. Convolutions of single pictures are packed for a CPU (`avsal.layers.packed`). The copy is for
    inference: its parameters take no gradients. Where nothing is folded there is no copy.

    Raises:
        ValueError: the module is in training mode, where batch norm depends on the batch.
    """
    if not any(isinstance(part, FOLDED) for part in module.modules()):
        return module
    if module.training:
        raise ValueError("expected a module in evaluation mode but it is in training mode: call .eval()")
    module = copy.deepcopy(module).requires_grad_(False)
    for part in module.modules():
        if isinstance(part, FOLDED):
            _fold_children(part)
    for part in list(module.modules()):
        _pack_children(part)
        if isinstance(part, FOLDED) and isinstance(part, nn.Sequential):
            for name, child in list(part.named_children()):
                if isinstance(child, nn.Identity):
                    delattr(part, name)
    for part in module.modules():
        if isinstance(part, nn.Conv3d):
            part.weight.data = part.weight.data.contiguous(memory_format=torch.channels_last_3d)
        elif isinstance(part, nn.Conv2d):
            part.weight.data = part.weight.data.contiguous(memory_format=torch.channels_last)
    return module


def _pack_children(part: nn.Module) -> None:
    """Convolutions of pictures are packed, in a sequence with the activation that follows."""
    names = list(part._modules)
    for place, name in enumerate(names):
        layer = part._modules[name]
        if not isinstance(layer, nn.Conv2d | nn.Conv3d) or not _packs(layer):
            continue
        activation = None
        for after in names[place + 1 :] if isinstance(part, nn.Sequential) else ():
            follower = part._modules[after]
            if isinstance(follower, nn.Identity):
                continue
            if activation_name(follower) is not None:
                activation = follower
                setattr(part, after, nn.Identity())
            break
        packs = PackedConv2d.of if isinstance(layer, nn.Conv2d) else PackedConv3d.of
        setattr(part, name, packs(layer, activation))  # type: ignore[arg-type]


def _packs(layer: nn.Conv2d | nn.Conv3d) -> bool:
    """Whether a layer is one of pictures; a subclass may have a `forward` of its own and is left alone."""
    if type(layer) not in (nn.Conv2d, nn.Conv3d, Conv3d):
        return False
    if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
        return False
    in_time = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    return isinstance(layer, nn.Conv2d) or in_time == (1, 1, 0)


def _fold_children(part: nn.Module) -> None:
    convolution: Convolution | None = None
    for name, child in list(part.named_children()):
        if isinstance(child, Convolution):
            convolution = child
        elif convolution is not None and isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            _fold(convolution, child)
            setattr(part, name, nn.Identity())
            convolution = None


def _fold(convolution: Convolution, norm: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    kind = convolution.weight.dtype
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    shift = norm.bias.double() - norm.running_mean.double() * scale
    if convolution.bias is not None:
        shift = shift + convolution.bias.double() * scale
    weight = convolution.weight.double() * scale.reshape(-1, *[1] * (convolution.weight.ndim - 1))
    convolution.weight = nn.Parameter(weight.to(kind), requires_grad=False)
    convolution.bias = nn.Parameter(shift.to(kind), requires_grad=False)
