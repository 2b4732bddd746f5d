"""MATLAB files of every version as plain Python values.

Versions 4 to 7.2 are read with SciPy, version 7.3 (HDF5) with h5py; both give the same values. Damage is
found by the checksums inside compressed files (MATLAB's default). SciPy 1.17 itself can crash on a damaged
file that was saved uncompressed; no check here can prevent that.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
from scipy.io.matlab import MatReadError, mat_struct

from avsal.errors import DatasetError

__all__ = ["mat_scalar", "mat_value", "read_mat"]

#: what SciPy and h5py raise on files that were cut off, overwritten with zeros or had bytes flipped
_DAMAGE = (
    AttributeError,
    IndexError,
    KeyError,
    MatReadError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
    zlib.error,
)


def read_mat(path: str | Path) -> dict[str, Any]:
    """Read all variables of a .mat file.

    Numeric and logical arrays keep the shape that MATLAB shows (two axes at least: a scalar is (1, 1)), so
    one row and one column stay apart. A char row is a `str`, a char matrix a list of them. A cell array is a
    list in column order. A struct is a `dict`, a struct array a list of them in column order.

    Args:
        path: of the file.

    Raises:
        DatasetError: there is no such file, or it is damaged or no .mat file.
    """
    path = Path(path)
    if not path.is_file():
        raise DatasetError(f"expected a MATLAB file at {path} but there is none; extract it from its archive")
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return {
                    name: _from_hdf5(file, item) for name, item in file.items() if not name.startswith("#")
                }
        content = scipy.io.loadmat(path, struct_as_record=False, chars_as_strings=True)
    except _DAMAGE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DatasetError(
            f"{path} is no readable MATLAB file ({reason}); extract or download it again"
        ) from error
    return {name: _from_scipy(value) for name, value in content.items() if not name.startswith("__")}


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


def _from_scipy(value: Any) -> Any:
    if isinstance(value, mat_struct):
        return {name: _from_scipy(getattr(value, name)) for name in value._fieldnames}
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind == "U":
        rows = [str(row) for row in value.reshape(-1)]
        return rows[0] if len(rows) == 1 else rows if rows else ""
    if value.dtype.kind != "O":
        return value
    items = [_from_scipy(item) for item in value.reshape(-1, order="F")]
    is_struct = value.size > 0 and isinstance(value.reshape(-1)[0], mat_struct)
    return items[0] if is_struct and len(items) == 1 else items


def _from_hdf5(file: h5py.File, item: h5py.Group | h5py.Dataset) -> Any:
    kind = item.attrs.get("MATLAB_class", b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if isinstance(item, h5py.Group):
        return _struct_from_hdf5(file, item)
    if item.attrs.get("MATLAB_empty"):
        if kind == "char":
            return ""
        if kind in {"cell", "struct"}:
            return []
        return np.empty(tuple(int(length) for length in item[()].reshape(-1)))
    if item.dtype == h5py.ref_dtype:
        # h5py sees the axes reversed, so its row order is MATLAB's column order
        return [_from_hdf5(file, file[reference]) for reference in item[()].reshape(-1)]
    array = np.ascontiguousarray(np.asarray(item[()]).T)
    if kind == "char":
        lines = ["".join(map(chr, row)) for row in array.reshape(array.shape[0], -1)]
        return lines[0] if len(lines) == 1 else lines
    return array.astype(np.bool_) if kind == "logical" else array


def _struct_from_hdf5(file: h5py.File, group: h5py.Group) -> Any:
    fields = {name: _from_hdf5(file, item) for name, item in group.items()}
    # the fields of a struct array are bare reference tables; those of one struct carry a MATLAB class
    bare = [
        isinstance(item, h5py.Dataset) and item.dtype == h5py.ref_dtype and "MATLAB_class" not in item.attrs
        for item in group.values()
    ]
    if not bare or not all(bare):
        return fields
    count = len(next(iter(fields.values())))
    return [{name: values[row] for name, values in fields.items()} for row in range(count)]
