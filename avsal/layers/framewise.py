"""What a recorder of networks takes as one operation, and what it does to time (`avsal.prediction.engines`).

Functions that are marked here reach the recorder whole, by PyTorch's own protocol of overrides, instead of as
the reshapes and 2-D operations that they are made of. Without a recorder they run as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from torch.overrides import handle_torch_function, has_torch_function

__all__ = ["framewise", "is_framewise", "one_operation"]

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


def is_framewise(function: object) -> bool:
    """Whether `framewise` marked it."""
    return getattr(function, "is_framewise", False)
