"""The prepared split's file: what it accepts, what it refuses, and that equal splits are equal files."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from stages.corpora.split import Split
from stages.plumbing.errors import InputError


def split(output="bernoulli"):
    generator = np.random.default_rng(0)
    inputs, targets = generator.integers(0, 2, (5, 4)), generator.integers(0, 2, (5, 3))
    dtype = np.uint8 if output == "bernoulli" else np.float32
    return Split(inputs.astype(dtype), targets.astype(dtype), np.array([2, 3]), np.array(["Für Elise", "b"]), output)


@pytest.mark.parametrize("output", ["bernoulli", "gaussian_mixture"])
def test_a_saved_split_is_loaded_unchanged(tmp_path, output):
    saved = split(output)
    saved.save(tmp_path / "train.npz")
    loaded = Split.load(tmp_path / "train.npz")
    for name in ("inputs", "targets", "lengths", "names"):
        assert getattr(loaded, name).dtype == getattr(saved, name).dtype
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name))
    assert loaded.output == output
    assert loaded.offsets.tolist() == [0, 2, 5]


def test_equal_splits_are_equal_files(tmp_path):
    split().save(tmp_path / "a.npz")
    split().save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"output": "poisson"}, "output: expected one of"),
        ({"output": "two\nlines"}, r"output: expected one of bernoulli, gaussian_mixture, found two\\nlines$"),
        ({"inputs": np.zeros((5, 4), np.float32)}, "inputs: expected uint8, found float32"),
        ({"inputs": np.full((5, 4), 2, np.uint8)}, "inputs: expected zeros and ones, found 2"),
        ({"targets": np.zeros(5, np.uint8)}, "targets: expected two axes"),
        ({"targets": np.zeros((4, 3), np.uint8)}, "targets: expected 5 rows, the sum of lengths, found 4"),
        ({"lengths": np.array([5, 0])}, "lengths: expected at least 1 step a sequence, found 0"),
        ({"lengths": np.array([], np.int64)}, "lengths: expected at least one sequence"),
        ({"lengths": np.array([2.0, 3.0])}, "lengths: expected int64, found float64"),
        ({"names": np.array(["a"])}, "names: expected 2 names"),
        ({"names": np.array([b"a", b"b"])}, "names: expected text"),
    ],
)
def test_a_split_that_breaks_a_rule_is_neither_saved_nor_loaded(tmp_path, change, expected):
    broken = replace(split(), **change)
    with pytest.raises(InputError, match=f"a.npz: {expected}"):
        broken.save(tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())
    arrays = {name: getattr(broken, name) for name in ("inputs", "targets", "lengths", "names", "output")}
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(InputError, match=f"b.npz: {expected}"):
        Split.load(tmp_path / "b.npz")


def test_nan_is_refused(tmp_path):
    broken = split("gaussian_mixture")
    broken.inputs[3, 1] = np.nan
    with pytest.raises(InputError, match="inputs: expected finite numbers"):
        broken.save(tmp_path / "a.npz")


def test_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(InputError, match="no such file; `python -m stages.prepare"):
        Split.load(tmp_path / "train.npz")


def test_damaged_files_are_refused_by_name(tmp_path):
    split().save(tmp_path / "whole.npz")
    content = (tmp_path / "whole.npz").read_bytes()
    damaged = {"empty": b"", "text": b"not a split", "truncated": content[: len(content) // 2]}
    for name, data in damaged.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=f"{name}: "):
            Split.load(tmp_path / name)


def test_a_flipped_byte_is_refused_or_changes_nothing(tmp_path):
    split().save(tmp_path / "whole.npz")
    content = (tmp_path / "whole.npz").read_bytes()
    refused = 0
    for place in range(0, len(content), 5):
        flipped = bytearray(content)
        flipped[place] ^= 0xFF
        (tmp_path / "flipped.npz").write_bytes(flipped)
        try:
            loaded = Split.load(tmp_path / "flipped.npz")
        except InputError:
            refused += 1
            continue
        for name in ("inputs", "targets", "lengths", "names", "output"):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(split(), name))
    assert refused > len(content) / 5 / 2


def test_pickled_objects_and_other_arrays_are_refused(tmp_path):
    arrays = {name: getattr(split(), name) for name in ("inputs", "targets", "lengths", "output")}
    np.savez(tmp_path / "objects.npz", names=np.array(["a", None], object), **arrays)
    with pytest.raises(InputError, match="not a readable prepared split"):
        Split.load(tmp_path / "objects.npz")
    np.savez(tmp_path / "missing.npz", **arrays)
    with pytest.raises(InputError, match="expected the arrays .*names.*, found"):
        Split.load(tmp_path / "missing.npz")
    with open(tmp_path / "single.npz", "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(InputError, match="a single array"):
        Split.load(tmp_path / "single.npz")


def test_a_member_that_is_no_array_is_refused(tmp_path):
    split().save(tmp_path / "whole.npz")
    with zipfile.ZipFile(tmp_path / "whole.npz") as archive, zipfile.ZipFile(tmp_path / "a.npz", "w") as other:
        for name in archive.namelist():
            other.writestr(name, b"" if name == "targets.npy" else archive.read(name))
    with pytest.raises(InputError, match="a.npz: not a readable prepared split .a member is no array"):
        Split.load(tmp_path / "a.npz")


def test_a_file_that_would_unpack_beyond_the_bound_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "train.npz"
    split().save(path)
    monkeypatch.setattr("stages.corpora.split.MAX_BYTES", 100)
    with pytest.raises(InputError, match=r"train.npz: .*it claims to unpack to \d+ bytes, more than 100"):
        Split.load(path)
    monkeypatch.setattr("stages.corpora.split.MAX_BYTES", 35)
    with pytest.raises(InputError, match="inputs: expected with targets less than 35 bytes, found 35"):
        split().save(path)
