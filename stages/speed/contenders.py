"""The ways to train a grid of nets that are measured side by side. One call of `epoch` is one epoch of all trials."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from stages.plumbing.parameters import section
from stages.population import trials
from stages.population.engines.compiled import Compiled
from stages.population.engines.torch import Torch
from stages.population.population import Population
from stages.protocol.protocol import Protocol
from stages.recurrent.layout import Layout
from stages.speed.workload import Workload

LAYERS = {"tanh": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def torch_nn(workload: Workload, one_sequence: bool = False) -> Callable[[], None]:
    """What a user would write: torch.nn's layer, a linear output, torch's RMSProp, one trial.

    Batches are padded and laid out beforehand. There is no weight noise, which the population has. With
    `one_sequence` an update sees a single sequence, as in much published music code.
    """
    net, protocol = workload.net, section("train", Protocol)
    torch.manual_seed(0)
    layer = LAYERS[net.cell.__name__.rpartition(".")[2]](net.inputs, net.units)
    readout = nn.Linear(net.units, net.output_size)
    weights = [*layer.parameters(), *readout.parameters()]
    optimiser = torch.optim.RMSprop(
        weights, 1e-4, alpha=protocol.rmsprop_decay, eps=protocol.rmsprop_floor, momentum=protocol.momentum
    )
    batches = [_padded(workload, part) for batch in workload.batches for part in _parts(batch[0], one_sequence)]

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


def population(workload: Workload, count: int, compiled: bool) -> Callable[[], None]:
    """The population of `count` trials, in plain torch or compiled, noise and all, as a training does it."""
    net, protocol = workload.net, section("train", Protocol)
    engine = Compiled(net, protocol) if compiled else Torch(net, protocol, torch.device("cpu"))
    split, layout = engine.load(workload.inputs, workload.targets, workload.lengths), Layout.of(net)
    grid = trials.draw(protocol, "bench", 1, count)
    state = Population.initial(layout, protocol, grid, torch.device("cpu"))

    def epoch() -> None:
        engine.train(state, split, workload.batches, 0)

    return epoch


def build(arm: str, workload: Workload, count: int) -> tuple[Callable[[], None], int]:
    """An arm by name, and how many trials one call of it trains."""
    if arm in ("library", "one_sequence"):
        return torch_nn(workload, arm == "one_sequence"), 1
    return population(workload, count, arm == "compiled"), count


def _parts(batch: np.ndarray, one_sequence: bool) -> list[np.ndarray]:
    return [batch[number : number + 1] for number in range(len(batch))] if one_sequence else [batch]


def _padded(workload: Workload, sequences: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """inputs [T, B, D], targets [T, B, K] and mask [T, B] of some sequences."""
    starts = np.cumsum(workload.lengths) - workload.lengths
    cuts = [slice(starts[n], starts[n] + workload.lengths[n]) for n in sequences]
    inputs, targets = (
        nn.utils.rnn.pad_sequence([torch.from_numpy(side[cut]).float() for cut in cuts])
        for side in (workload.inputs, workload.targets)
    )
    mask = nn.utils.rnn.pad_sequence([torch.ones(cut.stop - cut.start) for cut in cuts])
    return inputs, targets, mask
