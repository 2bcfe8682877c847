"""Cells of matrices in MATLAB's files of level 5, where all that the file claims is checked before memory is spent.

The format is that of "MAT-File Format", The MathWorks. A library for it would be SciPy, but SciPy 1.17.1 ends the whole
process (a segmentation fault) where a damaged file names a type of numbers that does not exist, and unpacks whatever a
packed variable holds.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

MAX_BYTES = 2**29  # of all variables unpacked and all sparse matrices filled; the largest public set needs 2**25
MAX_CELLS = 100_000
_HEADER, _TEXT = 128, 124  # bytes of the file's header, and of the text in it
_MATRIX, _PACKED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CELLS, _SPARSE, _FULL = 1, 5, range(6, 16)  # classes of arrays
_COMPLEX = 0x0800


class _Element(NamedTuple):
    kind: int
    data: memoryview


class _Matrix(NamedTuple):
    """An array's class, its shape, its name, and the elements that hold its content."""

    kind: int
    shape: tuple[int, ...]
    name: str
    content: Iterator[_Element]


class _Claims:
    """Counts the bytes that a file asks for."""

    def __init__(self):
        self.left = MAX_BYTES

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise ValueError(f"expected at most {MAX_BYTES} bytes unpacked, found more")


def cells(file: bytes) -> dict[str, list[np.ndarray] | None]:
    """The matrices in the cells of each variable, in MATLAB's order; None for a variable that is no cells.

    Raises:
        ValueError: not of level 5, cut short, damaged, larger than MAX_BYTES or MAX_CELLS, or a cell holds anything but
            real numbers.
    """
    order = {b"IM": "<", b"MI": ">"}.get(file[_TEXT + 2 : _HEADER])
    if order is None or file[_TEXT + (order == "<")] != 1:
        raise ValueError("expected MATLAB's level 5, as `save -v7` writes")
    claims, found = _Claims(), {}
    for element in _elements(memoryview(file)[_HEADER:], order):
        if element.kind == _PACKED:
            unpacked = list(_elements(_unpacked(element.data, claims), order))
            if len(unpacked) != 1:
                raise ValueError(f"expected one variable packed, found {len(unpacked)}")
            (element,) = unpacked
        matrix = _matrix(element, order)
        found[matrix.name] = _cells(matrix, order, claims) if matrix.kind == _CELLS else None
    return found


def _elements(data: memoryview, order: str) -> Iterator[_Element]:
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise ValueError("it is cut short")
        kind, size = struct.unpack_from(f"{order}II", data, at)
        begin, following = at + 8, at + 8 + size + (0 if kind == _PACKED else -size % 8)
        if kind >> 16:  # at most 4 bytes, beside their size
            kind, size, begin, following = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        if begin + size > len(data) or (begin == at + 4 and size > 4):
            raise ValueError("it is cut short, or a size in it is damaged")
        yield _Element(kind, data[begin : begin + size])
        at = following


def _unpacked(data: memoryview, claims: _Claims) -> memoryview:
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(data, claims.left + 1)
        claims.spend(len(unpacked))
        if not unpacking.eof or unpacking.unused_data:
            raise ValueError("a packed variable is cut short, or longer than it says")
    except zlib.error as error:
        raise ValueError(f"a packed variable is damaged ({error})") from None
    return memoryview(unpacked)


def _matrix(element: _Element, order: str) -> _Matrix:
    if element.kind != _MATRIX:
        raise ValueError(f"expected an array, found an element of type {element.kind}")
    content = _elements(element.data, order)
    flags, sizes, name = (next(content, None) for _ in range(3))
    if flags is None or sizes is None or name is None or len(flags.data) != 8 or name.kind not in (1, 2, 16):
        raise ValueError("an array's head is damaged")
    flag, shape = int(_numbers(flags, order)[0]), tuple(_numbers(sizes, order).tolist())
    if flags.kind != 6 or sizes.kind != 5 or len(shape) < 2 or min(shape) < 0:
        raise ValueError("an array's flags or sizes are damaged")
    if flag & _COMPLEX:
        raise ValueError("expected real numbers, found complex ones")
    return _Matrix(flag & 0xFF, shape, bytes(name.data).decode("utf-8", "backslashreplace"), content)


def _numbers(element: _Element, order: str) -> np.ndarray:
    if element.kind not in _NUMBERS:
        raise ValueError(f"expected numbers, found an element of type {element.kind}")
    dtype = np.dtype(order + _NUMBERS[element.kind])
    if len(element.data) % dtype.itemsize:
        raise ValueError(f"expected whole numbers of {dtype.itemsize} bytes, found {len(element.data)} bytes")
    return np.frombuffer(element.data, dtype)


def _cells(matrix: _Matrix, order: str, claims: _Claims) -> list[np.ndarray]:
    if (expected := math.prod(matrix.shape)) > MAX_CELLS:
        raise ValueError(f"{matrix.name}: expected at most {MAX_CELLS} cells, found {expected}")
    found = []
    for element in matrix.content:
        where = f"{matrix.name}[{len(found)}]"
        if len(found) == expected:
            raise ValueError(f"{matrix.name}: expected {expected} cells, found more")
        try:
            found.append(_array(_matrix(element, order), order, claims))
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    if len(found) < expected:
        raise ValueError(f"{matrix.name}: expected {expected} cells, found {len(found)}")
    return found


def _array(matrix: _Matrix, order: str, claims: _Claims) -> np.ndarray:
    parts = list(matrix.content) if matrix.kind == _SPARSE or matrix.kind in _FULL else []
    if matrix.kind == _SPARSE and len(parts) == 3:
        return _filled(*(_numbers(part, order) for part in parts), matrix.shape, claims)
    if matrix.kind not in _FULL or len(parts) != 1:
        raise ValueError(f"expected a matrix of numbers, found {len(parts)} parts of class {matrix.kind}")
    numbers = _numbers(parts[0], order)
    if len(numbers) != math.prod(matrix.shape):
        raise ValueError(f"expected {math.prod(matrix.shape)} numbers, found {len(numbers)}")
    return numbers.reshape(matrix.shape, order="F")


def _filled(
    rows: np.ndarray, starts: np.ndarray, values: np.ndarray, shape: tuple[int, ...], claims: _Claims
) -> np.ndarray:
    """A sparse matrix with its zeros: column c has `values[starts[c] : starts[c + 1]]` in `rows` of the same places."""
    number = int(starts[-1]) if len(starts) else 0
    sound = len(shape) == 2 and len(starts) == shape[1] + 1 and rows.dtype.kind == starts.dtype.kind == "i"
    if not sound or starts[0] != 0 or (starts[1:] < starts[:-1]).any() or number > min(len(rows), len(values)):
        raise ValueError("the columns of a sparse matrix are damaged")
    if number and not 0 <= rows[:number].min() <= rows[:number].max() < shape[0]:
        raise ValueError("the rows of a sparse matrix are damaged")
    claims.spend(math.prod(shape) * values.dtype.itemsize)
    filled = np.zeros(shape, values.dtype)
    filled[rows[:number], np.repeat(np.arange(shape[1]), np.diff(starts))] = values[:number]
    return filled
