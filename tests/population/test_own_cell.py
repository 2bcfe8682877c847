"""A user's own cell, written as one plain step: the README's example, taken from its text, is matched and trains."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from own_cells import CELLS
from training_data import CPU, budget, engine, music, net, protocol, trial

from stages import cells
from stages.population import engines, trainer, trials
from stages.population.population import Population
from stages.recurrent import unroll
from stages.recurrent.layout import Layout
from stages.recurrent.matching import units_for
from stages.recurrent.net import Net

README = Path(__file__).parents[2] / "README.md"


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


def test_it_trains_on_the_fast_path(mgu, capsys, monkeypatch):
    monkeypatch.delenv("STUDY_ENGINE", raising=False)
    of, rules = Net.build(mgu, "bernoulli", 8, 6, 8, {}), protocol(rate={"log_uniform": [-6.0, -5.0]})
    fast = engines.choose(of, rules, CPU)
    assert isinstance(fast, engines.Compiled) and "plain torch" not in capsys.readouterr().err
    begin = trainer.Training.begin(Layout.of(of), rules, trials.draw(rules, "tunes", 1, 3), CPU)
    records = trainer.train(fast, rules, budget(max_epochs=4), begin, music(0).on(fast), music(1).on(fast), "test")
    best = trainer.chosen(records)[0]
    assert best.best.valid_nll < best.curve[0].valid_nll


@pytest.fixture
def odd():
    """Two states, two products one after the other, relu and exp, a learned vector: `two_speeds`."""
    return next(cell for cell in CELLS if cell.__name__ == "own.two_speeds")


def test_an_odd_cell_ends_where_plain_torch_ends(odd):
    """Three updates with noise of three trials on ragged sequences, and the score."""
    of = replace(net(units=11), cell=odd)
    grid, rules = [trial(p, 0, p + 7, p) for p in range(3)], protocol()
    generator = np.random.default_rng(0)
    batches = [np.stack([generator.permutation(10)[:4] for _ in range(3)]) for _ in range(3)]
    ends = []
    for name in ("torch", "compiled"):
        computing = engine(name, of, rules)
        split, population = music(0).on(computing), Population.initial(Layout.of(of), rules, grid, CPU)
        computing.train(population, split, batches, 3)
        ends.append((population.weights.numpy(), computing.score(population.layout, population.weights, split, bool)))
    for plain, fast in zip(*ends, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-4, atol=1e-4 * np.abs(plain).max())


def test_a_cell_that_cannot_be_derived_trains_in_plain_torch_and_says_why(mgu, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("STUDY_ENGINE", raising=False)
    path = tmp_path / "mgu.py"
    (tmp_path / "cosine.py").write_text(path.read_text().replace("torch.tanh", "torch.cos"))
    of, rules = Net.build("cosine", "bernoulli", 8, 6, 8, {}), protocol()
    plain = engines.choose(of, rules, CPU)
    assert capsys.readouterr().err == (
        "training in plain torch: no fast path can be derived for the cell 'cosine': the operation 'cos'\n"
    )
    assert plain.network.recurrence.func is unroll.hidden_states
    begin = trainer.Training.begin(Layout.of(of), rules, trials.draw(rules, "tunes", 1, 3), CPU)
    records = trainer.train(plain, rules, budget(max_epochs=2), begin, music(0).on(plain), music(1).on(plain), "test")
    assert all(np.isfinite(record.curve[-1].valid_nll) for record in records)


def test_a_cell_that_lacks_a_part_says_which(tmp_path, monkeypatch):
    (tmp_path / "half.py").write_text("STATES = 1\n\n\ndef parameters(inputs, units):\n    return {}\n")
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    with pytest.raises(ValueError, match=r"cell 'half' .*half.py.* lacks step"):
        cells.load("half")
