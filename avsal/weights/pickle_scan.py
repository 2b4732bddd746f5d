"""What a pickle would ask for, found by reading its opcodes; nothing is built, imported or called.

A state dict needs tensors, containers and numbers. Any other name in a pickle is a function or class that
unpickling would call, which is how weight files run code.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO, Any

__all__ = ["PickleScan", "forbidden", "scan"]

ALLOWED = {
    "__builtin__": {"dict", "list", "set"},  # Python 2
    "builtins": {"dict", "list", "set"},
    "collections": {"OrderedDict"},
    "torch": {
        "Size",
        "Tensor",
        "device",
        "float64",
        "float32",
        "float16",
        "bfloat16",
        "int64",
        "int32",
        "int16",
    }
    | {"int8", "uint8", "bool"},
    "torch._tensor": {"_rebuild_from_type_v2"},
    "torch._utils": {"_rebuild_parameter", "_rebuild_tensor", "_rebuild_tensor_v2"},
    "torch.nn.parameter": {"Parameter"},
    "torch.serialization": {"_get_layout"},
}
STORAGE_BYTES = {
    "Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1,
    "Bool": 1, "Untyped": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Global:
    """A dotted name that a pickle asks for."""

    name: str


@dataclass
class PickleScan:
    """What a pickle would ask for.

    Attributes:
        names: dotted names of functions and classes, in order, each once.
        storage_bytes: declared size of each tensor storage by its key.
        odd: whether a storage is declared in a way that torch.save never writes.
    """

    names: dict[str, None] = field(default_factory=dict)
    storage_bytes: dict[str, int] = field(default_factory=dict)
    odd: bool = False


def scan(stream: IO[bytes]) -> PickleScan:
    """Read the opcodes of one pickle; the stream then stands behind it.

    Raises:
        ValueError: the bytes are no pickle or end too early.
    """
    found = PickleScan()
    memo: dict[int, Any] = {}
    pushed: list[Any] = []  # strings, integers and names since the last MARK
    for opcode, argument, _ in pickletools.genops(stream):
        step(found, memo, pushed, opcode.name, argument)
    return found


def step(found: PickleScan, memo: dict[int, Any], pushed: list[Any], opcode: str, argument: Any) -> None:
    """Follow one opcode as far as names and storages need it."""
    if opcode == "MARK":
        pushed.clear()
    elif opcode in ("GLOBAL", "INST"):
        name = argument.replace(" ", ".")
        found.names[name] = None
        pushed.append(Global(name))
    elif opcode == "STACK_GLOBAL":
        name = ".".join(part if isinstance(part, str) else "?" for part in pushed[-2:])
        found.names[name] = None
        pushed[-2:] = [Global(name)]
    elif opcode == "BINPERSID":
        kind, size = storage(pushed)
        if kind is None:
            found.odd = True
        else:
            found.storage_bytes[kind] = max(size, found.storage_bytes.get(kind, 0))
    elif opcode == "PERSID":
        found.odd = True
    elif opcode in ("BINPUT", "LONG_BINPUT", "PUT"):
        memo[int(argument)] = pushed[-1] if pushed else None
    elif opcode == "MEMOIZE":
        memo[len(memo)] = pushed[-1] if pushed else None
    elif opcode in ("BINGET", "LONG_BINGET", "GET"):
        pushed.append(memo.get(int(argument)))
    elif opcode in ("POP", "POP_MARK", "DUP", "REDUCE", "BUILD"):
        pushed.append(None)  # what now lies on top is not followed
    elif isinstance(argument, str | int) and opcode not in ("PROTO", "FRAME"):
        pushed.append(argument)


def storage(pushed: list[Any]) -> tuple[str | None, int]:
    """Key and size in bytes of the storage that (storage, class, key, place, number of items) declares.

    Old files add where a view lies in it: (key, first item, number of items).
    """
    match pushed:
        case ["storage", Global(name), str(key), str(), int(items), *view] if items >= 0:
            if not view or [type(part) for part in view] == [str, int, int]:
                item_bytes = STORAGE_BYTES.get(name.rpartition(".")[2].removesuffix("Storage"), 8)
                return key, items * item_bytes
    return None, 0


def forbidden(names: Iterable[str]) -> list[str]:
    """Those of the dotted names that a state dict has no need of."""
    return [name for name in names if not is_allowed(name)]


def is_allowed(name: str) -> bool:
    """Whether a dotted name belongs to tensors, containers or numbers."""
    module, _, last = name.rpartition(".")
    kind = last.removesuffix("Storage")
    is_storage = kind != last and kind in STORAGE_BYTES and module in ("torch", "torch.storage", "torch.cuda")
    return is_storage or last in ALLOWED.get(module, ())
