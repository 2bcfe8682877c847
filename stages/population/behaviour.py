"""A probe of what a training computes: a small population trained for a moment, its numbers kept in run.json.

Repeats that are there may stay when the code has changed, as long as the probe still says the same. It is a training
in small: the study's own draws, batches, initial weights, updates, clean scores, stopping and choice, of the net in its
own size on made-up data. Whatever shapes a result shapes these numbers too; how fast it is, what it is called and where
it runs does not.
"""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from math import isclose, isfinite

import numpy as np
import torch

from stages.population import trainer, trials
from stages.population.engines import Engine
from stages.protocol.protocol import Budget, Halving, Protocol
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net

AGREEMENT = 1e-4  # relative; another engine's rounding does 1e-7 to it, 1 % more noise or a decay of 0.9505, 5e-4
RATES = 0.0, 3e-3, 1e-3, 6e-3  # the first trial stays where it is and is stopped early; the others halve their loss
LENGTHS = 3, 8, 5, 2, 7, 6  # steps of the sequences trained on
VALID_LENGTHS = 4, 6
BUDGET = Budget(repeats=2, candidates=2, max_epochs=4, batch_size=2, halving=Halving(epochs=[2], keep=0.5, apply=False))
PATIENCE = 2


def probe(net: Net, protocol: Protocol, engine: Engine, device: torch.device) -> list[float]:
    """What each trial drew, its NLL after each epoch in nats per step, and those of the chosen: some 50 numbers."""
    protocol = protocol.model_copy(update={"patience": PATIENCE})
    drawn = trials.draw(protocol, "probe", BUDGET.repeats, BUDGET.candidates)
    moved = [replace(trial, rate=rate) for trial, rate in zip(drawn, RATES, strict=True)]
    layout = Layout.of(net)
    made_up = [_made_up(net, seed, lengths) for seed, lengths in enumerate((LENGTHS, VALID_LENGTHS))]
    splits, beginning = [engine.load(*split) for split in made_up], net.begin(protocol.output_bias, made_up[0][1])
    training = trainer.Training.begin(layout, protocol, moved, device, beginning)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # it is not the user's training
        records = trainer.train(engine, protocol, BUDGET, training, *splits, "probe")
    points = [point for record in records for point in record.curve]
    chosen = [*trainer.chosen(records), *trainer.chosen(records, by_halving=True)]
    numbers = [
        *(value for trial in drawn for value in (trial.rate, trial.weight_noise, trial.dropout)),
        *(value for p in points for value in (p.train_nll, p.valid_nll, p.train_nll_per_sequence)),
        *(record.best.valid_nll for record in chosen),
    ]
    return [float(f"{number:.9g}") for number in numbers if number is not None and isfinite(number)]


def agree(first: list[float], second: list[float]) -> bool:
    """Whether two probes are of trainings that compute the same."""
    return len(first) == len(second) and all(
        isclose(a, b, rel_tol=AGREEMENT) for a, b in zip(first, second, strict=True)
    )


def _made_up(net: Net, seed: int, lengths: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs [F, D], targets [F, K] and lengths [N] of the kind that the output layer models: notes, or samples."""
    generator, frames = np.random.default_rng(seed), sum(lengths)
    shapes = (frames, net.inputs), (frames, net.targets)
    if net.output.__name__.endswith(".bernoulli"):
        inputs, targets = ((generator.random(shape) < 0.1).astype(np.uint8) for shape in shapes)
    else:
        inputs, targets = (generator.standard_normal(shape).astype(np.float32) for shape in shapes)
    return inputs, targets, np.array(lengths)
