"""The measurements: their arithmetic counted by hand, the library's nets are real trainings, rounds take turns."""

import numpy as np
import pytest
import torch
from training_data import net

from stages.population.batches import epoch_batches
from stages.recurrent.net import Net
from stages.speed import contenders, measure, workload
from stages.speed.workload import Workload

MIXTURE = {"components": 3, "variance_floor": 1e-4}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)  # params.yaml


def small(of: Net, sequences: int = 6) -> Workload:
    generator = np.random.default_rng(0)
    lengths = generator.integers(2, 9, sequences)
    frames = int(lengths.sum())
    inputs = (generator.random((frames, of.inputs)) < 0.3).astype(np.uint8)
    targets = (generator.random((frames, of.targets)) < 0.3).astype(np.float32)
    return Workload(of, inputs, targets, lengths, epoch_batches(lengths, 4, 0.1, 1, 0, [1]))


def test_the_arithmetic_of_an_epoch_counted_by_hand():
    """A tanh net of 2 units, 3 inputs and 5 outputs on one sequence of 2 frames with 1 and 2 ones."""
    inputs = np.array([[1, 0, 0], [0, 1, 1]], np.uint8)
    load = Workload(
        Net.build("tanh", "bernoulli", 3, 2, 5, {}),
        inputs,
        np.zeros((2, 5), np.uint8),
        np.array([2]),
        [np.array([[0]])],
    )
    recurrent, output, rows = 3 * 2 * (2 * 2), 3 * 2 * (2 * 5), 2 * 3 * 2
    assert load.steps == 2 and load.arithmetic == 2 * (recurrent + output + rows)


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
@pytest.mark.parametrize("output", ["bernoulli", "gaussian_mixture"])
def test_the_librarys_net_is_of_the_same_size_and_learns(cell, output, monkeypatch):
    of = Net.build(cell, output, 5, 4, 3, MIXTURE if output == "gaussian_mixture" else {})
    load, losses = small(of), []
    backward = torch.Tensor.backward

    def noted(loss):
        losses.append(loss.item())
        backward(loss)

    monkeypatch.setattr(torch.Tensor, "backward", noted)
    epoch = contenders.torch_nn(load)
    for _ in range(30):
        epoch()
    assert len(losses) == 30 * len(load.batches)
    assert np.mean(losses[-2:]) < np.mean(losses[:2])
    losses.clear()
    contenders.torch_nn(load, one_sequence=True)()
    assert len(losses) == len(load.lengths)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_populations_contender_updates_every_trial(compiled):
    load = small(net())
    epoch = contenders.population(load, 3, compiled)
    state = epoch.__closure__[[cell for cell in epoch.__code__.co_freevars].index("state")].cell_contents
    before = state.weights.clone()
    epoch()
    assert not (state.weights == before).all(1).any()


def test_workloads_of_other_sizes():
    load = small(net())
    cut = workload.cut(load, steps=4, batch_size=2, updates=3)
    assert cut.steps == 24 and [batch.tolist() for batch in cut.batches] == [[[0, 1]], [[2, 3]], [[4, 5]]]
    assert workload.with_units(load, 9).net.units == 9


def test_rounds_take_turns_after_a_warm_up():
    calls = []
    taken = measure.interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, rounds=3)
    assert "".join(calls) == "ab" * 4
    assert all(len(seconds) == 3 for seconds in taken.values())
