"""The engine `graphs` without a GPU: a stand-in computes anew, into the same tensors, where a graph would be played."""

from collections import Counter

import numpy as np
import pytest
import torch
from launches import Kernel, Launches, on_meta
from training_data import CPU, Frames, budget, music, net, protocol, trial

from stages.plumbing.errors import InputError
from stages.population.batches import epoch_batches
from stages.population.engines import agreement, graphs
from stages.population.engines.graphs import Graphs
from stages.population.engines.torch import Torch
from stages.population.population import Population
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net

pytest.importorskip("triton", reason="Triton is an extra: .venv/bin/pip install -e '.[gpu]'")
from stages.population.engines import fused_losses, fused_noise, fused_updating  # noqa: E402  (they import Triton)
from stages.recurrent.derive import triton_steps  # noqa: E402

NET, RULES = net("gru"), protocol()
LAYOUT = Layout.of(NET)


@pytest.fixture
def plainly(monkeypatch):
    """Without kernels, whose interpreter takes its time."""
    for name in ("_network", "perturbed", "kept", "move"):
        monkeypatch.setattr(Graphs, name, vars(Torch)[name])


@pytest.fixture
def recorded(monkeypatch) -> list:
    """The results of each recording, which its plays overwrite."""
    made = []

    def record(run, pool):
        made.append(run())

        def play(own=made[-1]):
            for old, new in zip(own, run(), strict=True):
                old.copy_(new)
            return own

        return play

    monkeypatch.setattr(graphs, "record", record)
    return made


def trained(*engines: Torch, parts: int = 1, dropout: float = 0.3) -> Population:
    """After an epoch by each engine, whose batches have many lengths."""
    frames, plan = music(0, 24), budget(batch_size=3)
    population = Population.initial(LAYOUT, RULES, [trial(p % 2, p, p + 1, p, dropout=dropout) for p in range(5)], CPU)
    for epoch, engine in enumerate(engines, 1):
        split, engine._parts = frames.on(engine), parts
        batches = epoch_batches(frames.lengths, plan.batch_size, 0.1, epoch, 5, [1, 2])
        engine.train(population, split, batches, (epoch - 1) * len(batches))
    assert population.finite.all()
    return population


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_what_is_played_trains_as_torch_does(plainly, recorded, parts, dropout):
    """Also in parts, whose gradients are all needed before the first is used."""
    plain, played = (kind(NET, RULES, CPU) for kind in (Torch, Graphs))
    one, other = (trained(engine, engine, parts=parts, dropout=dropout) for engine in (plain, played))
    torch.testing.assert_close(other.weights, one.weights, rtol=1e-5, atol=1e-6)
    assert 2 <= len(recorded) <= 12, "lengths of 5 to 15 steps, of two populations at most"


@pytest.mark.parametrize("output", ["bernoulli", "gaussian_mixture"])
def test_kernels_and_all_train_as_torch_does(recorded, output):
    settings = {"components": 2, "variance_floor": 1e-4} if output == "gaussian_mixture" else {}
    of, generator = Net.build("lstm", output, 4, 5, 3, settings), np.random.default_rng(0)
    inputs, targets = (generator.integers(0, 2, (12, size)).astype(np.float32) for size in (4, 3))
    frames, ends = Frames(inputs, targets, np.array([3, 2, 4, 3])), []
    for kind in (Torch, Graphs):
        engine = kind(of, RULES, CPU)
        population = Population.initial(Layout.of(of), RULES, [trial(0, p, p, 0, dropout=0.4) for p in range(2)], CPU)
        engine.train(population, frames.on(engine), [np.array([[0, 1]]), np.array([[0, 3]]), np.array([[2, 1]])], 3)
        ends.append(population.weights)
    assert len(recorded) == 1
    torch.testing.assert_close(ends[1], ends[0], rtol=1e-5, atol=1e-6)


def test_a_training_that_goes_on_with_nothing_recorded_has_the_same_bits(plainly, recorded):
    engine = Graphs(NET, RULES, CPU)
    calm, shaken = trained(engine, engine), trained(Graphs(NET, RULES, CPU), Graphs(NET, RULES, CPU))
    assert recorded and torch.equal(calm.weights, shaken.weights)


def test_lengths_are_few_and_little_is_added():
    steps = np.arange(1, 2000)
    lengths = np.array([graphs.padded(int(each)) for each in steps])
    assert (lengths >= steps).all() and (lengths / steps).max() <= 1.125 and len({*lengths}) < 80
    assert [graphs.padded(length) for length in lengths.tolist()] == lengths.tolist()


def test_a_shape_is_recorded_when_it_comes_again_and_the_oldest_goes(plainly, recorded, monkeypatch):
    monkeypatch.setattr(graphs, "MOST", 2)
    engine = Graphs(NET, RULES, CPU)

    def batch(steps: int) -> list:
        mask, lengths = torch.ones(2, steps, 1), torch.full((2, 1), steps, dtype=torch.int32)
        return [torch.ones(2, LAYOUT.size), torch.ones(2, steps, 1, 8), torch.ones(2, steps, 1, 8), mask, lengths, None]

    counts = []
    for steps in (5, 6, 5, 5, 6, 7, 7, 5):
        engine.differentiate(LAYOUT, *batch(steps))
        counts.append(len(recorded))
    assert counts == [0, 0, 1, 1, 2, 2, 3, 4] and len(engine._records) == 2


def test_a_graph_that_gives_other_numbers_or_none_is_not_used(recorded, monkeypatch):
    assert graphs.distance(NET, CPU) < 1e-5
    assert Graphs.obstacle(NET, RULES, CPU) == "CUDA graphs are for GPUs, the device is cpu"
    gpu, distance, updates_apart = torch.device("cuda:0"), graphs.distance, agreement.updates_apart
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert Graphs.obstacle(NET, RULES, gpu) == "cuda:0 has compute capability 7.5, and 8.0 is asked for"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    monkeypatch.setattr(graphs, "distance", lambda net, device: distance(net, CPU))
    monkeypatch.setattr(agreement, "updates_apart", lambda *given: updates_apart(*given[:3], CPU))
    assert Graphs.obstacle(NET, RULES, gpu) is None

    def stale(run, pool):
        results = run()
        return lambda: results

    monkeypatch.setattr(graphs, "record", stale)
    assert Graphs.obstacle(NET, RULES, gpu).startswith("its CUDA graphs give other numbers than torch, by ")

    def broken(run, pool):
        raise RuntimeError("operation not permitted when stream is capturing\nlong listing")

    monkeypatch.setattr(graphs, "record", broken)
    said = "its CUDA graphs do not run: RuntimeError: operation not permitted when stream is capturing"
    assert Graphs.obstacle(NET, RULES, gpu) == said


def test_a_driver_that_fails_in_mid_training_is_told_once_and_it_goes_on_without(plainly, recorded, monkeypatch, capfd):
    engine = Graphs(NET, RULES, CPU)
    calm = trained(engine, engine)

    def failing(run, pool):
        raise RuntimeError("driver\nlong listing")

    monkeypatch.setattr(graphs, "record", failing)
    engine = Graphs(NET, RULES, CPU)
    assert torch.equal(trained(engine, engine).weights, calm.weights)
    assert capfd.readouterr().err == "cpu: no CUDA graph any more: RuntimeError: driver; it goes on without\n"


def test_where_memory_runs_out_the_graphs_are_given_up(plainly, recorded, monkeypatch, capfd):
    engine = Graphs(NET, RULES, CPU)

    def full(*_):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(Graphs, "played", full)
    engine._records["before"] = None
    with pytest.raises(InputError, match="out of memory on cpu with a single trial"):
        trained(engine, engine)
    assert not engine._records and "the population goes on in 2 parts" in capfd.readouterr().err


def test_launches_of_an_update_do_not_depend_on_its_steps_and_nothing_is_copied_within(monkeypatch):
    """On the meta device: what a graph plays is one launch; around it are noise, the batch, and the optimiser."""
    meta, launched = torch.device("meta"), Counter()

    def record(run, pool):
        results = run()

        def play():
            launched.update(["graph"])
            return results

        return play

    monkeypatch.setattr(graphs, "record", record)
    monkeypatch.setattr(fused_noise, "perturb", Kernel("noise", launched))
    monkeypatch.setattr(fused_noise, "drop", Kernel("dropout", launched))
    monkeypatch.setattr(fused_losses, "bernoulli_loss", Kernel("loss", launched))
    monkeypatch.setattr(fused_updating, "kernel", lambda optimiser: Kernel("update", launched))
    engine, frames = Graphs(NET, RULES, meta), np.zeros((176, 8), np.float32)
    (passes,) = engine.network.recurrence.args
    for between in (do for do in (*passes.forward, *passes.backward) if isinstance(do, triton_steps.Between)):
        between.kernel = Kernel("between", launched)
    split, counted = engine.load(frames, frames, np.array([4, 4, 4, 4, 40, 40, 40, 40])), []
    population = on_meta(LAYOUT, RULES, [trial(0, c, c, 0, dropout=0.3) for c in range(5)])
    for batch in (np.array([[0, 1]]), np.array([[4, 5]])):
        for _ in ("computed", "recorded", "played"):
            launched.clear()
            with Launches() as counts:
                engine.train(population, split, [batch], 0)
        assert not counts.asked and launched == dict.fromkeys(["noise", "dropout", "graph", "update"], 1)
        counted.append((counts.operations.total(), counts.copies))
    assert counted[0] == counted[1] and counted[0][0] < 50
    assert len(engine._records) == 2
