"""Short names for the content of files and arrays, the same on every machine."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["array_fingerprint", "file_fingerprint", "text_fingerprint"]

_LOOKED_AT = 65536
"""Bytes at the start and at the end of a file that are read."""

_LENGTH = 8
"""Bytes of a fingerprint; it is written as twice as many hexadecimal digits."""


def file_fingerprint(path: Path) -> str:
    """Of a file by its name, its length and the bytes at both ends; of a folder by names and lengths inside.

    A video that is changed in its midst without changing its length keeps its fingerprint: reading every byte
    of a large data set would take hours.
    """
    digest = blake2b(path.name.encode(), digest_size=_LENGTH)
    if path.is_dir():
        for child in sorted(path.iterdir()):
            if not child.name.startswith("."):
                digest.update(f"{child.name} {child.stat().st_size}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as file:
        digest.update(file.read(_LOOKED_AT))
        length = file.seek(0, 2)
        file.seek(max(0, length - _LOOKED_AT))
        digest.update(file.read())
    digest.update(str(length).encode())
    return digest.hexdigest()


def array_fingerprint(array: NDArray[np.generic]) -> str:
    """Of an array by type, shape and every value."""
    digest = blake2b(f"{array.dtype.str} {array.shape}".encode(), digest_size=_LENGTH)
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def text_fingerprint(*texts: str) -> str:
    """Of several texts in their order."""
    digest = blake2b(digest_size=_LENGTH)
    for text in texts:
        digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()
