"""What a weight file really is, told by its first bytes: names lie, and many broken files are no weights."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from avsal.errors import CheckpointError

__all__ = ["FileKind", "file_kind"]

FileKind = Literal["safetensors", "zip", "torch", "pickle", "npy"]

LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")  # how torch.save began before PyTorch 1.6


def file_kind(path: Path) -> FileKind:
    """The container that a weight file is in; nothing but its first bytes is read.

    ``zip`` is torch.save's archive or NumPy's .npz, ``torch`` its form before
    PyTorch 1.6, ``pickle`` any other pickle.

    Raises:
        CheckpointError: there is no such file, or it is of a kind that holds no weights: empty, a web
            page, text, an archive that must be unpacked, or bytes of no known meaning.
    """
    if path.is_dir():
        raise CheckpointError(f"expected a weight file but {path} is a folder: name the file in it")
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except FileNotFoundError:
        raise CheckpointError(f"there is no weight file {path}: check the path") from None
    except OSError as error:
        raise CheckpointError(f"the weight file {path} cannot be read: {error.strerror}") from error
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
