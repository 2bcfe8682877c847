"""A user's own cell, written as one plain step: the README's example, taken from its text, is matched and trains."""

import re
from pathlib import Path

import pytest
import torch
from training_data import CPU, budget, music, protocol

from stages.population import trainer, trials, unroll
from stages.population.network import Network
from stages.recurrent import cells
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


def test_it_trains_without_a_kernel(mgu):
    network = Network.of(Net.build(mgu, "bernoulli", 8, 6, 8, {}))
    assert network.recurrence.func is unroll.hidden_states
    rules, plan = protocol(learning_rate_log_low=-6.0), budget(max_epochs=4)
    grid = trials.draw(rules, "tunes", 1, 3)
    records = trainer.train(network, rules, plan, grid, music(0), music(1), CPU, "test")
    best = trainer.chosen(records)[0]
    assert best.best.valid_nll < best.curve[0].valid_nll

    (alone,) = trainer.train(network, rules, plan, [grid[1]], music(0), music(1), CPU, "test")
    torch.testing.assert_close(alone.weights, records[1].weights, rtol=1e-4, atol=1e-6)


def test_a_cell_that_lacks_a_part_says_which(tmp_path, monkeypatch):
    (tmp_path / "half.py").write_text("STATES = 1\n\n\ndef parameters(inputs, units):\n    return {}\n")
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match=r"cell 'half' .*half.py.* lacks step"):
        cells.load("half")
