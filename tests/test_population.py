"""The population: rows are independent, seeds fix them, gradients are rescaled, broken rows touch nobody."""

import numpy as np
import pytest
import torch
from training_data import CPU, Frames, engine, music, net, protocol, train, trial

from stages.population import trainer, trials
from stages.population.batches import epoch_batches
from stages.population.engines.torch import Torch
from stages.population.optimisers import rescale
from stages.population.population import Population
from stages.population.trainer import Point, Record
from stages.recurrent import likelihood
from stages.recurrent.layout import Layout

CELLS = ["tanh", "lstm", "gru"]
ENGINES = ["torch", "compiled"]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_a_trial_ends_the_same_alone_and_among_others(cell, name):
    together = train(cell, name=name, repeats=2, candidates=4)
    for record in together[::3]:
        (alone,) = train(cell, grid=[record.trial], name=name)
        torch.testing.assert_close(alone.weights, record.weights, rtol=1e-4, atol=1e-6)
        assert [p.valid_nll for p in alone.curve] == pytest.approx([p.valid_nll for p in record.curve], rel=1e-5)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_the_same_seed_gives_bit_identical_results(cell, name):
    for first, second in zip(train(cell, name=name), train(cell, name=name), strict=True):
        assert torch.equal(first.weights, second.weights)
        assert first.curve == second.curve


def test_another_seed_gives_other_results():
    first, second = train(rules=protocol(seed=1))[0], train(rules=protocol(seed=2))[0]
    assert not torch.equal(first.weights, second.weights)


def test_a_net_learns_the_planted_rule():
    rules = protocol(weight_noise=0.0, rate={"log_uniform": [-6.0, -5.0]})
    records = train(rules=rules, max_epochs=60)
    curve = trainer.chosen(records)[0].curve
    assert curve[-1].valid_nll < 0.75 * curve[0].valid_nll


def test_more_repeats_and_candidates_leave_the_earlier_trials_as_they_are():
    few, many = trials.draw(protocol(), "tunes", 2, 3), trials.draw(protocol(), "tunes", 4, 5)
    assert set(few) <= set(many)
    assert len({trial.seed for trial in many}) == len({trial.rate for trial in many}) == 20
    assert len({trial.order_seed for trial in many}) == 4


def test_learning_rates_are_log_uniform_in_the_stated_range():
    rates = np.log([t.rate for t in trials.draw(protocol(), "tunes", 40, 25)])
    assert rates.min() > -8 and rates.max() < -5
    assert np.histogram(rates, bins=3, range=(-8, -5))[0].min() > 270  # 333 expected, deviation about 15


def test_a_huge_gradient_is_rescaled_and_a_small_one_is_not():
    gradient = torch.stack([torch.full((100,), 1e6), torch.full((100,), 1e-3), torch.zeros(100)])
    before = rescale(gradient, norm=1.0)
    assert before.tolist() == pytest.approx([1e7, 1e-2, 0.0])
    torch.testing.assert_close(gradient.norm(dim=1), torch.tensor([1.0, 1e-2, 0.0]))
    assert (gradient[0] == gradient[0, 0]).all()


def test_a_gradient_whose_squares_overflow_is_rescaled_too():
    gradient = torch.stack([torch.full((100,), 1e30), torch.full((100,), 3.0), torch.full((100,), torch.inf)])
    before = rescale(gradient, norm=1.0)
    assert before[:2].tolist() == pytest.approx([1e31, 30.0]) and not torch.isfinite(before[2])
    torch.testing.assert_close(gradient[:2].norm(dim=1), torch.ones(2))


def test_an_update_moves_the_weights_by_the_rescaled_gradient():
    """One update from rest moves by rate · g / max(√(0.05 g²), 0.01) with ‖g‖ = 1, computed here by autograd."""
    rules = protocol(weight_noise=0.0)
    grid = [trial(weight_noise=0.0)]
    of, split = net(), music(0)
    plain = Torch(of, rules, CPU)
    layout = Layout.of(of)
    population = Population.initial(layout, rules, grid, CPU)
    batch = split.on(plain).gather(np.array([[0, 1, 2]]))
    before = population.weights.clone()

    leaf = before.clone().requires_grad_()
    nll = plain.network.negative_log_likelihood(layout.views(leaf), batch.inputs, batch.targets)
    ((nll * batch.mask).sum() / 3).backward()
    assert leaf.grad.norm() > 1
    g = leaf.grad / leaf.grad.norm()
    expected = before - 0.001 * g / (0.05 * g.square()).sqrt().clamp(min=0.01)

    for name in ENGINES:
        computing = engine(name, of, rules)
        population = Population.initial(layout, rules, grid, CPU)
        computing.train(population, split.on(computing), [np.array([[0, 1, 2]])], 0)
        torch.testing.assert_close(population.weights, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("where", "noisy"), [("matrices", ("recurrent.W", "recurrent.U")), ("inputs", ("recurrent.W",))]
)
def test_weight_noise_falls_on_the_recurrent_layers_matrices_with_its_deviation(where, noisy):
    for cell in CELLS:
        plain = Torch(net(cell, units=30), protocol(noise_on=where), CPU)
        layout = Layout.of(plain.network.net)
        population = Population.initial(layout, protocol(), [trial()], CPU)
        first, second = plain.perturbed(population, 0), plain.perturbed(population, 1)
        noise = population.layout.views(first - population.weights)
        for name, values in noise.items():
            if name in noisy:
                assert 0.065 < values.std() < 0.085
            else:
                assert not values.any(), name
        assert not torch.equal(first, second), "each update has its own draw"


def clean_nll(record):
    """Of the record's weights on the validation split, computed by the plain engine."""
    plain = Torch(net(), protocol(), CPU)
    sums = plain.score(Layout.of(net()), record.weights[None], music(1).on(plain), lambda: False)
    return likelihood.pooled(sums, music(1).lengths)[0]


@pytest.mark.parametrize("name", ENGINES)
def test_validation_is_measured_without_noise(name):
    (record,) = train(grid=[trial()], name=name, max_epochs=1)
    assert record.best.valid_nll == pytest.approx(clean_nll(record), rel=1e-6)


@pytest.mark.parametrize("name", ENGINES)
def test_a_diverging_trial_is_marked_and_changes_no_other(name):
    grid = [trial(candidate=c, rate=rate, seed=10 + c) for c, rate in enumerate([0.001, 3e38, 0.002])]
    records = train(grid=grid, name=name, max_epochs=4)
    assert [r.status for r in records] == ["max_epochs", "diverged", "max_epochs"]
    without = train(grid=[grid[0], grid[2]], name=name, max_epochs=4)
    for record, alone in zip((records[0], records[2]), without, strict=True):
        torch.testing.assert_close(record.weights, alone.weights, rtol=1e-4, atol=1e-6)
    assert trainer.chosen(records)[0].trial.candidate in (0, 2)


def test_a_repeat_all_of_whose_candidates_diverged_has_none_chosen():
    records = train(grid=[trial(rate=3e38), trial(repeat=1, seed=3, order_seed=4)])
    assert [r.status for r in records] == ["diverged", "max_epochs"]
    assert [r.trial.repeat for r in trainer.chosen(records)] == [1]


def test_early_stopping_keeps_the_best_weights():
    records = train(rules=protocol(patience=2, rate={"log_uniform": [-4.0, -2.0]}), max_epochs=200)
    assert {r.status for r in records} == {"stopped"}
    for record in records:
        assert len(record.curve) == record.best.epoch + 2
        assert record.best.valid_nll == min(p.valid_nll for p in record.curve)
        assert record.best.valid_nll == pytest.approx(clean_nll(record), rel=1e-5)


def test_halving_keeps_the_better_share_of_each_repeat():
    records = train(repeats=2, candidates=5, max_epochs=6, halving={"epochs": [2, 4], "keep": 0.5})
    for repeat in range(2):
        own = [r for r in records if r.trial.repeat == repeat]
        assert sorted(len(r.curve) for r in own) == [2, 2, 4, 6, 6]
        after_two = sorted(own, key=lambda r: min(p.valid_nll for p in r.curve[:2]))
        assert {id(r) for r in own if r.status == "halved" and len(r.curve) == 2} == {id(r) for r in after_two[3:]}
    plain = train(repeats=2, candidates=5, max_epochs=6)
    survivor = next(r for r in records if len(r.curve) == 6)
    same = next(r for r in plain if r.trial == survivor.trial)
    torch.testing.assert_close(survivor.weights, same.weights, rtol=1e-4, atol=1e-6)


def test_halving_that_is_only_recorded_names_what_applied_halving_keeps_and_chooses():
    halving = {"epochs": [2, 4], "keep": 0.5}
    plain = train(repeats=2, candidates=5, max_epochs=6, halving=halving | {"apply": False})
    applied = train(repeats=2, candidates=5, max_epochs=6, halving=halving)
    assert {r.status for r in plain} == {"max_epochs"}
    assert [r.halved_at for r in plain] == [r.halved_at for r in applied]
    assert [r.trial for r in trainer.chosen(plain, by_halving=True)] == [r.trial for r in trainer.chosen(applied)]


def test_the_candidate_is_chosen_by_validation():
    def record(repeat, candidate, valid, status="max_epochs"):
        point = Point(1, 1, 0.0, valid, 0.0, 0.0)
        return Record(trial(repeat, candidate), status, [point], point, torch.zeros(1))

    records = [record(0, 0, 3.0), record(0, 1, 2.0), record(0, 2, 1.0, "diverged"), record(1, 0, 9.0, "halved")]
    assert [(r.trial.repeat, r.trial.candidate) for r in trainer.chosen(records)] == [(0, 1), (1, 0)]


def test_initial_matrices_are_orthogonal_a_gate_and_uniform_elsewhere():
    layout = Layout.of(net("gru", units=20))
    views = layout.views(layout.initial([3], initial_range=0.1))
    for gate in views["recurrent.U"][0].split(20, dim=1):
        torch.testing.assert_close(gate.T @ gate, torch.eye(20), rtol=0, atol=1e-5)
    assert 0.09 < views["recurrent.W"].abs().max() <= 0.1 and 0.08 < views["output.V"].abs().max() <= 0.1
    assert not views["recurrent.b"].any() and not views["output.c"].any()


def test_pooled_and_per_sequence_averages():
    sums, lengths = np.array([[10.0, 2.0]]), np.array([10, 1])
    assert likelihood.pooled(sums, lengths)[0] == pytest.approx(12 / 11)
    assert likelihood.per_sequence(sums, lengths)[0] == pytest.approx(1.5)


def test_the_padding_of_a_batch_changes_no_loss():
    plain = Torch(net(), protocol(), CPU)
    split, network, layout = music(0).on(plain), plain.network, Layout.of(net())
    weights = layout.views(layout.initial([3], 0.5))
    together = likelihood.sequence_sums(network, weights, split)[0]
    for number in range(split.count):
        batch = split.gather(np.array([[number]]))
        alone = network.negative_log_likelihood(weights, batch.inputs, batch.targets).sum()
        assert together[number] == pytest.approx(alone.item(), rel=1e-5)


@pytest.mark.parametrize("name", ENGINES)
def test_sequences_of_one_step_train(name):
    split = Frames(music(0).inputs[:6], music(0).targets[:6], np.ones(6, np.int64))
    computing = engine(name, net(), protocol())
    population = Population.initial(Layout.of(net()), protocol(), [trial()], CPU)
    before = population.weights.clone()
    computing.train(population, split.on(computing), epoch_batches(split.lengths, 4, 0.1, 1, 0, [1]), 0)
    assert population.finite.all() and not torch.equal(population.weights, before)
