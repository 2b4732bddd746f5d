"""A NumPy file that is written row by row, for videos whose number of frames is known only at their end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from avsal.types import Closable

__all__ = ["GrowingArray"]


class GrowingArray(Closable):
    """Writes an array to a .npy file, in C order, one row of the first axis after the other.

    Use it as a context manager; the file is complete when it is left without an error.

    Args:
        path: path of the file; an existing one is replaced.
        row: shape of one row.
        dtype: type of the array.

    Attributes:
        num_rows: written so far.
    """

    def __init__(self, path: Path, row: tuple[int, ...], dtype: DTypeLike) -> None:
        self._row, self._dtype = row, np.dtype(dtype)
        self.num_rows = 0
        self._file = path.open("wb")
        self._write_header()

    def append(self, row: NDArray[np.generic]) -> None:
        """Write the next row, converted to the array's type.

        Raises:
            ValueError: it is of another shape.
        """
        if row.shape != self._row:
            raise ValueError(f"expected rows of shape {self._row} but got {row.shape}")
        self._file.write(np.ascontiguousarray(row, self._dtype).data)
        self.num_rows += 1

    def _write_header(self) -> None:
        # NumPy leaves room in the header for the first axis to grow, so that it can be written over.
        shape = (self.num_rows, *self._row)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def _leave(self, failed: bool) -> None:
        with self._file:
            if not failed:
                self._file.seek(0)
                self._write_header()
