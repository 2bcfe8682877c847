"""Trains a population to the end: epochs, clean curves, early stopping, the best weights of every trial."""

import time
from dataclasses import dataclass, field
from math import ceil
from statistics import median
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from stages.population import scoring
from stages.population.batches import Sequences, epoch_batches
from stages.population.network import Network
from stages.population.population import Population
from stages.population.progress import Progress
from stages.population.protocol import Budget, Protocol
from stages.population.trials import Trial

Status = Literal["running", "stopped", "max_epochs", "halved", "diverged"]


@dataclass(frozen=True)
class Point:
    """One epoch of one trial: clean NLL in nats per step, both averagings."""

    epoch: int
    updates: int
    train_nll: float
    valid_nll: float
    train_nll_per_sequence: float
    valid_nll_per_sequence: float


@dataclass
class Record:
    """What became of a trial."""

    trial: Trial
    status: Status = "running"
    curve: list[Point] = field(default_factory=list)
    best: Point | None = None
    weights: Tensor | None = None  # [N] at the best epoch


def train(
    network: Network,
    protocol: Protocol,
    budget: Budget,
    trials: list[Trial],
    train_split: Sequences,
    valid_split: Sequences,
    device: torch.device,
    title: str,
) -> list[Record]:
    """Trains all trials until each has stopped, diverged, or used its epochs.

    After every epoch the clean weights are scored on both splits; a trial keeps the weights of its best pooled
    validation NLL and stops after `protocol.patience` epochs without a better one, or at a rung of successive halving
    where its repeat has better candidates. A trial that turns non-finite is recorded as diverged and its row removed.

    Returns:
        A record per trial, in the order of `trials`.
    """
    population = Population.initial(network, protocol, trials, device)
    records = {trial: Record(trial) for trial in trials}
    updates_per_epoch = -(-train_split.count // budget.batch_size)
    progress = Progress(title, budget.max_epochs, updates_per_epoch, len(trials))
    for epoch in range(1, budget.max_epochs + 1):
        finite = torch.ones(len(population.trials), dtype=torch.bool, device=device)
        for sequences in _epoch(population, budget, train_split, epoch):
            finite &= population.update(train_split.gather(sequences))
            progress.update()
        points = _score(population, train_split, valid_split, epoch, epoch * updates_per_epoch)
        for row, (trial, point) in enumerate(zip(population.trials, points, strict=True)):
            record = records[trial]
            if not (finite[row] and np.isfinite(point.valid_nll) and np.isfinite(point.train_nll)):
                record.status = "diverged"
                continue
            record.curve.append(point)
            if record.best is None or point.valid_nll < record.best.valid_nll:
                record.best, record.weights = point, population.weights[row].clone()
            if epoch == budget.max_epochs:
                record.status = "max_epochs"
            elif epoch - record.best.epoch >= protocol.patience:
                record.status = "stopped"
        if budget.halving and epoch in budget.halving.epochs:
            halve(list(records.values()), budget.halving.keep)
        alive = [row for row, trial in enumerate(population.trials) if records[trial].status == "running"]
        best = min((r.best.valid_nll for r in records.values() if r.best is not None), default=float("nan"))
        progress.epoch(epoch, best, len(alive))
        if not alive:
            break
        if len(alive) < len(population.trials):
            population.keep(alive)
    progress.close()
    return [records[trial] for trial in trials]


def halve(records: list[Record], keep: float) -> None:
    """Ends all but the better share of each repeat's running candidates, by their best validation NLL so far."""
    for repeat in {record.trial.repeat for record in records}:
        running = [r for r in records if r.trial.repeat == repeat and r.status == "running"]
        running.sort(key=lambda record: record.best.valid_nll)
        for record in running[ceil(keep * len(running)) :]:
            record.status = "halved"


def chosen(records: list[Record]) -> list[Record]:
    """Each repeat's candidate with the lowest validation NLL; a repeat all of whose candidates diverged has none."""
    best: dict[int, Record] = {}
    for record in records:
        if record.status == "diverged" or record.best is None:
            continue
        rival = best.get(record.trial.repeat)
        if rival is None or record.best.valid_nll < rival.best.valid_nll:
            best[record.trial.repeat] = record
    return [best[repeat] for repeat in sorted(best)]


def seconds_per_update(
    network: Network, protocol: Protocol, budget: Budget, trial: Trial, train_split: Sequences, device: torch.device
) -> float:
    """Measured wall-clock seconds of one update of one model: the mean over batches drawn evenly from an epoch.

    At most 20 batches after two to warm up, three times over; the median of the three. What one model costs alone,
    as the paper's Figure 2 and 3 count seconds; in a population an update of a trial costs less.
    """
    population = Population.initial(network, protocol, [trial], device)
    by_length = sorted(
        _epoch(population, budget, train_split, epoch=1), key=lambda batch: train_split.lengths[batch].max()
    )
    evenly = np.linspace(0, len(by_length) - 1, min(20, len(by_length))).astype(int)
    batches = [train_split.gather(by_length[number]) for number in evenly]
    for batch in batches[:2]:
        population.update(batch)
    rounds = []
    for _ in range(3):
        _wait(device)
        start = time.perf_counter()
        for batch in batches:
            population.update(batch)
        _wait(device)
        rounds.append((time.perf_counter() - start) / len(batches))
    return median(rounds)


def _epoch(population: Population, budget: Budget, split: Sequences, epoch: int) -> list[np.ndarray]:
    """The epoch's batches for the repeats that still have a trial."""
    protocol, repeats = population.protocol, population.repeats()
    seeds = {trial.repeat: trial.order_seed for trial in population.trials}
    order_seeds = [seeds[repeat] for repeat in repeats]
    return epoch_batches(split.lengths, budget.batch_size, protocol.length_jitter, epoch, protocol.seed, order_seeds)


def _score(population: Population, train: Sequences, valid: Sequences, epoch: int, updates: int) -> list[Point]:
    weights = population.layout.views(population.weights)
    columns = []
    for split in (train, valid):
        sums = scoring.sequence_sums(population.network, weights, split)
        columns.append((scoring.pooled(sums, split.lengths), scoring.per_sequence(sums, split.lengths)))
    (train_pooled, train_each), (valid_pooled, valid_each) = columns
    rows = zip(train_pooled, valid_pooled, train_each, valid_each, strict=True)
    return [Point(epoch, updates, *(float(value) for value in row)) for row in rows]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
