"""Cells of matrices in MATLAB's files: SciPy writes and reads them too; claims are refused before memory is spent."""

import io
import struct

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from scipy.sparse import csc_array

from stages.corpora import matlab


def written(*pieces, packed=False, **others):
    cells = np.empty((1, len(pieces)), object)
    cells[0, :] = pieces
    buffer = io.BytesIO()
    savemat(buffer, {"pieces": cells, **others}, do_compression=packed)
    return buffer.getvalue()


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_read_is_what_scipy_reads(packed):
    pieces = [np.eye(3)[:2], np.arange(6, dtype=np.uint8).reshape(2, 3), np.zeros((2, 0)), np.array([[True, False]])]
    file = written(*pieces, csc_array([[0, 1.5], [2, 0], [0, 0]]), packed=packed, text="abc", one=np.ones(2))
    found, oracle = matlab.cells(file), loadmat(io.BytesIO(file))
    assert found.keys() == {"pieces", "text", "one"} and found["text"] is None and found["one"] is None
    for matrix, expected in zip(found["pieces"], oracle["pieces"].ravel(), strict=True):
        np.testing.assert_array_equal(matrix, expected.toarray() if hasattr(expected, "toarray") else expected)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_short_anywhere_is_refused(packed):
    file = written(np.eye(2), csc_array(np.eye(3)), packed=packed)
    for end in range(129, len(file)):
        with pytest.raises(ValueError):
            matlab.cells(file[:end])


def test_a_type_of_numbers_that_does_not_exist_is_refused():
    """SciPy 1.17.1 ends the process."""
    file = written(np.full((2, 2), 0.5))
    at = file.index(struct.pack("<dd", 0.5, 0.5)) - 8
    with pytest.raises(ValueError, match=r"pieces\[0\]: expected numbers, found an element of type 88"):
        matlab.cells(file[:at] + struct.pack("<I", 88) + file[at + 4 :])


def test_claims_are_refused_before_memory_is_spent(monkeypatch):
    monkeypatch.setattr(matlab, "MAX_BYTES", 10_000)
    filled = written(csc_array((100, 13)))  # of 8 bytes each: 10,400
    unpacked = written(np.zeros((1250, 1)), packed=True)
    assert len(filled) < 500 and len(unpacked) < 500
    for file in (filled, unpacked):
        with pytest.raises(ValueError, match="expected at most 10000 bytes unpacked, found more"):
            matlab.cells(file)
    shape = struct.pack("<IIii", 5, 8, 2, 3)
    file = written(np.full((2, 3), 0.5))
    with pytest.raises(ValueError, match=r"pieces\[0\]: expected 6442450938 numbers, found 6"):
        matlab.cells(file.replace(shape, struct.pack("<IIii", 5, 8, 2**31 - 2, 3)))


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([np.array([[1j]])], r"pieces\[0\]: expected real numbers, found complex ones"),
        ([np.eye(2), "text"], r"pieces\[1\]: expected a matrix of numbers, found 0 parts of class 4"),
        ([{"field": 1}], r"pieces\[0\]: expected a matrix of numbers, found 0 parts of class 2"),
    ],
)
def test_cells_of_anything_else_are_refused_by_name(pieces, expected):
    with pytest.raises(ValueError, match=expected):
        matlab.cells(written(*pieces))


@pytest.mark.parametrize(("old", "new"), [((0, 1, 2), (0, 2, 1)), ((0, 1, 2), (0, 1, 9)), ((0, 1, 2), (1, 1, 2))])
def test_a_sparse_matrix_with_damaged_columns_is_refused(old, new):
    file = written(csc_array(np.eye(2)))
    with pytest.raises(ValueError, match=r"pieces\[0\]: the columns of a sparse matrix are damaged"):
        matlab.cells(file.replace(struct.pack("<3i", *old), struct.pack("<3i", *new)))


def test_a_packed_variable_with_a_wrong_checksum_is_refused():
    file = bytearray(written(np.eye(2), packed=True))  # its last 4 bytes are a checksum
    file[-1] ^= 1
    with pytest.raises(ValueError, match="a packed variable is damaged"):
        matlab.cells(bytes(file))


def test_other_levels_are_named():
    buffer = io.BytesIO()
    savemat(buffer, {"a": np.ones(2)}, format="4")
    with pytest.raises(ValueError, match="expected MATLAB's level 5, as `save -v7` writes"):
        matlab.cells(buffer.getvalue())
