"""The ways to train a grid of nets that are measured side by side. One call of `epoch` is one epoch of all trials."""

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from stages.console.device import threads
from stages.plumbing.parameters import section
from stages.population import trials
from stages.population.engines import CPU, Engine
from stages.population.engines.compiled import Compiled
from stages.population.engines.cuda import Cuda
from stages.population.engines.graphs import Graphs
from stages.population.engines.torch import Torch
from stages.population.population import Population
from stages.protocol.protocol import Protocol
from stages.recurrent.layout import Layout
from stages.speed import jax_scan
from stages.speed.workload import Workload

LAYERS = {"tanh": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
ENGINES: dict[str, Callable[..., Engine]] = {  # net, protocol, device
    "plain": Torch,
    "compiled": lambda net, protocol, device: Compiled(net, protocol),
    "cuda": Cuda,
    "graphs": Graphs,
}
OURS = ("plain", "compiled")  # the population on a CPU; all others there are rivals


@dataclass(frozen=True)
class Contender:
    """A way of training, ready to go.

    Attributes:
        epoch: trains one epoch of `trials` trials.
        updates: of one trial an epoch.
        close: ends what it holds.
    """

    epoch: Callable[[], None]
    trials: int
    updates: int
    close: Callable[[], None] = lambda: None


def obstacle(arm: str) -> str | None:
    """Why an arm cannot run here, or None."""
    if arm == "jax" and find_spec("jax") is None:
        return "JAX is not installed: `.venv/bin/pip install -e '.[bench]'`"
    return None


def build(arm: str, workload: Workload, count: int) -> Contender:
    """An arm by name; the population has `count` trials."""
    updates = len(workload.batches)
    if arm == "library":
        return Contender(torch_nn(workload), 1, updates)
    if arm == "one_sequence":
        return Contender(torch_nn(workload, one_sequence=True), 1, sum(batch.size for batch in workload.batches))
    if arm == "library_2_processes":
        processes = Processes(workload, min(2, threads()))
        return Contender(processes.epoch, processes.count, updates, processes.close)
    if arm == "jax":
        return Contender(jax(workload), 1, updates)
    return Contender(population(workload, count, arm), count, updates)


def torch_nn(workload: Workload, one_sequence: bool = False, device: torch.device = CPU) -> Callable[[], None]:
    """What a user would write: torch.nn's layer, a linear output, torch's RMSProp, one trial.

    Batches are padded and laid out beforehand. There is no weight noise, which the population has. With
    `one_sequence` an update sees a single sequence, as in much published music code.
    """
    net, protocol = workload.net, section("train", Protocol)
    torch.manual_seed(0)
    layer = LAYERS[workload.cell](net.inputs, net.units).to(device)
    readout = nn.Linear(net.units, net.output_size).to(device)
    weights = [*layer.parameters(), *readout.parameters()]
    of = protocol.optimiser
    optimiser = torch.optim.RMSprop(weights, 1e-4, alpha=of.decay, eps=of.floor, momentum=of.momentum)
    whole = [batch[0] for batch in workload.batches]
    parts = [part[None] for batch in whole for part in batch] if one_sequence else whole
    batches = [tuple(torch.from_numpy(side).to(device) for side in workload.padded(part)) for part in parts]

    def losses(hidden: Tensor, targets: Tensor) -> Tensor:
        if net.output.__name__.endswith("bernoulli"):
            return nn.functional.binary_cross_entropy_with_logits(readout(hidden), targets, reduction="none").sum(-1)
        parameters = {"V": readout.weight.T, "c": readout.bias}
        flat = net.output.negative_log_likelihood(parameters, hidden.flatten(0, 1), targets.flatten(0, 1), net.settings)
        return flat.unflatten(0, hidden.shape[:2])

    def epoch() -> None:
        for inputs, targets, mask in batches:
            optimiser.zero_grad()
            loss = (losses(layer(inputs)[0], targets) * mask).sum() / mask.shape[1]
            loss.backward()
            nn.utils.clip_grad_norm_(weights, protocol.gradient_norm)
            optimiser.step()

    return epoch


def jax(workload: Workload) -> Callable[[], None]:
    """JAX from a trial's own first weights."""
    protocol, layout = section("train", Protocol), Layout.of(workload.net)
    state = Population.initial(layout, protocol, trials.draw(protocol, "bench", 1, 1), torch.device("cpu"))
    initial = {name: view[0].numpy() for name, view in layout.views(state.weights).items()}
    return jax_scan.trainer(workload, protocol, initial)


def population(workload: Workload, count: int, arm: str, device: torch.device = CPU) -> Callable[[], None]:
    """The population of `count` trials on one of `ENGINES`, noise and all, as a training does it.

    Rate and noise are small: they cost the same, and no trial diverges, which would be passed over and flatter.
    """
    net, protocol = workload.net, section("train", Protocol).model_copy(update={"rate": 1e-5, "weight_noise": 1e-3})
    engine = ENGINES[arm](net, protocol, device)
    split, layout = engine.load(workload.inputs, workload.targets, workload.lengths), Layout.of(net)
    grid = trials.draw(protocol, "bench", 1, count)
    state = Population.initial(layout, protocol, grid, engine.device)

    def epoch() -> None:
        engine.train(state, split, workload.batches, 0)
        assert state.finite.all(), "a diverged trial is passed over, which would be counted as speed"

    return epoch


class Processes:
    """torch.nn in processes of their own, each with a trial and a core to itself and one thread."""

    def __init__(self, workload: Workload, count: int):
        context = multiprocessing.get_context("spawn")
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self.count, self._pipes, self._processes = count, [], []
        for number in range(count):
            ours, theirs = context.Pipe()
            arguments = (theirs, workload.packed(), cores[number % len(cores)] if cores else None)
            process = context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            self._pipes.append(ours)
            self._processes.append(process)
        for pipe in self._pipes:
            pipe.recv()

    def epoch(self) -> None:
        for pipe in self._pipes:
            pipe.send(True)
        for pipe in self._pipes:
            pipe.recv()

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.send(False)
        for process in self._processes:
            process.join()


def _serve(pipe, packed: tuple, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    epoch = torch_nn(Workload.unpacked(packed))
    pipe.send(True)
    while pipe.recv():
        epoch()
        pipe.send(True)
