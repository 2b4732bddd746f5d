"""MATLAB files of every version as plain Python values.

Versions 4 to 7.2 are read by `mat5`, version 7.3 (HDF5) with h5py; both give the same values. Damage is found
by the checksums inside compressed files (MATLAB's default), or where lengths contradict each other.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from avsal.errors import DatasetError, MediaError
from avsal.media.container import check_file
from avsal.media.hdf5_files import check_inside, members, open_hdf5
from datasets_av.mat5 import MatDamageError, check_empty, parse_mat4, parse_mat5

__all__ = ["kept_value", "mat_scalar", "mat_value", "read_mat"]

_DEPTH = 32
"""Of cells and structs inside each other."""

_MOST_BYTES = 2**30
"""Of all values of one file of version 7.3, in which one may stand in many places."""

_MOST_ITEMS = 2**20
"""Values of one such file."""


def read_mat(path: str | Path) -> dict[str, Any]:
    """Read all variables of a .mat file.

    Numeric and logical arrays keep the shape that MATLAB shows (two axes at least: a scalar is (1, 1)), so
    one row and one column stay apart. A char row is a `str`, a char matrix a list of them. A cell array is a
    list in column order. A struct is a `dict`, a struct array a list of them in column order.

    Args:
        path: path of the file.

    Raises:
        DatasetError: there is no such file, or it is damaged or no .mat file.
    """
    path = Path(path)
    if not path.is_file():
        raise DatasetError(f"expected a MATLAB file at {path} but there is none; extract it from its archive")
    try:
        check_file(path)
        if h5py.is_hdf5(path):
            with open_hdf5(path) as file:
                reader = _Hdf5(file)
                return {name: reader(item) for name, item in members(file) if not name.startswith("#")}
        content = path.read_bytes()
        version_4 = len(content) >= 20 and 0 in content[:4]
        return parse_mat4(content) if version_4 else parse_mat5(content)
    except (MatDamageError, MediaError, OSError, MemoryError, zlib.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatasetError(
            f"{path} is no readable MATLAB file ({reason}); extract or download it again"
        ) from error


def mat_value(content: Mapping[str, Any], *keys: str, path: str | Path) -> Any:
    """The value at `keys`, one inside the other, of what `read_mat` gave for `path`.

    Raises:
        DatasetError: a key is missing; the message lists what is there instead.
    """
    value: Any = content
    for depth, key in enumerate(keys):
        if not isinstance(value, Mapping) or key not in value:
            found = ", ".join(sorted(value)) if isinstance(value, Mapping) else f"a {type(value).__name__}"
            raise DatasetError(
                f"{path}: expected `{'.'.join(keys[: depth + 1])}` but found {found or 'nothing'}; "
                "is this file from the release that the reader describes?"
            )
        value = value[key]
    return value


def mat_scalar(value: Any) -> float:
    """The one number in a value of `read_mat`, however many cells and arrays are wrapped around it.

    Raises:
        DatasetError: there is not exactly one number.
    """
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    array = np.asarray(value) if not isinstance(value, (list, dict, str)) else np.empty(0)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise DatasetError(f"expected one number in the MATLAB file but found {value!r:.80}")
    return float(array.reshape(-1)[0])


class _Hdf5:
    """Reads values of a file of version 7.3 and counts them, as references may repeat without end.

    What several references name is read once, and counts each time.
    """

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._items = self._bytes = 0
        self._known: dict[h5py.Group | h5py.Dataset, tuple[Any, int]] = {}

    def __call__(self, item: h5py.Group | h5py.Dataset, depth: int = 0) -> Any:
        value, count = self._known.get(item, (None, 1))
        self._items += count
        if depth > _DEPTH or self._items > _MOST_ITEMS:
            raise MatDamageError(f"more than {_DEPTH} values inside each other, or {_MOST_ITEMS} in all")
        if item not in self._known:
            before = self._items - 1
            value = self._value(item, depth)
            self._known[item] = value, self._items - before
        return value

    def _value(self, item: h5py.Group | h5py.Dataset, depth: int) -> Any:
        kind = item.attrs.get("MATLAB_class", b"")
        kind = kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)
        if isinstance(item, h5py.Group):
            return self._struct(item, depth)
        if not isinstance(item, h5py.Dataset):
            raise MatDamageError(f"`{item.name}` holds no values")
        self._bytes += (check_inside(item).size or 0) * item.dtype.itemsize
        if self._bytes > _MOST_BYTES:
            raise MatDamageError(f"its values take more than {_MOST_BYTES >> 20} MB")
        if item.attrs.get("MATLAB_empty"):
            if kind == "char":
                return ""
            if kind in {"cell", "struct"}:
                return []
            shape = tuple(int(length) for length in np.asarray(item[()]).reshape(-1))
            if not shape or len(shape) > 16 or min(shape) != 0:
                raise MatDamageError(f"an empty value of shape {shape}")
            check_empty(shape)
            return np.empty(shape)
        if h5py.check_ref_dtype(item.dtype) is h5py.Reference:
            # h5py sees the axes reversed, so its row order is MATLAB's column order
            return [self(self._file[reference], depth + 1) for reference in np.ravel(item[()])]
        if item.dtype.kind not in "biufcV" or item.shape is None:
            raise MatDamageError(f"`{item.name}` holds values of type {item.dtype}")
        check_empty(item.shape)
        array = np.ascontiguousarray(np.asarray(item[()]).T)
        if kind == "char":
            if (
                array.dtype.kind not in "iu"
                or not ((array >= 0) & (array < 0x110000)).all()
                or not array.ndim
            ):
                raise MatDamageError(f"`{item.name}` holds codes that are no letters")
            if not array.size:
                return ""
            lines = ["".join(map(chr, row)) for row in array.reshape(array.shape[0], -1).tolist()]
            return lines[0] if len(lines) == 1 else lines
        return array.astype(np.bool_) if kind == "logical" and array.dtype.kind != "V" else array

    def _struct(self, group: h5py.Group, depth: int) -> Any:
        items = dict(members(group))
        fields = {name: self(item, depth + 1) for name, item in items.items()}
        # the fields of a struct array are bare reference tables; those of one struct carry a MATLAB class
        bare = [
            isinstance(item, h5py.Dataset)
            and h5py.check_ref_dtype(item.dtype) is h5py.Reference
            and "MATLAB_class" not in item.attrs
            for item in items.values()
        ]
        if not bare or not all(bare):
            return fields
        count = len(next(iter(fields.values())))
        if any(len(values) != count for values in fields.values()):
            raise MatDamageError(f"the fields of the struct array `{group.name}` differ in length")
        return [{name: values[row] for name, values in fields.items()} for row in range(count)]


def kept_value(path: Path, name: str) -> dict[str, Any]:
    """A struct of a MATLAB file, kept while the file does not change: some are asked for once for each clip.

    Raises:
        DatasetError: the file is missing, damaged, or has no such variable.
    """
    return _kept_value(path, name, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=4)
def _kept_value(path: Path, name: str, changed: int) -> dict[str, Any]:
    content: dict[str, Any] = mat_value(read_mat(path), name, path=path)
    return content
