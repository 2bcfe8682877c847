"""What a training does at the end of its epochs: scores of the training split now and then, and very many epochs."""

import io
import math

import numpy as np
import pandas as pd
import pytest
import torch
from training_data import CPU, engine, music, net, protocol, train, trial

from stages import cells
from stages.population import results, trainer
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net

ENGINES = ["torch", "compiled"]


@pytest.mark.parametrize("name", ENGINES)
def test_the_training_split_is_scored_every_so_many_epochs_and_of_every_better_net(name):
    rate = {"log_uniform": [-4.0, -2.0]}
    each, third = (
        train(rules=protocol(rate=rate, patience=4, score_training_every=k), name=name, max_epochs=40) for k in (1, 3)
    )
    skipped = 0
    for record, sparse in zip(each, third, strict=True):
        assert torch.equal(record.weights, sparse.weights) and record.status == sparse.status
        least = math.inf
        for point, other in zip(record.curve, sparse.curve, strict=True):
            better, least = point.valid_nll < least, min(least, point.valid_nll)
            assert other.valid_nll == point.valid_nll
            if better or point.epoch % 3 == 0:
                assert other.train_nll == pytest.approx(point.train_nll, rel=1e-6)
                assert other.train_nll_per_sequence == pytest.approx(point.train_nll_per_sequence, rel=1e-6)
            else:
                assert other.train_nll is None and other.train_nll_per_sequence is None
                skipped += 1
    assert skipped > 5
    columns = results.trial_table(third, []).columns.drop(["train_nll", "train_nll_per_sequence"])
    pd.testing.assert_frame_equal(results.trial_table(each, [])[columns], results.trial_table(third, [])[columns])


def test_an_epoch_without_a_score_is_an_empty_cell_in_the_curves():
    records = train(rules=protocol(score_training_every=100, rate=0.3), max_epochs=8)
    table = results.curve_table(records)
    assert table["train_nll"].isna().any() and table["valid_nll"].notna().all()
    written = table.to_csv(index=False)
    assert any(line.split(",")[4] == "" == line.split(",")[6] for line in written.splitlines()[1:])
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(written)), table)
    for record in records:
        assert record.best.train_nll is not None, "the chosen net's is always known"
    assert list(results.curve_table([]).columns) == list(table.columns)


@pytest.mark.parametrize("name", ENGINES)
def test_a_row_that_breaks_is_seen_without_a_score_of_the_training_split(name):
    records = train(
        grid=[trial(rate=3e38), trial(candidate=1)], rules=protocol(score_training_every=100), name=name, max_epochs=3
    )
    assert [record.status for record in records] == ["diverged", "max_epochs"]


@pytest.mark.parametrize("name", ENGINES)
def test_more_short_epochs_than_a_chunk_can_grow_to(name, monkeypatch):
    """The chunk of updates between two looks grew fourfold an epoch, and after 508 epochs beyond every float."""
    monkeypatch.setattr(trainer, "SHORT", 1e9)  # every chunk is far too short
    epochs = 1500 if name == "compiled" else 520
    records = train(
        rules=protocol(patience=100_000, score_training_every=50), name=name, max_epochs=epochs, candidates=1
    )
    assert [(record.status, len(record.curve)) for record in records] == [("max_epochs", epochs)]


def test_a_net_may_begin_by_saying_how_frequent_each_note_is():
    """With no recurrent output its first loss is the entropy of the notes' frequencies; all else begins as it does."""
    of, targets = net(), music(0).targets
    layout, grid = Layout.of(of), [trial(), trial(candidate=1, seed=3)]
    usual = trainer.Training.begin(layout, protocol(), grid, CPU).population.weights
    begun = trainer.Training.begin(layout, protocol(), grid, CPU, of.begin("frequent", targets)).population.weights
    said = torch.sigmoid(layout.views(begun)["output.c"])
    expected = (torch.from_numpy(targets).double().sum(0) + 0.5) / (len(targets) + 1)
    torch.testing.assert_close(said, expected.float().expand(2, -1))
    changed = layout.views(usual)["output.c"]
    changed.copy_(layout.views(begun)["output.c"])
    assert torch.equal(usual, begun) and of.begin("zero", targets) == {}


def test_a_beginning_that_an_output_layer_lacks_is_named():
    with pytest.raises(ValueError, match="output_bias: expected 'zero' for the output layer gaussian_mixture"):
        Net.build("gru", "gaussian_mixture", 4, 5, 2, {"components": 2, "variance_floor": 1e-6}).begin("frequent", None)


def test_what_a_state_does_beyond_its_sequences_end_is_no_score(tmp_path, monkeypatch):
    """A unit that its input holds down and that grows without bound in the padding, scored in company and alone."""
    code = "import torch\n" + GROWING
    (tmp_path / "growing.py").write_text(code)
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    of = Net.build("growing", "bernoulli", 1, 1, 1, {})
    computing = engine("torch", of, protocol())
    frames = np.ones((260, 1), np.uint8)
    layout, scores = Layout.of(of), []
    weights = torch.zeros(1, layout.size)
    for name, value in {"recurrent.W": -1e3, "recurrent.U": 3.0, "recurrent.b": 1.0, "output.V": 1.0}.items():
        layout.views(weights)[name].fill_(value)
    for lengths in ([200, 60], [60]):
        split = computing.load(frames[: sum(lengths)], frames[: sum(lengths)], np.array(lengths))
        scores.append(computing.score(layout, weights, split, lambda: False)[0])
    assert np.isfinite(scores[0]).all() and scores[0][1] == pytest.approx(scores[1][0])


GROWING = """
from stages.recurrent.parameters import Parameter

STATES = 1


def parameters(inputs, units):
    square = Parameter((units, units), "recurrent")
    return {"W": Parameter((inputs, units), "input"), "U": square, "b": Parameter((units,), "bias")}


def step(weights, x, state):
    return (torch.relu(x @ weights["W"] + state[0] @ weights["U"] + weights["b"]),)
"""
