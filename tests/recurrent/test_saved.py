"""Trained weights come back as they were, and a damaged or foreign file is named."""

import pytest
import torch
from safetensors.torch import save_file
from training_data import CPU, net

from stages.plumbing.errors import InputError
from stages.recurrent import saved
from stages.recurrent.layout import Layout


@pytest.fixture
def layout():
    return Layout.of(net("lstm"))


@pytest.fixture
def rows(layout):
    return layout.initial([3, 5], 0.1)


def test_round_trip(tmp_path, layout, rows):
    saved.save(tmp_path / "w.safetensors", layout, [(0, 4), (2, 1)], list(rows))
    trials, weights = saved.load(tmp_path / "w.safetensors", layout, CPU)
    assert trials == [(0, 4), (2, 1)]
    assert all(torch.equal(weights[name], view) for name, view in layout.views(rows).items())


def test_no_trial_at_all(tmp_path, layout):
    saved.save(tmp_path / "w.safetensors", layout, [], [])
    assert saved.load(tmp_path / "w.safetensors", layout, CPU)[0] == []


def test_a_missing_file_says_how_to_make_it(tmp_path, layout):
    with pytest.raises(InputError, match=r"w.safetensors: no such file; `dvc repro`"):
        saved.load(tmp_path / "w.safetensors", layout, CPU)


def test_a_truncated_file(tmp_path, layout, rows):
    path = tmp_path / "w.safetensors"
    saved.save(path, layout, [(0, 4), (2, 1)], list(rows))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="w.safetensors: not a file of trained weights"):
        saved.load(path, layout, CPU)


def test_another_cells_weights(tmp_path, layout, rows):
    saved.save(tmp_path / "w.safetensors", layout, [(0, 4), (2, 1)], list(rows))
    with pytest.raises(InputError, match="expected the parameters .*, found .*recurrent.V"):
        saved.load(tmp_path / "w.safetensors", Layout.of(net("gru")), CPU)


def test_other_units(tmp_path, layout, rows):
    saved.save(tmp_path / "w.safetensors", layout, [(0, 4), (2, 1)], list(rows))
    with pytest.raises(InputError, match="expected the shape .*, found"):
        saved.load(tmp_path / "w.safetensors", Layout.of(net("lstm", units=7)), CPU)


@pytest.mark.parametrize("fault", [torch.nan, torch.inf])
def test_numbers_that_are_not_finite(tmp_path, layout, rows, fault):
    rows[1, 5] = fault
    tensors = {name: view.contiguous() for name, view in layout.views(rows).items()}
    save_file(tensors, tmp_path / "w.safetensors", metadata={"trials": "[[0, 4], [2, 1]]"})
    with pytest.raises(InputError, match="expected finite float32 numbers"):
        saved.load(tmp_path / "w.safetensors", layout, CPU)
