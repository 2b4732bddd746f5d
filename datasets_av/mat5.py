"""MATLAB files of version 4 to 7.2, read with nothing but NumPy and zlib, so that a damaged one cannot crash.

After "MAT-File Format" (MathWorks, R2023b), chapter 1. What a header claims is held against the bytes that
are there before room is made for it. Function handles and objects of classes are refused: they name code.
"""

from __future__ import annotations

import struct
import zlib
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MatDamageError", "check_empty", "parse_mat4", "parse_mat5"]

MOST_BYTES = 2**30
"""That compressed variables of one file may unpack to in all."""

MOST_ITEMS = 2**20
"""Of what takes no bytes of the file: structs without fields in one array, rows or columns of nothing."""

DEPTH = 32
"""Of cells and structs inside each other."""

#: of the file, by type number
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}

#: of the variable, by class number
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}

#: encodings of text, by type number; MATLAB's own 16-bit codes are UTF-16
TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}

MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, OBJECT, CHAR, SPARSE = 1, 2, 3, 4, 5
LOGICAL, COMPLEX = 0x0200, 0x0800


class MatDamageError(ValueError):
    """The bytes are no MATLAB file, or a damaged one; the message says how."""


def check_empty(shape: tuple[int, ...]) -> None:
    """Raise MatDamageError where an array of nothing has too many rows or columns to walk along."""
    if 0 in shape and max(shape) > MOST_ITEMS:
        raise MatDamageError(f"an empty variable of shape {shape}")


class _Bytes:
    """A run of elements: a tag of kind and length, then that many bytes."""

    def __init__(self, content: memoryview, order: str, depth: int = 0) -> None:
        self.content, self.order, self.depth = content, order, depth
        self.place = 0

    def __len__(self) -> int:
        return len(self.content) - self.place

    def element(self) -> tuple[int, memoryview]:
        """The kind and the bytes of the next element."""
        if len(self) < 8:
            raise MatDamageError("it ends within an element")
        kind, length = struct.unpack_from(f"{self.order}II", self.content, self.place)
        begin = self.place + 8
        if kind >> 16:  # a small element, in the tag itself
            kind, length = kind & 0xFFFF, kind >> 16
            if length > 4:
                raise MatDamageError(f"a small element claims {length} bytes")
            self.place = begin
            return kind, self.content[begin - 4 : begin - 4 + length]
        if length > len(self.content) - begin:
            raise MatDamageError(
                f"an element claims {length} bytes where {len(self.content) - begin} are left"
            )
        padded = length if kind == COMPRESSED else -(-length // 8) * 8
        self.place = min(begin + padded, len(self.content))
        return kind, self.content[begin : begin + length]

    def numbers(self) -> NDArray[Any]:
        """The next element as numbers of the type they are stored in."""
        kind, content = self.element()
        if kind not in STORED:
            raise MatDamageError(f"expected numbers but found an element of type {kind}")
        dtype = np.dtype(self.order + STORED[kind])
        if len(content) % dtype.itemsize:
            raise MatDamageError("an element ends within a number")
        return np.frombuffer(content, dtype)

    def letters(self) -> bytes:
        """The next element as single bytes."""
        return self.element()[1].tobytes()


def parse_mat5(content: bytes) -> dict[str, Any]:
    """The variables of a file of version 5 to 7.2, by name, as `read_mat` describes them.

    Raises:
        MatDamageError: it is damaged, or holds what is not read.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128], "")
    if not order or len(content) < 136:
        raise MatDamageError("its header is not MATLAB's")
    elements = _Bytes(memoryview(content)[128:], order)
    _check_unpacked_size(_Bytes(memoryview(content)[128:], order))
    variables: dict[str, Any] = {}
    unpacked = 0
    while len(elements) >= 8:
        kind, body = elements.element()
        if kind == COMPRESSED:
            plain = _unpacked(body, MOST_BYTES - unpacked)
            unpacked += len(plain)
            kind, body = _Bytes(memoryview(plain), order).element()
        if kind != MATRIX:
            raise MatDamageError(f"expected a variable but found an element of type {kind}")
        name, value = _variable(_Bytes(body, order))
        if name:  # MATLAB keeps data of its own without a name
            variables[name] = value
    return variables


def _check_unpacked_size(elements: _Bytes) -> None:
    """Raise MatDamageError where all variables together unpack to too much, before any of it is kept."""
    size = 0
    while len(elements) >= 8:
        kind, body = elements.element()
        if kind != COMPRESSED:
            continue
        unpacker, rest = zlib.decompressobj(), bytes(body)
        while rest and not unpacker.eof:
            piece = unpacker.decompress(rest, 2**20)
            size, rest = size + len(piece), unpacker.unconsumed_tail
            if size > MOST_BYTES:
                raise MatDamageError(f"a compressed variable takes more than {MOST_BYTES >> 20} MB in all")
            if not piece:
                break


def _unpacked(body: memoryview, most: int) -> bytes:
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(body, max(most, 1))
    if not unpacker.eof:
        raise MatDamageError(
            f"a compressed variable takes more than {MOST_BYTES >> 20} MB"
            if unpacker.unconsumed_tail
            else "a compressed variable ends early"
        )
    return plain


def _variable(own: _Bytes) -> tuple[str, Any]:
    """Name and value of a variable, or of a part of one."""
    if own.depth > DEPTH:
        raise MatDamageError(f"more than {DEPTH} cells and structs inside each other")
    if not len(own):
        return "", np.empty((0, 0))
    flags = own.numbers()
    if len(flags) < 1:
        raise MatDamageError("a variable without a class")
    flag, kind = int(flags[0]), int(flags[0]) & 0xFF
    if kind not in (CELL, STRUCT, CHAR, SPARSE, *CLASSES):
        raise MatDamageError(f"a variable of class {kind}, which is not data (a function, an object)")
    shape = tuple(int(side) for side in own.numbers())
    if len(shape) < 2 or min(shape) < 0 or len(shape) > 16:
        raise MatDamageError(f"a variable of shape {shape}")
    check_empty(shape)
    name = own.letters().rstrip(b"\0").decode("utf-8", "replace")
    if kind == CELL:
        return name, _parts(own, prod(shape))
    if kind == STRUCT:
        return name, _structs(own, prod(shape))
    if kind == CHAR:
        return name, _text(own, shape)
    if kind == SPARSE:
        return name, _sparse(own, shape, bool(flag & LOGICAL))
    values = _array(own, shape, np.dtype(CLASSES[kind]))
    if flag & COMPLEX:
        values = values + 1j * _array(own, shape, np.dtype(CLASSES[kind]))
    return name, values.astype(np.bool_) if flag & LOGICAL else values


def _array(own: _Bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    stored = own.numbers()
    if len(stored) != prod(shape):
        raise MatDamageError(f"{len(stored)} numbers for a variable of shape {shape}")
    return stored.astype(dtype).reshape(shape, order="F")


def _part(own: _Bytes) -> Any:
    kind, body = own.element()
    if kind != MATRIX:
        raise MatDamageError(f"expected a part of a variable but found an element of type {kind}")
    return _variable(_Bytes(body, own.order, own.depth + 1))[1]


def _parts(own: _Bytes, count: int) -> list[Any]:
    if count > len(own) // 8:
        raise MatDamageError(f"a cell array claims {count} cells in {len(own)} bytes")
    return [_part(own) for _ in range(count)]


def _structs(own: _Bytes, count: int) -> Any:
    length = own.numbers()
    names = own.letters()
    if len(length) != 1 or not 0 < int(length[0]) <= 4096 or len(names) % int(length[0]):
        raise MatDamageError("a struct whose field names have no length")
    step = int(length[0])
    fields = [
        names[place : place + step].split(b"\0")[0].decode("utf-8", "replace")
        for place in range(0, len(names), step)
    ]
    if count * max(1, len(fields)) > (len(own) // 8 if fields else MOST_ITEMS):
        raise MatDamageError(f"a struct array claims {count} structs in {len(own)} bytes")
    items = [{name: _part(own) for name in fields} for _ in range(count)]
    return items[0] if len(items) == 1 else items


def _text(own: _Bytes, shape: tuple[int, ...]) -> str | list[str]:
    kind, content = own.element()
    if kind not in TEXTS:
        raise MatDamageError(f"text in an element of type {kind}")
    width = {"latin-1": 1, "utf-16": 2, "utf-32": 4}.get(TEXTS[kind])
    if prod(shape) == 0:
        return ""
    if width is None:  # UTF-8, whose letters have no fixed width
        letters = list(content.tobytes().decode("utf-8", "replace"))
    else:
        codes = np.frombuffer(content[: len(content) // width * width], f"{own.order}u{width}")
        if (codes > 0x10FFFF).any():
            raise MatDamageError("text of codes that are no letters")
        letters = [chr(code) for code in codes.tolist()]
    if len(letters) != prod(shape):
        raise MatDamageError(f"{len(letters)} letters for text of shape {shape}")
    rows = np.array(letters, dtype=object).reshape(shape, order="F").reshape(shape[0], -1, order="F")
    lines = ["".join(row).rstrip("\0") for row in rows]
    return lines[0] if len(lines) == 1 else lines


def _sparse(own: _Bytes, shape: tuple[int, ...], logical: bool) -> NDArray[Any]:
    rows, ends, values = own.numbers(), own.numbers(), own.numbers()
    if len(shape) != 2 or prod(shape) > MOST_BYTES // 8 or len(ends) != shape[1] + 1:
        raise MatDamageError(f"a sparse matrix of shape {shape} with {len(ends)} ends of columns")
    counts: NDArray[np.int64] = np.diff(ends.astype(np.int64)).astype(np.int64)
    num = int(ends[-1])
    if ends[0] != 0 or (counts < 0).any() or num > min(len(rows), len(values)):
        raise MatDamageError("a sparse matrix whose columns overlap")
    if num and not 0 <= int(rows[:num].min()) <= int(rows[:num].max()) < shape[0]:
        raise MatDamageError("a sparse matrix with entries outside")
    matrix: NDArray[Any] = np.zeros(shape, np.bool_ if logical else np.float64)
    matrix[rows[:num], np.repeat(np.arange(shape[1]), counts)] = values[:num]
    return matrix


def parse_mat4(content: bytes) -> dict[str, Any]:
    """The variables of a file of version 4: full matrices of numbers or text.

    Raises:
        MatDamageError: it is damaged, or holds sparse matrices.
    """
    variables: dict[str, Any] = {}
    place = 0
    while place < len(content):
        if len(content) - place < 20:
            raise MatDamageError("it ends within a header")
        order = "<" if struct.unpack_from("<i", content, place)[0] in range(5000) else ">"
        mopt, rows, columns, imaginary, length = struct.unpack_from(f"{order}5i", content, place)
        precision, kind = mopt // 10 % 10, mopt % 10
        if (
            not 0 <= mopt < 5000
            or precision > 5
            or kind > 1
            or min(rows, columns) < 0
            or not 0 < length <= 1024
        ):
            raise MatDamageError("its header is not MATLAB's")
        check_empty((rows, columns))
        dtype = np.dtype(order + ("f8", "f4", "i4", "i2", "u2", "u1")[precision])
        begin = place + 20 + length
        size = rows * columns * dtype.itemsize
        place = begin + size * (2 if imaginary else 1)
        if place > len(content):
            raise MatDamageError(f"a variable claims {rows}x{columns} numbers, more than the file holds")
        name = content[begin - length : begin].split(b"\0")[0].decode("latin-1")
        values: NDArray[Any] = np.frombuffer(content, dtype, rows * columns, begin).astype(np.float64)
        if imaginary:
            values = values + 1j * np.frombuffer(content, dtype, rows * columns, begin + size)
        matrix = values.reshape((rows, columns), order="F")
        if kind == 1:
            if not ((matrix.real >= 0) & (matrix.real < 0x110000)).all():
                raise MatDamageError("text of codes that are no letters")
            lines = ["".join(chr(int(code)) for code in row.real) for row in matrix]
            variables[name] = lines[0] if len(lines) == 1 else lines or ""
        else:
            variables[name] = matrix
    return variables
