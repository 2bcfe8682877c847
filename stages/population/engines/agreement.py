"""Whether an engine computes what plain torch computes: tried on the device, on small numbers, before it is used."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stages.population.engines.torch import Torch
from stages.population.population import Population
from stages.population.trials import Trial
from stages.protocol.protocol import Protocol
from stages.recurrent import derive
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net

NUMBERS = 1e-4  # by which losses and gradients may differ, relatively
UPDATES = 1e-2  # by which weights may have moved otherwise: an optimiser may make much of a gradient's last digits


def refusal(
    kind: type[Torch], what: str, distance: Callable[..., float], net: Net, protocol: Protocol, device: torch.device
) -> str | None:
    """Why an engine is not to be used for a net, or None.

    Args:
        what: of it is told about.
        distance: net, device → how far losses and gradients are from torch's; raises `Underivable`.
    """
    try:
        apart, moved = distance(net, device), updates_apart(kind, net, protocol, device)
    except derive.Underivable as obstacle:
        return str(obstacle)
    except Exception as error:  # of a compiler or a driver, of whatever kind
        return f"its {what} do not run: {first_line(error)}"
    if not apart < NUMBERS:
        return f"its {what} give other numbers than torch, by {apart:.1e}"
    return None if moved < UPDATES else f"its {what} make other updates than torch, by {moved:.1e}"


def updates_apart(kind: type[Torch], net: Net, protocol: Protocol, device: torch.device) -> float:
    """How far a few updates of a small population, noise and all, are from torch's, as a share of their length."""
    one, other = (_moves(engine(net, protocol, device)) for engine in (kind, Torch))
    return float(torch.linalg.vector_norm(one - other) / torch.linalg.vector_norm(other))


def _moves(engine: Torch) -> Tensor:
    """How far the weights of two trials go in three updates, whose batches have one shape."""
    net, generator = engine.network.net, np.random.default_rng(0)
    trials = [Trial(0, n, n, 0, rate=0.001, weight_noise=0.05, dropout=0.3 * n) for n in range(2)]
    population = Population.initial(Layout.of(net), engine.protocol, trials, engine.device)
    before = population.weights.clone()
    inputs, targets = (generator.integers(0, 2, (9, size)).astype(np.float32) for size in (net.inputs, net.targets))
    split = engine.load(inputs, targets, np.array([3, 1, 3, 2]))
    engine.train(population, split, [np.array([[0, 1]]), np.array([[2, 3]]), np.array([[2, 1]])], 5)
    return population.weights - before


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def relative(found: list[Any], expected: list[Any]) -> float:
    """The largest difference of tensors, each relative to its largest number."""
    pairs = zip(found, expected, strict=True)
    return max(float((one - other).abs().max() / other.abs().max().clamp(min=1e-3)) for one, other in pairs)
