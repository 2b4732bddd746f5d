"""Convolutions for inference on a CPU: kernels laid out once, activations applied as results are stored.

PyTorch's own convolutions lay their kernels out anew at every call, and an activation passes over the result
once more: a third of MobileNetV2's time on single pictures. These call the operators of oneDNN that
`torch.compile` calls. The sums are the same up to their order.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.framewise import framewise, one_operation

__all__ = ["PackedConv2d", "PackedConv3d", "activation_name"]

#: what oneDNN calls an activation, and its numbers
ACTIVATIONS: dict[type[nn.Module], tuple[str, list[float]]] = {
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
}


def activation_name(module: nn.Module | None) -> tuple[str, list[float]] | None:
    """How oneDNN is told of an activation that can be applied as results are stored; None where none can."""
    return ("none", []) if module is None else ACTIVATIONS.get(type(module))


@cache
def there(kind: torch.dtype) -> bool:
    """Whether this build of PyTorch has the operators for a kind of numbers, and they do what is expected."""
    if kind not in (torch.float32, torch.bfloat16) or not torch.backends.mkldnn.is_available():
        return False
    x, weight = torch.ones(1, 1, 3, 3, dtype=kind), torch.full((1, 1, 3, 3), 0.5, dtype=kind)
    try:
        sizes = [1, 1], [1, 1], [1, 1], 1
        packed = pack(weight, *sizes, x.shape)
        found = convolve(x, packed, None, *sizes, *ACTIVATIONS[nn.ReLU6])
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return False
    return bool(torch.equal(found, F.conv2d(x, weight, padding=1)))


def pack(
    weight: Tensor, padding: list[int], stride: list[int], dilation: list[int], groups: int, shape: torch.Size
) -> Tensor:
    """A kernel as oneDNN wants it for inputs of a shape."""
    reorder: Any = torch.ops.mkldnn._reorder_convolution_weight
    return cast(Tensor, reorder(weight.contiguous(), padding, stride, dilation, groups, list(shape)))


def convolve(x: Tensor, packed: Tensor, bias: Tensor | None, *how: Any) -> Tensor:
    """Padding, stride, dilation, groups, an activation and its numbers follow."""
    return cast(Tensor, torch.ops.mkldnn._convolution_pointwise(x, packed, bias, *how, ""))


def channels_innermost(x: Tensor) -> Tensor:
    """(B, C, H, W) with C innermost in memory, and strides that say so for a batch of one, too."""
    x = x.contiguous(memory_format=torch.channels_last)
    _, C, H, W = x.shape
    strides = (H * W * C, 1, W * C, C)
    return x if x.stride() == strides else x.as_strided(x.shape, strides)


class PackedConv2d(nn.Conv2d):
    """A `torch.nn.Conv2d` for inference, and the activation after it; channels lie innermost in its result.

    Where oneDNN is not at hand (a GPU, half precision, another build), it runs as PyTorch's own.
    """

    activation: nn.Module | None
    _packed: tuple[Any, tuple[Any, ...]] | None = None

    @classmethod
    def of(cls, layer: nn.Conv2d | nn.Conv3d, activation: nn.Module | None = None) -> PackedConv2d:
        """A layer with the parameters of another, without its time, and an activation."""
        made = like(layer, cls, dimensions=2)
        made.weight = nn.Parameter(layer.weight.reshape(made.weight.shape), requires_grad=False)
        made.activation = activation
        return made

    @one_operation
    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        return self.run(x)

    def run(self, x: Tensor) -> Tensor:
        """See `forward`."""
        kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        traced = torch.compiler.is_compiling()  # or exporting
        if x.device.type != "cpu" or traced or torch.is_grad_enabled() or not (there(kind) and x.numel()):
            result = super().forward(x)
            return result if self.activation is None else self.activation(result)
        x = channels_innermost(x.to(kind))
        if self._packed is None or self._packed[0] != (kind, x.shape[1:]):
            assert not isinstance(self.padding, str)
            how = list(self.padding), list(self.stride), list(self.dilation), self.groups
            kernel = pack(self.weight.to(kind), *how, x.shape)
            bias, name = None if self.bias is None else self.bias.to(kind), activation_name(self.activation)
            assert name is not None
            self._packed = (kind, x.shape[1:]), (kernel, bias, *how, *name)
        return convolve(x, *self._packed[1])


class PackedConv3d(nn.Conv3d):
    """A `torch.nn.Conv3d` whose kernel, stride and padding in time are 1, 1 and 0, as `PackedConv2d`."""

    flat: PackedConv2d

    @classmethod
    def of(cls, layer: nn.Conv3d, activation: nn.Module | None = None) -> PackedConv3d:
        """See `PackedConv2d.of`."""
        made = like(layer, cls, dimensions=3)
        made.weight, made.flat = layer.weight, PackedConv2d.of(layer, activation)
        return made

    @framewise
    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> (B, C', T, H', W')."""
        B, T = x.shape[0], x.shape[2]
        x = x.contiguous(memory_format=torch.channels_last_3d)
        return self.flat.run(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (B, T)).transpose(1, 2)


def like(layer: nn.Conv2d | nn.Conv3d, kind: Any, *, dimensions: int) -> Any:
    """A layer of another kind with the sizes and the bias of one, of the last of its dimensions."""
    sizes: Any = layer.kernel_size, layer.stride, layer.padding, layer.dilation
    sizes = [size[-dimensions:] for size in sizes]
    channels, rest = (layer.in_channels, layer.out_channels), (layer.groups, layer.bias is not None)
    made = kind(*channels, *sizes, *rest, device="meta").eval()
    made.bias = layer.bias
    return made
