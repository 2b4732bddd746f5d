"""What a recorder of networks takes as one operation, and what it does to time (`avsal.prediction.engines`).

Functions that are marked here reach the recorder whole, by PyTorch's own protocol of overrides, instead of as
the reshapes and 2-D operations that they are made of. Without a recorder they run as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

__all__ = ["each_frame", "framewise", "is_framewise", "one_operation"]

Function = TypeVar("Function", bound=Callable[..., Any])


def one_operation(function: Function) -> Function:
    """Mark a function, or a method of a module, as one operation on whole windows."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if has_torch_function(args):
            return handle_torch_function(call, args, *args, **kwargs)
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def framewise(function: Function) -> Function:
    """Mark a function or method that treats every moment of (B, C, T, H, W) alone and alike.

    Each of its tensors has these dimensions and the same T, those of its results too.
    """
    call = one_operation(function)
    call.is_framewise = True  # type: ignore[attr-defined]
    return call


def each_frame(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """What a function of pictures, (N, C, H, W) each, gives of every moment of (B, C, T, H, W) each.

    Returns:
        (B, C', T, H', W').
    """
    pictures = function(*(x.transpose(1, 2).flatten(0, 1) for x in inputs))
    return pictures.unflatten(0, (inputs[0].shape[0], inputs[0].shape[2])).transpose(1, 2)


def is_framewise(function: object) -> bool:
    """Whether `framewise` marked it."""
    return getattr(function, "is_framewise", False)
