"""What operations do to time: nothing, something to every moment alone, something local, or anything else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from avsal.layers.convolution import Conv3d, MaxPool3d, conv3d, max_pool3d
from avsal.layers.framewise import is_framewise
from avsal.prediction.engines.combine import Combination, Convolution, Maximum
from avsal.prediction.engines.stage import Call

__all__ = ["acts_framewise", "changes_nothing", "local_parts", "time_index"]

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Hardswish)
CONVOLUTIONS = (nn.Conv3d, Conv3d)
#: what changes nothing in evaluation
NOTHING = (nn.Identity, nn.Dropout, nn.Dropout3d)
#: functions of single values, by name, with or without underscores around it
POINTWISE = {
    "relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "exp", "log", "sqrt", "abs",
    "neg", "square", "clamp", "clamp_min", "add", "sub", "mul", "div", "truediv", "maximum", "minimum",
    "float", "radd", "rsub", "rmul", "rtruediv", "iadd", "isub", "imul", "itruediv",
}  # fmt: skip


def changes_nothing(target: Callable[..., Any]) -> bool:
    """Whether an operation gives what it was given."""
    return isinstance(target, NOTHING) or getattr(target, "__name__", "") in ("contiguous", "dropout")


def time_index(index: Any) -> slice | list[int] | int | None:
    """What an index takes of time alone, of (B, C, T, H, W)."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(part is None for part in parts):
        return None
    if Ellipsis in [part for part in parts if part is Ellipsis]:
        at = next(i for i, part in enumerate(parts) if part is Ellipsis)
        parts[at : at + 1] = [slice(None)] * (6 - len(parts))
    parts += [slice(None)] * (5 - len(parts))
    if len(parts) != 5 or any(part != slice(None) for i, part in enumerate(parts) if i != 2):
        return None
    chosen = parts[2]
    if isinstance(chosen, slice):
        return None if chosen == slice(None) or (chosen.step or 1) < 0 else chosen
    if isinstance(chosen, list) and all(type(one) is int for one in chosen):
        return chosen
    return chosen if type(chosen) is int else None


def acts_framewise(call: Call) -> bool:
    """Whether an operation treats every moment alone and alike."""
    target, args = call.target, call.args
    name = getattr(target, "__name__", "")
    if is_framewise(target) or isinstance(target, (*ACTIVATIONS, nn.BatchNorm3d)):
        return not (isinstance(target, nn.BatchNorm3d) and target.training)
    if type(target) in (*CONVOLUTIONS, nn.ConvTranspose3d):
        assert isinstance(target, nn.Conv3d | nn.ConvTranspose3d)
        padding = target.padding[0] if isinstance(target.padding, tuple) else None
        return (target.kernel_size[0], target.stride[0], padding, target.output_padding[0]) == (1, 1, 0, 0)
    if name == "__getitem__":  # of height and width
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        inside = [part for part in index if part is not Ellipsis]
        sides = index[-2:] if Ellipsis in index[:1] else index[3:]
        return len(inside) == len([part for part in sides if isinstance(part, slice)]) <= 2
    if name == "pad":
        return len(args[1]) <= 4 and len(args) + len(call.kwargs) <= 4
    if name.strip("_") not in POINTWISE:
        return False
    constants = [value for value in (*args, *call.kwargs.values()) if isinstance(value, Tensor)]
    return all(one.ndim < 3 or one.shape[-3] == 1 for one in constants)


def local_parts(
    call: Call,
) -> tuple[Callable[[Tensor], Tensor] | None, Combination, tuple[int, int, int, int]] | None:
    """An operation over a few neighbouring moments: what it does in space alone before, how it joins moments,
    and kernel, stride, padding and dilation in time."""
    target: Any = call.target
    given: Any = call.args
    kernel: Any
    stride: Any
    padding: Any
    if type(target) in CONVOLUTIONS or target in (conv3d, F.conv3d):
        if isinstance(target, nn.Conv3d):
            layer = target
            given = (
                None,
                layer.weight,
                layer.bias,
                layer.stride,
                layer.padding,
                layer.dilation,
                layer.groups,
            )
            if acts_framewise(call) or target.padding_mode != "zeros" or isinstance(target.padding, str):
                return None
        elif target is conv3d:
            given = (*given[:5], 1, *given[5:])
        defaults: tuple[Any, ...] = (None, 1, 0, 1, 1)
        weight, bias, stride, padding, dilation, groups = given[1:] + defaults[len(given) - 2 :]
        if call.kwargs or not isinstance(weight, Tensor) or isinstance(padding, str):
            return None
        sizes = [in_all(size) for size in (stride, padding, dilation)]
        joins = Convolution(weight, bias, sizes[0][1:], sizes[1][1:], sizes[2][1:], groups)
        return None, joins, (weight.shape[2], sizes[0][0], sizes[1][0], sizes[2][0])
    if isinstance(target, MaxPool3d):
        kernel, stride, padding = target.kernel, target.stride, target.padding
    elif target is max_pool3d:
        kernel, stride, padding = call.args[1:]
    elif type(target) is nn.MaxPool3d and not target.ceil_mode and not target.return_indices:
        kernel, stride, padding = (in_all(one) for one in (target.kernel_size, target.stride, target.padding))
        if in_all(target.dilation) != (1, 1, 1):
            return None
    else:
        return None
    before = None
    if (kernel[1:], stride[1:]) != ((1, 1), (1, 1)):
        flat = [(one, *size[1:]) for one, size in ((1, kernel), (1, stride), (0, padding))]
        before = partial(max_pool3d, kernel=flat[0], stride=flat[1], padding=flat[2])
    return before, Maximum(), (kernel[0], stride[0], padding[0], 1)


def in_all(size: int | tuple[int, ...]) -> tuple[int, ...]:
    """A size in T, H and W."""
    return (size,) * 3 if isinstance(size, int) else tuple(size)
