"""What stands in where there are torch and numpy alone; `prepare` before anything of avsal is imported."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor

ROOT = Path(__file__).parents[1]


def prepare() -> list[str]:
    """Find avsal in the checkout, and put stand-ins in the place of what is missing; their names."""
    sys.path.insert(0, str(ROOT))
    sys.path.insert(0, str(Path(__file__).parent))
    stands_in = []
    if find_spec("einops") is None:
        module: Any = ModuleType("einops")
        module.rearrange = rearrange
        sys.modules["einops"] = module
        stands_in.append("einops")
    if any(find_spec(name) is None for name in ("av", "PIL", "h5py", "scipy")):
        # the readers of data sets want libraries; what makes videos does not
        for name in ("datasets_av", "datasets_av.sounding_objects"):
            package = ModuleType(name)
            package.__path__ = [str(ROOT.joinpath(*name.split(".")))]
            sys.modules[name] = package
        stands_in.append("datasets_av without its readers")
    return stands_in


def rearrange(x: Tensor, pattern: str, **sizes: int) -> Tensor:
    """einops' `rearrange` of named axes, groups in brackets, and 1 for a new axis or one that goes.

    Args:
        x: of the axes on the pattern's left.
        pattern: such as ``b c t h w -> (b t) c h w``.
        **sizes: of axes within groups on the left; all but one of a group.
    """
    left, right = (groups(side) for side in pattern.split("->"))
    shape: list[int] = []
    for axes, size in zip(left, x.shape, strict=True):
        known = 1
        for axis in axes:
            known *= sizes.get(axis, 1)
        shape += [size if len(axes) == 1 else sizes.get(axis, size // known) for axis in axes]
    names = [axis for axes in left for axis in axes]
    lengths = dict(zip(names, shape, strict=True))
    wanted = [axis for axes in right for axis in axes]
    x = x.reshape(shape).permute([names.index(axis) for axis in wanted])
    merged = []
    for axes in right:
        length = 1
        for axis in axes:
            length *= lengths[axis]
        merged.append(length)
    return x.reshape(merged)


def groups(side: str) -> list[list[str]]:
    """The axes of each dimension: ``(b t) c 1`` is ``[[b, t], [c], []]``."""
    found: list[list[str]] = []
    inside = False
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word in "()":
            inside = word == "("
            if inside:
                found.append([])
        elif inside:
            found[-1].append(word)
        else:
            found.append([] if word == "1" else [word])
    return found
