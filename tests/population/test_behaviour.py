"""The probe says the same of every engine, and something else of every change that shapes a result."""

import numpy as np
import pytest
import torch
from training_data import CPU, engine, net, protocol

from stages.population import batches, behaviour, noise, optimisers, trainer, trials
from stages.population.engines import torch as plain_engine
from stages.recurrent import network
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net
from stages.recurrent.network import Network

RMSPROP = {"name": "rmsprop", "decay": 0.95, "floor": 0.01, "momentum": 0.9}
MIXTURE = {"components": 4, "variance_floor": 1e-4}


def probed(of: Net, rules=None, name="torch") -> list[float]:
    rules = rules or protocol()
    return behaviour.probe(of, rules, engine(name, of, rules), CPU)


@pytest.fixture(scope="module")
def plain() -> list[float]:
    return probed(net())


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
@pytest.mark.parametrize("output", ["bernoulli", "gaussian_mixture"])
def test_engines_agree_far_closer_than_asked(cell, output):
    of = Net.build(cell, output, 7, 9, 5, MIXTURE if output == "gaussian_mixture" else {})
    first, second = (np.array(probed(of, name=name)) for name in ("torch", "compiled"))
    np.testing.assert_allclose(first, second, rtol=behaviour.AGREEMENT / 10)


def test_it_is_the_same_every_time_and_says_nothing(plain, capfd):
    capfd.readouterr()
    of, rules = net(), protocol()
    running = engine("torch", of, rules)
    capfd.readouterr()
    assert behaviour.probe(of, rules, running, CPU) == plain
    assert capfd.readouterr() == ("", "")


def test_the_weights_move(plain):
    losses = plain[3 * len(behaviour.RATES) :]
    assert max(losses) > 1.01 * min(losses)


def test_rounding_agrees_and_other_lengths_do_not(plain):
    assert behaviour.agree(plain, [value * (1 + 1e-6) for value in plain])
    assert not behaviour.agree(plain, [value * (1 + 1e-3) for value in plain])
    assert not behaviour.agree(plain, plain[:-1])
    assert not behaviour.agree(plain, [float("nan"), *plain[1:]])


CHANGES = {
    "noise": lambda patch: patch.setattr(noise, "MULTIPLIERS", (0xD2511F53, 0xCD9E8D59)),
    "the scale of the noise": lambda patch: patch.setattr(
        noise, "normals", lambda *given, normals=noise.normals: 1.01 * normals(*given)
    ),
    "the order of the data": lambda patch: patch.setattr(
        trainer, "epoch_batches", lambda *given: batches.epoch_batches(*given)[::-1]
    ),
    "initial weights": lambda patch: patch.setattr(
        Layout, "initial", lambda *given, initial=Layout.initial: 1.001 * initial(*given)
    ),
    "another seed": lambda patch: patch.setattr(trials, "_integer", lambda stream: int(stream.generate_state(1)[0])),
    "the rates drawn": lambda patch: patch.setattr(
        trials, "_value", lambda *given, value=trials._value: 1.001 * value(*given)
    ),
    "the optimiser": lambda patch: patch.setattr(
        optimisers.Optimiser, "step", lambda self, weights, gradient, rates, update: -rates[:, None] * gradient
    ),
    "rescaling": lambda patch: patch.setattr(
        plain_engine, "rescale", lambda gradient, norm, rescale=optimisers.rescale: rescale(gradient, 0.9 * norm)
    ),
    "early stopping": lambda patch: patch.setattr(behaviour, "PATIENCE", 3),
    "the choice": lambda patch: patch.setattr(trainer, "chosen", lambda records, by_halving=False: records[:1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(plain, change, monkeypatch):
    CHANGES[change](monkeypatch)
    assert not behaviour.agree(plain, probed(net()))


def test_a_changed_equation_is_noticed(plain, monkeypatch):
    of = net("tanh")
    before = probed(of)
    monkeypatch.setattr(
        network,
        "hidden_states",
        lambda *of, made=network.hidden_states: lambda *given: 0.999 * made(*of)(*given),
    )
    assert not behaviour.agree(before, probed(of))


def test_a_changed_loss_is_noticed(plain, monkeypatch):
    monkeypatch.setattr(
        Network,
        "negative_log_likelihood",
        lambda *given, nll=Network.negative_log_likelihood: nll(*given) + 0.01 * given[1]["output.V"].square().sum(),
    )
    assert not behaviour.agree(plain, probed(net()))


@pytest.mark.parametrize(
    "rules",
    [
        {"optimiser": RMSPROP | {"decay": 0.9505}},
        {"optimiser": RMSPROP | {"momentum": 0.899}},
        {"optimiser": RMSPROP | {"floor": 0.0101}},
        {"optimiser": {"name": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}},
        {"schedule": {"name": "linear", "share": 0.5}},
        {"dropout": 0.1},
        {"step_norm": 0.1},
        {"weight_noise": 0.0},
        {"noise_on": "inputs"},
        {"output_bias": "frequent"},
        {"gradient_norm": 0.5},
        {"length_jitter": 0.5},
    ],
)
def test_a_protocols_numbers_are_within_it(plain, rules):
    """As if the code read another number than params.yaml says."""
    assert not behaviour.agree(plain, probed(net(), protocol(**rules)))


def test_it_leaves_torch_as_it_was(plain):
    before = torch.random.get_rng_state()
    probed(net())
    assert torch.equal(before, torch.random.get_rng_state())


def test_engines_agree_under_the_practice_of_today():
    rules = protocol(
        optimiser={"name": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
        schedule={"name": "cosine", "share": 0.0, "warm_up": 0.1},
        weight_noise={"one_of": [0.0, 0.05]},
        dropout={"one_of": [0.0, 0.2]},
        gradient_norm=None,
        not_finite="shrink",
        score_training_every=5,
    )
    first, second = (np.array(probed(net("lstm"), rules, name)) for name in ("torch", "compiled"))
    np.testing.assert_allclose(first, second, rtol=behaviour.AGREEMENT / 5)
