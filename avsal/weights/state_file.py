"""State dicts out of other people's files: PyTorch's two formats, safetensors, NumPy. No file's code is run.

Sizes that a file declares are compared with its length before memory of that size is taken.
"""

from __future__ import annotations

import pickle
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from avsal.errors import CheckpointError
from avsal.weights.filetype import file_kind
from avsal.weights.mismatch import listed
from avsal.weights.pickle_scan import forbidden, scan
from avsal.weights.safetensors_file import read_table, read_tensors

__all__ = ["WRAPPERS", "StateFile", "read_state"]

#: keys under which training scripts put the state dict, in the order in which they are tried
WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params")

MAX_UNPACKED_BYTES = 4 * 2**30  # of a packed NumPy archive, whose length on disk bounds nothing
PICKLES_BEFORE_DATA = 5  # in torch.save's old format: magic, version, system, object, keys; then the numbers
#: what the parsers of zip, pickle and NumPy raise on damaged bytes (seen by changing bytes at random)
DAMAGE = (
    *(AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError),
    *(TypeError, ValueError, pickle.UnpicklingError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class StateFile:
    """The tensors of a weight file.

    Attributes:
        tensors: by name, as in the file.
        metadata: of a safetensors file.
        notes: what was done or left out on the way, for people.
    """

    tensors: dict[str, Tensor]
    metadata: Mapping[str, str]
    notes: tuple[str, ...]


def read_state(path: Path) -> StateFile:
    """Read a state dict from .pt, .pth, .tar (torch.save), .safetensors or .npz; the suffix does not matter.

    Raises:
        CheckpointError: no such file, a file of another kind, a damaged file, or a pickle that wants to run
            code, which is named.
    """
    kind = file_kind(path)
    if kind == "safetensors":
        table = read_table(path)
        return StateFile(read_tensors(path), table.metadata, ())
    if kind == "npy":
        raise CheckpointError(
            f"{path} holds one NumPy array, which has no tensor names (a dict in .npy is a pickle that could "
            "run code): save the arrays by name with numpy.savez"
        )
    with damage_reported(path):
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                if is_numpy(archive):
                    return StateFile(read_numpy(archive, path), {}, ())
                check_torch_archive(archive, path)
        else:
            with path.open("rb") as file:
                for _ in range(PICKLES_BEFORE_DATA if kind == "torch" else 1):
                    check_pickle(file, path)
        if kind == "pickle":
            raise CheckpointError(f"{path} is a bare pickle: save model.state_dict() with torch.save instead")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other pickle protocols: they load or they do not
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    tensors, notes = unwrap(loaded, path)
    return StateFile(tensors, {}, notes)


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn what parsers raise on damaged files into a CheckpointError."""
    try:
        yield
    except DAMAGE as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise CheckpointError(f"{path} is truncated or damaged ({reason}): copy it again") from error


def unwrap(loaded: Any, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state dict within what torch.save wrote, and a note on what else is there."""
    if not isinstance(loaded, Mapping):
        raise CheckpointError(
            f"{path} holds a {type(loaded).__name__}, not a state dict: save model.state_dict()"
        )
    notes = []
    for _ in range(2):  # a training script's dict around a framework's
        key = next((key for key in WRAPPERS if isinstance(loaded.get(key), Mapping)), None)
        if key is None:
            break
        others = [str(other) for other in loaded if other != key]
        left_out = f"; left out {listed(others)}" if others else ""
        notes.append(f"the state dict is under {key!r}{left_out}")
        loaded = loaded[key]
    other = [str(name) for name, value in loaded.items() if not isinstance(value, Tensor)]
    if other or not loaded:
        found = f"found other values: {listed(other)}" if other else "found nothing"
        raise CheckpointError(f"{path} holds no state dict: expected tensors by name, {found}")
    tensors = {str(name): tensor.detach() for name, tensor in loaded.items()}
    for name, tensor in tensors.items():
        dense = tensor.layout == torch.strided and not tensor.is_quantized and tensor.device.type == "cpu"
        if not dense or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise CheckpointError(
                f"{path} holds {name} in a form that is no plain array: save it as a dense tensor"
            )
    return tensors, tuple(notes)


def check_torch_archive(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse archives that torch.save did not write, that hold code, or that unpack beyond their size."""
    names = archive.namelist()
    pickles = [name for name in names if name.endswith("/data.pkl")]
    if any("/code/" in name or name.endswith("/constants.pkl") for name in names):
        raise CheckpointError(f"{path} is a TorchScript program, not weights: save its state_dict() instead")
    if len(pickles) != 1 or len(set(names)) != len(names):
        raise CheckpointError(
            f"{path} is an archive that neither torch.save nor NumPy wrote: name the file in it"
        )
    packed = any(item.compress_type != zipfile.ZIP_STORED for item in archive.infolist())
    if packed or sum(item.file_size for item in archive.infolist()) > path.stat().st_size:
        raise CheckpointError(
            f"{path} would unpack to more than its size, which torch.save never does: not read"
        )
    with archive.open(pickles[0]) as file:
        check_pickle(file, path)


def check_pickle(file: IO[bytes], path: Path) -> None:
    """Refuse a pickle that wants more than tensors, or that declares more data than the file holds."""
    found = scan(file)
    names = forbidden(found.names)
    if names:
        raise CheckpointError(
            f"{path} is refused: reading it would run {listed(names)}; where you trust its maker, save only "
            "model.state_dict() there"
        )
    if found.odd or sum(found.storage_bytes.values()) > path.stat().st_size:
        raise CheckpointError(
            f"{path} declares more data than it holds: it is truncated or damaged; copy it again"
        )


def is_numpy(archive: zipfile.ZipFile) -> bool:
    """Whether the archive holds nothing but .npy files."""
    names = archive.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


def read_numpy(archive: zipfile.ZipFile, path: Path) -> dict[str, Tensor]:
    """The arrays of an .npz archive, their declared sizes checked first."""
    total = sum(item.file_size for item in archive.infolist())
    if total > MAX_UNPACKED_BYTES:
        raise CheckpointError(
            f"{path} would unpack to {total} bytes, more than any network here has: not read"
        )
    tensors = {}
    try:
        for item in archive.infolist():
            name = item.filename.removesuffix(".npy")
            with archive.open(item) as file:
                tensors[name] = read_array(file, item.file_size, f"{name} in {path}")
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise CheckpointError(f"{path} is truncated or damaged ({error}): copy it again") from error
    return tensors


def read_array(file: IO[bytes], file_bytes: int, what: str) -> Tensor:
    """One .npy file within an archive."""
    version = np.lib.format.read_magic(file)
    if version not in HEADER_READERS:
        raise ValueError(f"{what} has NumPy format {version}")
    shape, fortran, dtype = HEADER_READERS[version](file)
    if dtype.kind not in "fiub":
        kind = "Python objects, a pickle that could run code" if dtype.hasobject else f"{dtype}"
        raise CheckpointError(f"{what} holds {kind}: expected numbers")
    count = prod(shape)
    if count * dtype.itemsize > file_bytes:
        raise ValueError(f"{what} declares more numbers than it holds")
    flat = np.frombuffer(file.read(count * dtype.itemsize), dtype, count)
    array = flat.reshape(shape, order="F" if fortran else "C")
    return torch.from_numpy(np.array(array, dtype=dtype.newbyteorder("="), order="C"))
