"""Weight files: what a file really is, its table of contents, its tensors. No file's code is run.

PyTorch's two formats, safetensors and NumPy are read by their own libraries, in the modes that run nothing.
What is done here is to refuse what holds no weights in words that help, and to compare what a file declares
with its length before memory of that size is taken.
"""

from __future__ import annotations

import io
import pickle
import re
import stat
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from avsal.errors import CheckpointError
from avsal.weights.mismatch import listed

__all__ = [
    "WRAPPERS",
    "FileKind",
    "StateFile",
    "TableOfContents",
    "file_kind",
    "read_state",
    "read_table",
    "read_tensors",
]

FileKind = Literal["safetensors", "zip", "torch", "pickle", "npy"]

#: keys under which training scripts put the state dict, in the order in which they are tried
WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params")
#: what a Lightning checkpoint says of itself, and where its module keeps the network as a rule
LIGHTNING, LIGHTNING_PREFIX = "pytorch-lightning_version", "model."

LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")  # how torch.save began before PyTorch 1.6
MAX_HEADER_BYTES = 16 * 2**20  # of safetensors; the largest of our models needs 0.1 MB
#: what a packed NumPy archive may unpack to: its length on disk bounds nothing, but weights hardly shrink
MAX_UNPACKED_BYTES, MAX_UNPACKED_RATIO, SMALL_BYTES = 2 * 2**30, 20, 64 * 2**20
#: what the parsers of zip, pickle and NumPy raise on damaged bytes (seen by changing bytes at random)
DAMAGE = (
    *(AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError),
    *(OverflowError, RecursionError, TypeError, ValueError, pickle.UnpicklingError, struct.error),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
SPECIAL_FILES = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
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


@dataclass(frozen=True)
class TableOfContents:
    """What a safetensors file says it holds.

    Attributes:
        metadata: free strings.
        shapes: of the tensors, by name.
    """

    metadata: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]


def file_kind(path: Path) -> FileKind:
    """The container that a weight file is in, told by its first bytes: names lie.

    ``zip`` is torch.save's archive or NumPy's .npz, ``torch`` its form before
    PyTorch 1.6, ``pickle`` any other pickle.

    Raises:
        CheckpointError: there is no such file, it is a pipe or a device, or it is of a kind that holds no
            weights: empty, a web page, text, an archive that must be unpacked, or bytes of no known meaning.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise CheckpointError(f"expected a weight file but {path} is a folder: name the file in it")
        if not stat.S_ISREG(mode):  # opening one could wait for ever
            what = next((name for test, name in SPECIAL_FILES.items() if test(mode)), "no regular file")
            raise CheckpointError(f"expected a weight file but {path} is {what}: copy it to a file first")
        with path.open("rb") as file:
            start = file.read(512)
    except FileNotFoundError:
        raise CheckpointError(f"there is no weight file {path}: check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"the weight file {str(path)!r} cannot be read: {reason}") from error
    if not start:
        raise CheckpointError(f"{path} is empty: download or copy it again")
    if start.startswith(LEGACY_MAGIC):
        return "torch"
    if start.startswith(b"PK\x03\x04"):
        return "zip"
    if start.startswith(b"\x93NUMPY"):
        return "npy"
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            f"{path} is a Git LFS pointer, not the weights: run `git lfs pull` where it came from"
        )
    if start.startswith(b"\x1f\x8b") or start[257:262] == b"ustar":
        raise CheckpointError(f"{path} is a packed archive: unpack it and name the weight file in it")
    if is_text(start):
        if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise CheckpointError(
                f"{path} is a web page, not weights (the download asked for a login or a confirmation): "
                "open its address in a browser and save the file itself"
            )
        raise CheckpointError(f"{path} holds text, not weights: expected .safetensors, .pt, .pth, .tar, .npz")
    if start[8:9] == b"{":
        return "safetensors"
    if start[:1] == b"\x80" and start[1] <= 5:
        return "pickle"
    raise CheckpointError(
        f"{path} is no weight file: expected safetensors, torch.save or NumPy, found bytes that start with "
        f"{start[:8].hex(' ')}"
    )


def is_text(start: bytes) -> bool:
    """Whether a file's first bytes read as text: no control characters, valid UTF-8 (the last may be cut)."""
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in start):
        return False
    try:
        start[:-3].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_table(path: Path) -> TableOfContents:
    """Read the header of a file that must be safetensors; no tensor is touched.

    Raises:
        CheckpointError: no such file, another kind of file, or one that is truncated or contradicts itself.
    """
    from safetensors import safe_open

    if file_kind(path) != "safetensors":
        raise CheckpointError(
            f"{path} is no checkpoint of avsal, which is safetensors: convert published weights with "
            "`avsal weights convert FILE OUT --as NAME`, or name the model that the state dict belongs to"
        )
    with damage_reported(path):
        with path.open("rb") as file:
            header_bytes = int.from_bytes(file.read(8), "little")
        if header_bytes > min(path.stat().st_size - 8, MAX_HEADER_BYTES):
            raise ValueError(f"its header should have {header_bytes} bytes")
        with safe_open(path, "pt") as opened:
            shapes = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
            return TableOfContents(opened.metadata() or {}, shapes)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, on the CPU.

    Raises:
        CheckpointError: the library finds the file damaged.
    """
    from safetensors.torch import load_file

    with damage_reported(path):
        return load_file(path)


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
                names = archive.namelist()
                if names and all(name.endswith(".npy") for name in names):
                    return StateFile(read_numpy(archive, path), {}, ())
                check_torch_archive(archive, path)
        try:
            loaded = read_pickle(path)
        except DAMAGE as error:
            if kind != "pickle":
                raise
            raise CheckpointError(
                f"{path} is a bare pickle: save model.state_dict() with torch.save instead"
            ) from error
    tensors, notes = unwrap(loaded, path)
    return StateFile(tensors, {}, notes)


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn what parsers raise on damaged files into a CheckpointError."""
    from safetensors import SafetensorError

    try:
        yield
    except (*DAMAGE, SafetensorError) as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise CheckpointError(f"{path} is truncated or damaged ({reason}): copy it again") from error


def read_pickle(path: Path) -> Any:
    """What torch.save wrote, in the mode that builds tensors, containers and numbers and calls nothing else.

    Raises:
        CheckpointError: the pickle asks for anything else, which is named.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other pickle protocols: they load or they do not
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        names = unsafe_names(path, str(error))
        if not names:
            raise ValueError("its pickle holds what no state dict needs") from error
        raise CheckpointError(
            f"{path} is refused: reading it would run {listed(names)}; where you trust its maker, "
            "save only model.state_dict() there"
        ) from error


def unsafe_names(path: Path, message: str) -> list[str]:
    """What a refused pickle would call; `message` is the reader's, which names the first."""
    if zipfile.is_zipfile(path):
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    return re.findall(r"GLOBAL ([\w.]+\.\w+)", message)[:1]


def check_torch_archive(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse archives that torch.save did not write, that hold programs, or that unpack beyond their size."""
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


def unwrap(loaded: Any, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state dict within what torch.save wrote, and notes on what else is there."""
    if not isinstance(loaded, Mapping):
        raise CheckpointError(
            f"{path} holds a {type(loaded).__name__}, not a state dict: save model.state_dict()"
        )
    notes = []
    lightning = LIGHTNING in loaded
    for _ in range(2):  # a training script's dict around a framework's
        key = next((key for key in WRAPPERS if isinstance(loaded.get(key), Mapping)), None)
        if key is None:
            break
        others = [str(other) for other in loaded if other != key]
        left_out = f"; left out {listed(others)}" if others else ""
        notes.append(f"the state dict is under {key!r}{left_out}")
        loaded = loaded[key]
    if lightning:  # losses and metrics that are modules lie beside the network
        beside = [str(name) for name in loaded if not str(name).startswith(LIGHTNING_PREFIX)]
        if beside and len(beside) < len(loaded):
            loaded = {name: value for name, value in loaded.items() if str(name) not in beside}
            notes.append(f"left out beside {LIGHTNING_PREFIX!r}: {listed(beside)}")
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


def read_numpy(archive: zipfile.ZipFile, path: Path) -> dict[str, Tensor]:
    """The arrays of an .npz archive, their declared sizes checked first."""
    total, most = sum(item.file_size for item in archive.infolist()), path.stat().st_size * MAX_UNPACKED_RATIO
    if total > min(MAX_UNPACKED_BYTES, max(most, SMALL_BYTES)):
        raise CheckpointError(
            f"{path} would unpack to {total} bytes, more than weights of its size: not read"
        )
    tensors = {}
    for item in archive.infolist():
        name = item.filename.removesuffix(".npy")
        with archive.open(item) as file:
            content = io.BytesIO(file.read(item.file_size))  # what is there, whatever its header declares
        try:
            array = np.lib.format.read_array(content, allow_pickle=False)
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            raise CheckpointError(
                f"{name} in {path} holds Python objects, a pickle that could run code: expected numbers"
            ) from error
        if array.dtype.kind not in "fiub":
            raise CheckpointError(f"{name} in {path} holds {array.dtype}: expected numbers")
        tensors[name] = torch.from_numpy(np.array(array, array.dtype.newbyteorder("="), order="C"))
    return tensors
