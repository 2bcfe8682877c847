"""The measurements: their arithmetic counted by hand, the library's nets are real trainings, rounds take turns."""

import pickle
import time

import numpy as np
import pytest
import torch
from training_data import CPU, net, protocol

from stages import bench
from stages.population import trials
from stages.population.batches import epoch_batches
from stages.population.engines.torch import Torch
from stages.population.population import Population
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net
from stages.speed import contenders, jax_scan, machine, measure, workload
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


def test_padding_masks_what_is_not_there():
    load = small(net())
    inputs, targets, mask = load.padded(np.array([2, 0]), multiple=4)
    first, start = load.lengths[2], load.lengths[:2].sum()
    assert len(inputs) % 4 == 0 and inputs.dtype == np.float32 and mask.sum(0).tolist() == load.lengths[[2, 0]].tolist()
    assert (inputs[:first, 0] == load.inputs[start : start + first]).all() and not targets[first:, 0].any()


def test_a_workload_travels_to_another_process():
    load = small(Net.build("lstm", "gaussian_mixture", 5, 4, 3, MIXTURE))
    again = Workload.unpacked(pickle.loads(pickle.dumps(load.packed())))
    assert again.net == load.net and again.arithmetic == load.arithmetic


def test_processes_train_and_end():
    built = contenders.build("library_2_processes", small(net("tanh")), 30)
    built.epoch()
    built.close()
    assert built.trials in (1, 2) and built.updates == 2


def views(state: Population) -> dict[str, np.ndarray]:
    """The first trial's weights by name."""
    return {name: view[0].numpy() for name, view in state.layout.views(state.weights).items()}


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
@pytest.mark.parametrize("output", ["bernoulli", "gaussian_mixture"])
def test_the_rival_in_jax_computes_the_same_net(cell, output):
    """One update from the same weights, without noise, beside plain torch; JAX is an extra."""
    pytest.importorskip("jax")
    of = Net.build(cell, output, 5, 4, 3, MIXTURE if output == "gaussian_mixture" else {})
    load, rules = small(of), protocol(weight_noise=0.0, rate=jax_scan.RATE)
    state = Population.initial(Layout.of(of), rules, trials.draw(rules, "bench", 1, 1), CPU)
    epoch = jax_scan.trainer(load, rules, views(state))
    engine = Torch(of, rules, CPU)
    engine.train(state, engine.load(load.inputs, load.targets, load.lengths), load.batches, 0)
    after = epoch()
    for name, weights in views(state).items():
        np.testing.assert_allclose(after[name], weights, atol=2e-6)


@pytest.mark.parametrize("arm", ["plain", "compiled"])
def test_the_populations_contender_updates_every_trial(arm):
    load = small(net())
    epoch = contenders.population(load, 3, arm)
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
    taken, first = measure.interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, rounds=3)
    assert "".join(calls) == "ab" * 4
    assert all(len(seconds) == 3 for seconds in taken.values()) and first.keys() == taken.keys()


def test_the_processors_peak_is_above_what_a_product_reaches():
    assert machine.lanes() in (4, 8, 16)
    left = torch.randn(256, 256)
    start = time.perf_counter()
    for _ in range(20):
        left @ left
    assert machine.fma_peak(1) > 20 * 2 * 256**3 / (time.perf_counter() - start) * 0.5
    facts = machine.describe(2e11)
    assert facts["fma_peak_gflops"] == "200" and int(facts["vector_bits"]) == 32 * machine.lanes()


def test_a_run_in_small_fills_all_tables(monkeypatch, capsys):
    monkeypatch.setattr(workload, "load", lambda dataset, cell, batch_size, sequences=None: small(net(cell)))
    monkeypatch.setattr(machine, "fma_peak", lambda threads: 1e11)
    monkeypatch.setattr(contenders, "obstacle", lambda arm: "not here" if arm == "jax" else None)
    arms = ("library", "one_sequence", "jax", "plain", "compiled")
    plan = bench.Plan(
        [bench.Setting("jsb_chorales", 9, 4, None, arms)], {"trials": [1], "batch_size": [], "steps": [], "units": [4]}
    ).quick()
    tables = bench.measured(plan)
    assert "without jax: not here" in capsys.readouterr().out
    speed = tables["speed"]
    assert (
        set(speed["arm"]) == set(arms) - {"jax"}
        and (speed["behind"] > 0).all()
        and not speed["share_of_peak"].isna().any()
    )
    assert (speed.loc[speed["arm"] == "compiled", "behind"] == 1).all()
    told = tables["targets"].set_index("target")
    assert told.loc["JAX among the rivals", "reason"] == "not measured: not here"
    nearest = told.loc["jsb_chorales, batches of 4: times the nearest rival, lowest unit"]
    rivals = speed[speed["arm"].isin(["library", "one_sequence"])]
    assert nearest["asked"] == 5 and nearest["measured"] == pytest.approx(rivals["behind"].min())
    assert set(tables["scaling"]["axis"]) == {"trials", "units"}
