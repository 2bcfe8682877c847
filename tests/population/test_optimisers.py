"""Optimisers, the rules around them and their checkpoints: against torch's own, the written equations, one another."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from training_data import CPU, engine, music, net, protocol, train, trial

from stages.population import trainer
from stages.population.checkpoints import Checkpoint
from stages.population.engines.torch import Torch
from stages.population.optimisers import RULES, Optimiser
from stages.population.population import Population
from stages.protocol.protocol import Adam, RMSProp
from stages.recurrent.layout import Layout

SETTINGS = {
    "rmsprop": {"name": "rmsprop", "decay": 0.95, "floor": 0.01, "momentum": 0.9},
    "adam": {"name": "adam", "beta1": 0.9, "beta2": 0.99, "epsilon": 0.001, "decay": 0.01},
}
RATES = np.array([0.1, 0.01], np.float32)


@pytest.fixture(scope="module")
def kernel():
    """The compiled update of a row."""
    from stages.population.kernels import updating  # Numba takes a second to import

    return updating


class Plain:
    """The rules of an update in torch."""

    def __init__(self, **changes):
        self.engine = Torch(net(), protocol(**changes), CPU)
        self.settings = self.engine.protocol.optimiser

    def run(self, weights: np.ndarray, gradients: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        weights = torch.tensor(weights)
        grid = [SimpleNamespace(rate=float(rate)) for rate in RATES]
        optimiser, finite = Optimiser.at_rest(self.settings, weights), torch.ones(len(RATES), dtype=torch.bool)
        population = SimpleNamespace(trials=grid, weights=weights, optimiser=optimiser, finite=finite)
        given = iter(torch.tensor(gradients))
        self.engine.gradient = lambda *_: (next(given).clone(), torch.zeros(len(RATES)))
        batches = [np.array([[0], [0]])] * len(gradients)
        self.engine.train(population, SimpleNamespace(sent=lambda given: given, gather=lambda *_: None), batches, 0)
        return weights.numpy(), {name: state.numpy() for name, state in optimiser.state.items()} | {"finite": finite}


class Fast:
    """The same by the compiled kernel."""

    def __init__(self, kernel, **changes):
        of = protocol(**changes)
        limits = (np.inf if norm is None else norm for norm in (of.gradient_norm, of.step_norm))
        self.kernel, self.settings = kernel, of.optimiser
        self.rules = kernel.Rules(kernel.OPTIMISERS.index(of.optimiser.name), *limits, of.not_finite == "shrink")

    def run(self, weights: np.ndarray, gradients: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        weights = weights.copy()
        optimiser, finite = Optimiser.at_rest(self.settings, torch.tensor(weights)), [True] * len(RATES)
        for update, gradient in enumerate(gradients.copy()):
            for row in range(len(RATES)):
                finite[row] = finite[row] and self.kernel.update(
                    self.rules,
                    RATES[row],
                    np.array(optimiser.numbers(update)),
                    np.float32(0),
                    gradient[row],
                    weights[row],
                    optimiser.rows[row].numpy(),
                )
        return weights, {name: state.numpy() for name, state in optimiser.state.items()} | {"finite": finite}


@pytest.fixture(params=["torch", "compiled"])
def computing(request, kernel):
    """Makes what computes updates by the rules of a protocol."""
    return Plain if request.param == "torch" else lambda **changes: Fast(kernel, **changes)


def problem(updates: int = 6, size: int = 13) -> tuple[np.ndarray, np.ndarray]:
    """Weights [2, N] and gradients [U, 2, N] of quite different sizes."""
    generator = np.random.default_rng(0)
    gradients = generator.normal(size=(updates, 2, size)) * 10.0 ** generator.integers(-3, 1, (updates, 2, size))
    return generator.normal(size=(2, size)).astype(np.float32), gradients.astype(np.float32)


def library(make, weights: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """What an optimiser of torch's makes of each row at its own rate."""
    ends = []
    for row, rate in enumerate(RATES):
        weight = torch.nn.Parameter(torch.tensor(weights[row]))
        optimiser = make([weight], lr=float(rate))
        for gradient in gradients[:, row]:
            weight.grad = torch.tensor(gradient)
            optimiser.step()
        ends.append(weight.detach().numpy())
    return np.stack(ends)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adam_is_torchs_with_and_without_decoupled_decay(computing, decay):
    settings = {"name": "adam", "beta1": 0.8, "beta2": 0.99, "epsilon": 1e-4, "decay": decay}
    weights, state = computing(optimiser=settings, gradient_norm=None).run(*problem())
    expected = library(
        lambda parameters, lr: torch.optim.AdamW(parameters, lr, (0.8, 0.99), 1e-4, weight_decay=decay), *problem()
    )
    np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-6)
    assert state["first"].any() and state["second"].any()


def test_rmsprop_with_a_negligible_floor_is_torchs(computing):
    settings = {"name": "rmsprop", "decay": 0.9, "floor": 1e-12, "momentum": 0.5}
    weights, _ = computing(optimiser=settings, gradient_norm=None).run(*problem())
    expected = library(
        lambda parameters, lr: torch.optim.RMSprop(parameters, lr, alpha=0.9, eps=1e-12, momentum=0.5), *problem()
    )
    np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-6)


def written(weights, gradients, gradient_norm=np.inf, step_norm=np.inf):
    """RMSProp as the authors' code has it, in float64: s ← ρ s + (1−ρ) g²; v ← μ v − η g / max(√s, floor)."""
    w, s, v = weights.astype(float), np.zeros(weights.shape), np.zeros(weights.shape)
    for g in np.nan_to_num(gradients.astype(float)):
        g = g * np.minimum(1, gradient_norm / np.linalg.norm(g, axis=1, keepdims=True))
        s = 0.95 * s + 0.05 * g**2
        v = 0.9 * v - RATES[:, None] * g / np.maximum(np.sqrt(s), 0.01)
        w = w + v * np.minimum(1, step_norm / np.linalg.norm(v, axis=1, keepdims=True))
    return w, s, v


@pytest.mark.parametrize("gradient_norm", [None, 0.7])
@pytest.mark.parametrize("step_norm", [None, 0.3])
def test_rmsprop_and_the_norms_follow_their_equations(computing, gradient_norm, step_norm):
    """The cap on the step leaves the velocity as it is: the authors' `momentum_clipping`."""
    rules = {"gradient_norm": gradient_norm, "step_norm": step_norm}
    weights, state = computing(**rules).run(*problem())
    w, s, v = written(*problem(), *(np.inf if norm is None else norm for norm in rules.values()))
    np.testing.assert_allclose(weights, w, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(state["square"], s, rtol=1e-4)
    np.testing.assert_allclose(state["velocity"], v, rtol=1e-4, atol=1e-6)
    if step_norm and not gradient_norm:
        assert np.linalg.norm(v, axis=1).max() > 2 * step_norm, "the cap acted"


@pytest.mark.parametrize("planted", [np.inf, -np.inf, np.nan])
def test_a_gradient_that_is_not_finite_ends_its_row_alone(computing, planted):
    weights, gradients = problem()
    gradients[2, 1, 5] = planted
    ends, state = computing().run(weights, gradients)
    assert list(state["finite"]) == [True, False]
    np.testing.assert_allclose(ends[0], written(weights, gradients, 1.0)[0][0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ends[1], written(weights, gradients[:2], 1.0)[0][1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("planted", [np.inf, np.nan])
def test_or_it_is_replaced_by_a_tenth_of_the_weights_and_the_trial_goes_on(computing, planted):
    """The replacement is not rescaled, as in the authors' code; here its norm is above 1."""
    weights, gradients = problem(updates=1)
    weights *= 10
    gradients[0, 1, 5] = planted
    ends, state = computing(not_finite="shrink").run(weights, gradients)
    assert all(state["finite"]) and np.linalg.norm(weights[1]) > 20
    shrunk = np.stack([gradients[0, 0] / max(1, np.linalg.norm(gradients[0, 0])), 0.1 * weights[1]])
    np.testing.assert_allclose(ends, written(weights, shrunk[None])[0], rtol=1e-4, atol=1e-6)


def test_weights_that_are_not_finite_end_a_trial_that_would_shrink(computing):
    weights, gradients = problem(updates=1)
    weights[1, 3], gradients[0, 1, 3] = np.inf, np.nan
    assert list(computing(not_finite="shrink").run(weights, gradients)[1]["finite"]) == [True, False]


@pytest.mark.parametrize("name", RULES)
def test_both_forms_of_an_optimiser_agree(kernel, name):
    """A further one is compared here by itself, once its settings stand above."""
    assert SETTINGS.keys() == RULES.keys()
    ends = [
        make.run(*problem(40)) for make in (Plain(optimiser=SETTINGS[name]), Fast(kernel, optimiser=SETTINGS[name]))
    ]
    np.testing.assert_allclose(ends[1][0], ends[0][0], rtol=1e-4, atol=1e-5)
    for state in RULES[name].state:
        np.testing.assert_allclose(ends[1][1][state], ends[0][1][state], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_engines_agree_on_everything_at_once(cell):
    """Adam with decay, cosine with warm-up, a cap on the step, noise, dropout and rate drawn by each row."""
    rules = protocol(
        optimiser=SETTINGS["adam"],
        step_norm=0.05,
        schedule={"name": "cosine", "share": 0.0, "warm_up": 0.3},
        weight_noise={"uniform": [0.0, 0.1]},
        dropout={"one_of": [0.0, 0.2, 0.5]},
    )
    plain, fast = (train(cell, rules=rules, name=name, repeats=2, candidates=3) for name in ("torch", "compiled"))
    assert len({record.trial.weight_noise for record in plain}) == 6
    assert {record.trial.dropout for record in plain} >= {0.0, 0.5}
    for one, other in zip(plain, fast, strict=True):
        assert one.trial == other.trial
        torch.testing.assert_close(one.weights, other.weights, rtol=1e-3, atol=1e-4)
        for mine, theirs in zip(one.curve, other.curve, strict=True):
            assert mine.valid_nll == pytest.approx(theirs.valid_nll, rel=1e-4)
    for record in fast[::2]:
        (alone,) = train(cell, grid=[record.trial], rules=rules, name="compiled")
        assert torch.equal(alone.weights, record.weights) and alone.curve == record.curve, "in company to the bit"


@pytest.mark.parametrize("name", RULES)
def test_a_checkpoint_keeps_an_optimisers_state_by_its_own_names(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    of, rules = net(), protocol(optimiser=SETTINGS[name])
    layout, computing = Layout.of(of), engine("torch", of, rules)
    grid, split = [trial(candidate=number, seed=number) for number in range(3)], music(0).on(computing)
    begun = trainer.Training.begin(layout, rules, grid, CPU)
    batches = [np.array([[0, 1, 2]]), np.array([[3, 4]])]
    computing.train(begun.population, split, batches, 0)
    checkpoint = Checkpoint("test", "0" * 64)
    checkpoint.save(begun)
    found = checkpoint.load(layout, rules, CPU)
    assert found.population.optimiser.state.keys() == set(RULES[name].state)
    for training in (begun, found):
        computing.train(training.population, split, batches, 2)
    assert torch.equal(begun.population.weights, found.population.weights)
    assert torch.equal(begun.population.optimiser.rows, found.population.optimiser.rows)


def test_a_population_that_loses_rows_keeps_the_others_state():
    rules = protocol(optimiser=SETTINGS["adam"])
    population = Population.initial(Layout.of(net()), rules, [trial(seed=seed) for seed in range(3)], CPU)
    population.optimiser.rows.copy_(torch.arange(3.0)[:, None, None].expand_as(population.optimiser.rows))
    population.keep([0, 2])
    assert population.optimiser.state["second"][:, 0].tolist() == [0, 2]


def test_settings_and_rules_name_the_same_optimisers():
    assert {of.model_fields["name"].annotation.__args__[0] for of in (RMSProp, Adam)} == RULES.keys()
