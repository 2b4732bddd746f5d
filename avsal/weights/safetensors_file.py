"""Safetensors files: the table of contents first, checked against the file's length, then the tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from torch import Tensor

from avsal.errors import CheckpointError

__all__ = ["TableOfContents", "TensorEntry", "read_table", "read_tensors"]

MAX_HEADER_BYTES = 16 * 2**20  # the largest of our models needs 0.1 MB
ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip


@dataclass(frozen=True)
class TensorEntry:
    """One tensor of a safetensors file.

    Attributes:
        dtype: in the format's own code, such as ``F32``.
        shape: of the tensor.
    """

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class TableOfContents:
    """What a safetensors file says it holds.

    Attributes:
        metadata: free strings.
        entries: the tensors by name.
    """

    metadata: Mapping[str, str]
    entries: Mapping[str, TensorEntry]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each tensor by name."""
        return {name: entry.shape for name, entry in self.entries.items()}


def read_table(path: Path) -> TableOfContents:
    """Read the header of a safetensors file; no tensor is touched.

    Every declared size is checked against the file's length before anything of that size is allocated.

    Raises:
        CheckpointError: the file is truncated, or its header contradicts itself or the file.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        if header_bytes > min(length - 8, MAX_HEADER_BYTES):
            raise CheckpointError(
                f"{path} is truncated or damaged: its header should have {header_bytes} bytes, "
                f"the whole file has {length}: copy it again"
            )
        raw = file.read(header_bytes)
    try:
        header: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has no readable header: it is damaged; copy it again") from error
    try:
        metadata = {str(key): str(value) for key, value in header.pop("__metadata__", {}).items()}
        entries, end = {}, 0
        for name, item in sorted(header.items(), key=lambda pair: pair[1]["data_offsets"]):
            shape, (start, stop) = tuple(item["shape"]), item["data_offsets"]
            declared = prod(shape) * ITEM_BYTES[item["dtype"]]
            if (
                any(not isinstance(side, int) or side < 0 for side in shape)
                or stop - start != declared
                or start != end
            ):
                raise CheckpointError(f"{path} is damaged: {name} does not fill its place; copy it again")
            entries[name], end = TensorEntry(item["dtype"], shape), stop
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} has a header that is not safetensors' ({error!r}): copy it again"
        ) from error
    if 8 + header_bytes + end != length:
        raise CheckpointError(
            f"{path} is truncated or damaged: its header declares {8 + header_bytes + end} bytes, "
            f"the file has {length}: copy it again"
        )
    return TableOfContents(metadata, entries)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file whose table `read_table` has accepted, on the CPU.

    Raises:
        CheckpointError: the library finds the file damaged after all.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}: copy it again") from error
