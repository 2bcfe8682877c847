"""Small real-shaped data for the training tests: a planted rule that a recurrent net can learn."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from stages.population import engines, trainer, trials
from stages.population.trials import Trial
from stages.protocol.protocol import Budget, Protocol
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net

CPU = torch.device("cpu")
PROTOCOL = {
    "seed": 5,
    "rate": {"log_uniform": [-8.0, -5.0]},
    "weight_noise": 0.075,
    "dropout": 0.0,
    "optimiser": {"name": "rmsprop", "decay": 0.95, "floor": 0.01, "momentum": 0.9},
    "schedule": {"name": "constant"},
    "gradient_norm": 1.0,
    "step_norm": None,
    "not_finite": "end",
    "initial_range": 0.1,
    "length_jitter": 0.1,
    "patience": 50,
    "score_training_every": 1,
}


def protocol(**changes) -> Protocol:
    return Protocol(**PROTOCOL | changes)


def trial(repeat: int = 0, candidate: int = 0, seed: int = 1, order_seed: int = 2, **changes) -> Trial:
    """A trial of the paper's kind."""
    numbers = {"rate": 0.001, "weight_noise": 0.075, "dropout": 0.0} | changes
    return Trial(repeat, candidate, seed, order_seed, **numbers)


def budget(**changes) -> Budget:
    return Budget(**{"repeats": 1, "candidates": 3, "max_epochs": 3, "batch_size": 4} | changes)


def net(cell: str = "gru", units: int = 6, notes: int = 8) -> Net:
    return Net.build(cell, "bernoulli", notes, units, notes, {})


def engine(name: str, of: Net, rules: Protocol, threads: int = 1) -> engines.Engine:
    """An engine by name; the environment's wishes set aside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STUDY_ENGINE", name)
        patch.setenv("STUDY_THREADS", str(threads))
        return engines.choose(of, rules, CPU)


@dataclass(frozen=True)
class Frames:
    """A split: inputs and targets of all sequences one after another, and how long each is."""

    inputs: np.ndarray
    targets: np.ndarray
    lengths: np.ndarray

    def on(self, engine: engines.Engine) -> Any:
        return engine.load(self.inputs, self.targets, self.lengths)


def music(seed: int, pieces: int = 10, notes: int = 8) -> Frames:
    """Scales that walk up or down one note a frame: the next frame is predictable from the last two."""
    generator = np.random.default_rng(seed)
    frames, lengths = [], []
    for _ in range(pieces):
        length = int(generator.integers(5, 16))
        walk = (generator.integers(notes) + generator.choice([-1, 1]) * np.arange(length + 1)) % notes
        frames.append(np.eye(notes, dtype=np.uint8)[walk])
        lengths.append(length)
    inputs, targets = (np.concatenate([f[cut] for f in frames]) for cut in (slice(None, -1), slice(1, None)))
    return Frames(inputs, targets, np.array(lengths))


def train(
    cell: str = "gru",
    grid: list[Trial] | None = None,
    rules: Protocol | None = None,
    name: str = "torch",
    threads: int = 1,
    **changes: Any,
) -> list[trainer.Record]:
    """A whole training on `music`."""
    rules, plan, of = rules or protocol(), budget(**changes), net(cell)
    grid = grid or trials.draw(rules, "tunes", plan.repeats, plan.candidates)
    computing = engine(name, of, rules, threads)
    begin = trainer.Training.begin(Layout.of(of), rules, grid, CPU)
    return trainer.train(computing, rules, plan, begin, music(0).on(computing), music(1).on(computing), "test")
