"""How a state dict differs from the network it should fit: names, shapes and numbers, in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from avsal.errors import CheckpointError

__all__ = ["check_numbers", "describe_mismatch", "listed", "non_finite", "shapes"]

MAX_LISTED, MAX_NAME = 5, 100


def listed(names: Iterable[str]) -> str:
    """The first few names, long ones cut, and how many more there are."""
    names = [name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}..." for name in names]
    more = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")


def describe_mismatch(
    expected: Mapping[str, Iterable[int]], found: Mapping[str, Iterable[int]]
) -> str | None:
    """Compare names and shapes.

    Args:
        expected: shape by name, as the network has it.
        found: shape by name, as the file has it.

    Returns:
        One line that counts and lists missing, unexpected and misshapen tensors; None where all agree.
    """
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    parts = []
    if missing:
        parts.append(f"{len(missing)} missing ({listed(missing)})")
    if unexpected:
        parts.append(f"{len(unexpected)} left over ({listed(unexpected)})")
    misshapen = []
    for name in expected:
        if name in found and tuple(found[name]) != tuple(expected[name]):
            wanted, got = tuple(expected[name]), tuple(found[name])
            transposed = len(wanted) > 1 and sorted(wanted) == sorted(got)
            misshapen.append(
                f"{name} should be {wanted} but is {got}" + (", transposed?" if transposed else "")
            )
    if misshapen:
        parts.append(f"{len(misshapen)} of another shape ({listed(misshapen)})")
    if not parts:
        return None
    same = len(missing) == len(unexpected) == 1 and tuple(expected[missing[0]]) == tuple(found[unexpected[0]])
    return "; ".join(parts) + (f"; was {missing[0]} renamed to {unexpected[0]}?" if same else "")


def non_finite(tensors: Mapping[str, Tensor]) -> list[str]:
    """Names of the tensors that hold NaN or infinity."""
    return [
        name for name, x in tensors.items() if x.is_floating_point() and not bool(torch.isfinite(x).all())
    ]


def check_numbers(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str) -> set[str]:
    """Check that tensors of the right names hold numbers of the right kind, none of them NaN or infinite.

    Args:
        found: tensors as the file has them.
        expected: tensors of the network, under the same names.
        source: source of the tensors, for messages.

    Returns:
        Types that differ from the network's only in precision.

    Raises:
        CheckpointError: floating-point and whole numbers are confused, or a value is not finite.
    """
    other = [name for name, x in found.items() if x.is_floating_point() != expected[name].is_floating_point()]
    if other:
        kinds = f"expected {expected[other[0]].dtype}, found {found[other[0]].dtype}"
        raise CheckpointError(f"{source} holds another kind of number: {kinds} in {listed(other)}")
    broken = non_finite(found)
    if broken:
        raise CheckpointError(f"{source} holds NaN or infinity in {len(broken)} tensors: {listed(broken)}")
    return {str(x.dtype) for name, x in found.items() if x.dtype != expected[name].dtype}


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor by name."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
