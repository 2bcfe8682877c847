"""Small real-shaped data for the training tests: a planted rule that a recurrent net can learn."""

import numpy as np
import torch

from stages.population.batches import Sequences
from stages.population.network import Network
from stages.population.protocol import Budget, Protocol
from stages.recurrent.net import Net

CPU = torch.device("cpu")
PROTOCOL = {
    "seed": 5,
    "learning_rate_log_low": -8.0,
    "learning_rate_log_high": -5.0,
    "weight_noise": 0.075,
    "gradient_norm": 1.0,
    "rmsprop_decay": 0.95,
    "rmsprop_floor": 0.01,
    "momentum": 0.9,
    "initial_range": 0.1,
    "length_jitter": 0.1,
    "patience": 50,
}


def protocol(**changes) -> Protocol:
    return Protocol(**PROTOCOL | changes)


def budget(**changes) -> Budget:
    return Budget(**{"repeats": 1, "candidates": 3, "max_epochs": 3, "batch_size": 4} | changes)


def network(cell: str = "gru", units: int = 6, notes: int = 8) -> Network:
    return Network.of(Net.build(cell, "bernoulli", notes, units, notes, {}))


def music(seed: int, pieces: int = 10, notes: int = 8) -> Sequences:
    """Scales that walk up or down one note a frame: the next frame is predictable from the last two."""
    generator = np.random.default_rng(seed)
    frames, lengths = [], []
    for _ in range(pieces):
        length = int(generator.integers(5, 16))
        walk = (generator.integers(notes) + generator.choice([-1, 1]) * np.arange(length + 1)) % notes
        frames.append(np.eye(notes, dtype=np.uint8)[walk])
        lengths.append(length)
    inputs, targets = (np.concatenate([f[cut] for f in frames]) for cut in (slice(None, -1), slice(1, None)))
    return Sequences(inputs, targets, np.array(lengths), CPU)
