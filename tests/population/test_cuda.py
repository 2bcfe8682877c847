"""The engine `cuda` without a GPU: interpreted it equals the compiled engine; its launches, counted on no device."""

from collections import Counter

import numpy as np
import pytest
import torch
from launches import Kernel, Launches, on_meta
from training_data import CPU, Frames, engine, music, net, protocol, trial

from stages.plumbing.errors import InputError
from stages.population import engines, noise
from stages.population.engines import agreement, cuda
from stages.population.engines.cuda import Cuda
from stages.population.population import Population
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net

pytest.importorskip("triton", reason="Triton is an extra: .venv/bin/pip install -e '.[gpu]'")
from stages.population.engines import fused_losses, fused_noise, fused_updating  # noqa: E402  (it imports Triton)

ADAM = {"name": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "decay": 0.0}
BATCHES = [np.array([[0, 3], [1, 2]]), np.array([[2, 1], [3, 0]]), np.array([[3, 2], [0, 1]])]


def speech() -> tuple[Net, Frames]:
    generator = np.random.default_rng(0)
    lengths = np.array([3, 5, 2, 4])
    inputs, targets = (generator.standard_normal((14, size)).astype(np.float32) for size in (4, 3))
    of = Net.build("lstm", "gaussian_mixture", 4, 5, 3, {"components": 2, "variance_floor": 1e-4})
    return of, Frames(inputs, targets, lengths)


def short(frames: Frames, most: int = 4) -> Frames:
    """The first frames of each sequence of music."""
    starts = np.cumsum(frames.lengths) - frames.lengths
    lengths = np.minimum(frames.lengths, np.array([most, 2, 3, most] * len(starts))[: len(starts)])
    rows = np.concatenate([start + np.arange(length) for start, length in zip(starts, lengths, strict=True)])
    return Frames(frames.inputs[rows], frames.targets[rows], lengths)


@pytest.mark.parametrize(
    "of, frames", [(net("gru"), short(music(0, 4))), (net("tanh"), short(music(0, 4))), speech()], ids=lambda x: ""
)
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_three_updates_and_a_score_equal_those_of_the_compiled_engine(of, frames, dropout):
    layout, rules, ends = Layout.of(of), protocol(), {}
    if dropout and of.cell.__name__.endswith("tanh"):
        rules = protocol(optimiser={"name": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-4, "decay": 0.0})
    grid = [trial(p % 2, p, p + 7, p, rate=0.001 * (p + 1), dropout=dropout) for p in range(3)]
    for name in ("compiled", "cuda"):
        computing = engine(name, of, rules)
        split, population = frames.on(computing), Population.initial(layout, rules, grid, CPU)
        computing.train(population, split, BATCHES, 3)
        assert population.finite.all()
        ends[name] = population.weights.numpy(), computing.score(layout, population.weights, split, lambda: False)
    for one, other in zip(*ends.values(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4 * np.abs(one).max())


@pytest.mark.parametrize("update", [0, 12, 2**31 - 1, 2**32 + 5])
def test_noise_is_that_of_the_other_engines(update):
    seeds, deviations = torch.tensor([0, 2**31 + 7, 2**62 + 12345]), torch.tensor([1.0, 0.0, 2.0])
    matrix = torch.ones(3, 1100)
    fused_noise.add_noise(matrix, 1093, seeds, deviations, update)
    expected = 1 + deviations[:, None] * noise.normals(seeds, update, 1093)
    torch.testing.assert_close(matrix[:, :1093], expected, rtol=0, atol=5e-6)
    assert (matrix[:, 1093:] == 1).all()


@pytest.mark.parametrize("units", [1, 6, 46])
@pytest.mark.parametrize("update", [0, 2**32 + 5])
def test_dropout_is_that_of_the_other_engines_to_the_bit(units, update):
    seeds, shares = torch.tensor([0, 2**31 + 7, 2**62 + 12345]), torch.tensor([0.5, 0.0, 0.1])
    frames = torch.arange(3 * 40).view(3, 8, 5) + 2**31
    own, others = (of.kept(seeds, update, frames, shares, units) for of in (fused_noise, noise))
    assert torch.equal(own, others)


@pytest.mark.parametrize("output", ["bernoulli", "gaussian_mixture"])
def test_launches_of_an_update_do_not_depend_on_its_steps_and_nothing_is_copied_within(output, monkeypatch):
    """On the meta device, which computes nothing; the kernels, a launch each, are left out there."""
    settings = {"components": 3, "variance_floor": 1e-4} if output == "gaussian_mixture" else {}
    of, rules, meta = Net.build("gru", output, 8, 6, 8, settings), protocol(), torch.device("meta")
    computing, launched = Cuda(of, rules, meta), Counter()
    grid = [trial(0, c, c, 0, dropout=0.3) for c in range(5)]

    passes = computing.network.recurrence.__self__
    passes.forward, passes.backward = Kernel("forward", launched), Kernel("backward", launched)
    monkeypatch.setattr(fused_noise, "perturb", Kernel("noise", launched))
    monkeypatch.setattr(fused_noise, "drop", Kernel("dropout", launched))
    monkeypatch.setattr(fused_losses, "bernoulli_loss", Kernel("loss", launched))
    monkeypatch.setattr(fused_losses, "mixture_loss", Kernel("loss", launched))
    monkeypatch.setattr(fused_updating, "kernel", lambda optimiser: Kernel("update", launched))
    lengths = np.array([4, 4, 4, 4, 40, 40, 40, 40])
    frames = np.zeros((lengths.sum(), 8), np.float32)
    split = computing.load(frames, frames, lengths)
    counted = []
    for batches in ([np.array([[0, 1]])], [np.array([[4, 5]])], [np.array([[0, 1]])] * 3):
        population = on_meta(Layout.of(of), rules, grid)
        with Launches() as counts:
            computing.train(population, split, batches, 0)
        assert not counts.asked
        counted.append((counts.operations.total(), counts.copies))
    (one, copies), longer, three = counted
    assert longer == (one, copies) and three[1] == copies <= 6
    assert one < 50 and three[0] <= 3 * one
    assert launched == dict.fromkeys(["noise", "forward", "dropout", "loss", "backward", "update"], 5)


def test_why_it_cannot_run_is_one_line(monkeypatch):
    assert "4 recurrent matrices of 195 units do not fit" in Cuda.obstacle(net("lstm", 195), protocol(), CPU)
    with monkeypatch.context() as patch:
        patch.setattr(cuda, "find_spec", lambda name: None)
        assert Cuda.obstacle(net(), protocol(), CPU) == "Triton is not installed: .venv/bin/pip install -e '.[gpu]'"
    with monkeypatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "0")
        assert "its kernels are for GPUs, the device is cpu" in Cuda.obstacle(net(), protocol(), CPU)
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
        assert Cuda.obstacle(net(), protocol(), torch.device("cuda:0")) == (
            "cuda:0 has compute capability 7.5, and 8.0 is asked for"
        )

    def broken(*_):
        raise RuntimeError("no such instruction\nlong listing")

    with monkeypatch.context() as patch:
        patch.setattr(cuda, "distance", broken)
        assert Cuda.obstacle(net(), protocol(), CPU) == "its kernels do not run: RuntimeError: no such instruction"
        patch.setattr(cuda, "distance", lambda net, device: 0.25)
        assert Cuda.obstacle(net(), protocol(), CPU) == "its kernels give other numbers than torch, by 2.5e-01"
    assert Cuda.obstacle(net(), protocol(), CPU) is None


@pytest.mark.parametrize("wrong", ["noise", "dropout", "optimiser"])
def test_kernels_around_the_recurrence_that_are_wrong_are_not_used(wrong, monkeypatch):
    """Noise that is half, dropout that is another's, an update at twice the rate."""
    add, kept, move = fused_noise.add_noise, fused_noise.kept, fused_updating.move
    if wrong == "noise":
        monkeypatch.setattr(fused_noise, "add_noise", lambda *given: add(*given[:3], given[3] / 2, given[4]))
    elif wrong == "dropout":
        monkeypatch.setattr(fused_noise, "kept", lambda seeds, *others: kept(seeds + 1, *others))
    else:
        monkeypatch.setattr(fused_updating, "move", lambda *given: move(*given[:3], 2 * given[3], *given[4:]))
    assert Cuda.obstacle(net(), protocol(), CPU).startswith("its kernels make other updates than torch, by ")


@pytest.mark.parametrize("optimiser", [protocol().optimiser.model_dump(), ADAM], ids=lambda of: of["name"])
def test_right_updates_are_far_from_what_is_asked(optimiser):
    rules = protocol(optimiser=optimiser)
    assert agreement.updates_apart(Cuda, net(), rules, CPU) < agreement.UPDATES / 10


def test_asked_for_where_it_cannot_run_it_is_an_error(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setenv("STUDY_ENGINE", "cuda")
    with pytest.raises(InputError, match="cannot use 'cuda': its kernels are for GPUs, the device is cpu"):
        engines.choose(net(), protocol(), CPU)
