"""Schedules at their corners, and that they reach the weights."""

import numpy as np
import pytest
from training_data import CPU, engine, music, net, protocol, train, trial

from stages.population import schedules
from stages.population.population import Population
from stages.recurrent.layout import Layout


def shares(epoch, epochs=5, updates=4, **settings):
    return schedules.shares(protocol(schedule=settings).schedule, epoch, epochs, updates).tolist()


def test_constant_is_one():
    assert shares(1, name="constant") == shares(5, name="constant") == [1.0] * 4


def test_linear_falls_an_epoch_at_a_time_to_its_share_in_the_last():
    for epoch, share in ((1, 1.0), (3, 0.55), (5, 0.1)):
        assert shares(epoch, name="linear", share=0.1) == pytest.approx([share] * 4)
    assert shares(1, epochs=1, name="linear", share=0.1) == [1.0] * 4
    assert shares(500, epochs=500, name="linear", share=0.01) == pytest.approx([0.01] * 4)


def test_cosine_falls_at_every_update_and_stands_still_at_none():
    whole = np.concatenate([shares(epoch, name="cosine", share=0.2) for epoch in range(1, 6)])
    assert whole[0] == 1 and (np.diff(whole) < 0).all() and whole[10] == pytest.approx(0.6)
    assert 0.2 < whole[-1] < 0.21
    assert shares(5, name="cosine", share=0.0)[-1] > 0


def test_a_warm_up_rises_update_by_update_and_multiplies_what_follows():
    """A share of 0.4 of 5 epochs of 4 updates: 8 updates."""
    risen = [shares(epoch, name="constant", warm_up=0.4) for epoch in (1, 2, 3)]
    assert np.concatenate(risen).tolist() == pytest.approx([*np.arange(1, 9) / 8, 1, 1, 1, 1])
    plain, warm = (shares(1, name="linear", share=0.0, warm_up=warm) for warm in (0.0, 0.4))
    np.testing.assert_allclose(warm, np.multiply(plain, np.arange(1, 5) / 8))


@pytest.mark.parametrize("name", ["torch", "compiled"])
def test_an_update_at_a_share_is_an_update_at_so_much_of_the_rate(name):
    of, rules = net(), protocol()
    computing, batches = engine(name, of, rules), [np.array([[0, 1]]), np.array([[2, 3]]), np.array([[4]])]
    split, given, ends = music(0).on(computing), np.array([1.0, 0.5, 0.25]), []
    population = Population.initial(Layout.of(of), rules, [trial(rate=0.002)], CPU)
    computing.train(population, split, batches, 0, given)
    ends.append(population.weights.numpy())
    population = Population.initial(Layout.of(of), rules, [trial(rate=0.002)], CPU)
    for update, (batch, share) in enumerate(zip(batches, given, strict=True)):
        population.trials = [trial(rate=0.002 * share)]
        computing.train(population, split, [batch], update)
    ends.append(population.weights.numpy())
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("name", ["torch", "compiled"])
def test_a_training_follows_its_schedule(name):
    """A rate that falls to nothing in the second and last of two epochs: of RMSProp only the momentum is left."""
    still = {"name": "rmsprop", "decay": 0.95, "floor": 0.01, "momentum": 0.0}
    rules = protocol(schedule={"name": "linear", "share": 0.0}, optimiser=still, weight_noise=0.0)
    for record in train(rules=rules, name=name, max_epochs=2):
        assert record.curve[0].valid_nll == record.curve[1].valid_nll
