"""A user's own cell, written as one plain step: the README's example, taken from its text, is matched and trains."""

import re
from pathlib import Path

import pytest
import torch
from training_data import CPU, budget, music, protocol

from stages import cells
from stages.population import engines, trainer, trials
from stages.recurrent import unroll
from stages.recurrent.layout import Layout
from stages.recurrent.matching import units_for
from stages.recurrent.net import Net

README = Path(__file__).parent.parent / "README.md"


@pytest.fixture
def mgu(tmp_path, monkeypatch):
    """The name of the README's cell, found as if its file stood beside the others."""
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL).group(1)
    (tmp_path / "mgu.py").write_text(code)
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    return "mgu"


def test_its_units_are_solved_from_the_budget(mgu):
    units = units_for(mgu, "bernoulli", 100, 100, {}, 20100, "recurrent", 0.05)
    assert Net.build(mgu, "bernoulli", 100, units, 100, {}).recurrent_parameters == pytest.approx(20100, rel=0.01)


def test_it_trains_without_a_kernel(mgu, capsys, monkeypatch):
    monkeypatch.delenv("STUDY_ENGINE", raising=False)
    of, rules = (
        Net.build(mgu, "bernoulli", 8, 6, 8, {}),
        protocol(learning_rate_log_low=-6.0),
    )
    plain = engines.choose(of, rules, CPU)
    assert capsys.readouterr().err.startswith("training in plain torch: no compiled kernel for the cell 'mgu'")
    assert plain.network.recurrence.func is unroll.hidden_states
    grid = trials.draw(rules, "tunes", 1, 3)

    def train(grid):
        begin = trainer.Training.begin(Layout.of(of), rules, grid, CPU)
        return trainer.train(plain, rules, budget(max_epochs=4), begin, music(0).on(plain), music(1).on(plain), "test")

    records = train(grid)
    best = trainer.chosen(records)[0]
    assert best.best.valid_nll < best.curve[0].valid_nll
    (alone,) = train([grid[1]])
    torch.testing.assert_close(alone.weights, records[1].weights, rtol=1e-4, atol=1e-6)


def test_a_cell_that_lacks_a_part_says_which(tmp_path, monkeypatch):
    (tmp_path / "half.py").write_text("STATES = 1\n\n\ndef parameters(inputs, units):\n    return {}\n")
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match=r"cell 'half' .*half.py.* lacks step"):
        cells.load("half")
