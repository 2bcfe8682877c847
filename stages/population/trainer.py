"""Trains a population to the end: epochs, clean curves, early stopping, the best weights of every trial."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil, inf, isfinite
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from stages.console.interruption import Interruption
from stages.console.progress import Progress
from stages.plumbing.errors import Interrupted
from stages.population import schedules
from stages.population.batches import epoch_batches
from stages.population.checkpoints import Checkpoint
from stages.population.engines import Engine
from stages.population.population import Population
from stages.population.trials import Trial
from stages.protocol.protocol import Budget, Halving, Protocol
from stages.recurrent import likelihood
from stages.recurrent.layout import Layout
from stages.recurrent.likelihood import Stopped

Status = Literal["running", "stopped", "max_epochs", "halved", "diverged"]
SHORT = 0.5  # seconds after which a training looks up: for a request to stop, or whether a checkpoint is due


@dataclass(frozen=True)
class Point:
    """One epoch of one trial: clean NLL in nats per step, both averagings; None where the split was not scored."""

    epoch: int
    updates: int
    train_nll: float | None
    valid_nll: float
    train_nll_per_sequence: float | None
    valid_nll_per_sequence: float


@dataclass
class Record:
    """What became of a trial."""

    trial: Trial
    status: Status = "running"
    curve: list[Point] = field(default_factory=list)
    best: Point | None = None
    weights: Tensor | None = None  # [N] at the best epoch
    halved_at: int | None = None  # the rung at which successive halving ends it, or would have

    def improved_by(self, valid_nll: float) -> bool:
        """Whether a validation NLL is the trial's best so far."""
        return isfinite(valid_nll) and (self.best is None or valid_nll < self.best.valid_nll)


@dataclass
class Training:
    """A training between two updates: all there is to know to go on with it.

    Attributes:
        records: a record per trial; those still running are the population's rows, in the same order.
        epoch, updates: the epoch under way, from 1, and its updates done.
        seconds: spent so far.
    """

    population: Population
    records: list[Record]
    epoch: int = 1
    updates: int = 0
    seconds: float = 0.0

    @classmethod
    def begin(
        cls,
        layout: Layout,
        protocol: Protocol,
        trials: list[Trial],
        device: torch.device,
        beginning: Mapping[str, np.ndarray] = MappingProxyType({}),
    ) -> "Training":
        """Every trial from its seed; `beginning`: parameters that begin elsewhere, the same for all trials."""
        population = Population.initial(layout, protocol, trials, device)
        for name, values in beginning.items():
            layout.views(population.weights)[name].copy_(torch.from_numpy(values))
        return cls(population, [Record(trial) for trial in trials])

    def running(self) -> list[Record]:
        return [record for record in self.records if record.status == "running"]


def train(
    engine: Engine,
    protocol: Protocol,
    budget: Budget,
    training: Training,
    train_split: Any,
    valid_split: Any,
    title: str,
    checkpoint: Checkpoint | None = None,
) -> list[Record]:
    """Trains all trials until each has stopped, diverged, or used its epochs.

    After every epoch the clean weights are scored on the validation split, and on the training split where the
    protocol asks for it; a trial keeps the weights of its best pooled validation NLL and stops after
    `protocol.patience` epochs without a better one, or at a rung of successive halving where its repeat has better
    candidates. A trial that turns non-finite is recorded as diverged and its row removed.

    Args:
        training: where to begin; changed in place.
        train_split, valid_split: as the engine's `load` gives them.
        checkpoint: where to save the training now and then, and when it is interrupted.

    Returns:
        A record per trial.

    Raises:
        Interrupted: Ctrl-C, SIGTERM or SIGHUP; the checkpoint has been written.
    """
    updates = updates_per_epoch(train_split.lengths, budget)
    progress = Progress(title, budget.max_epochs, updates, len(training.records), training.epoch, training.updates)
    clock, size = _Clock(training), 1
    with Interruption() as interruption:

        def look_up(stop: bool = False) -> None:
            """Saves what is due, and leaves on request."""
            clock.read()
            if checkpoint and (checkpoint.due() or stop or interruption.requested):
                checkpoint.save(training)
            if stop or interruption.requested:
                progress.close()
                raise Interrupted(_place(training, budget, updates, checkpoint))

        while training.running():
            batches = _epoch(training.population, protocol, budget, train_split.lengths, training.epoch)
            shares = schedules.shares(protocol.schedule, training.epoch, budget.max_epochs, updates)
            while training.updates < updates:
                start = time.perf_counter()
                now = slice(training.updates, training.updates + size)
                update = (training.epoch - 1) * updates + training.updates
                engine.train(training.population, train_split, batches[now], update, shares[now])
                done = len(batches[now])
                training.updates += done
                progress.update(done)
                size = max(1, min(4 * size, updates, int(done * SHORT / max(time.perf_counter() - start, 1e-9))))
                look_up()
            try:
                points = _score(engine, training, protocol, train_split, valid_split, lambda: interruption.requested)
            except Stopped:
                look_up(stop=True)
            _end_epoch(training, protocol, budget, points)
            best = min((r.best.valid_nll for r in training.records if r.best is not None), default=float("nan"))
            progress.epoch(training.epoch - 1, best, len(training.running()))
            look_up()
    best = min((r.best for r in training.records if r.best is not None), key=lambda p: p.valid_nll, default=None)
    progress.end((r.status for r in training.records), *((best.valid_nll, best.epoch) if best else (float("nan"), 0)))
    return training.records


def updates_per_epoch(lengths: np.ndarray, budget: Budget) -> int:
    return ceil(len(lengths) / budget.batch_size)


def chosen(records: list[Record], by_halving: bool = False) -> list[Record]:
    """Each repeat's candidate with the lowest validation NLL; a repeat all of whose candidates diverged has none.

    With `by_halving` among those that successive halving lets live: its choice, whether it was applied or not, since
    what it ends is never ahead of what it keeps and trials do not touch each other.
    """
    best: dict[int, Record] = {}
    for record in records:
        if record.status == "diverged" or record.best is None or (by_halving and record.halved_at is not None):
            continue
        rival = best.get(record.trial.repeat)
        if rival is None or record.best.valid_nll < rival.best.valid_nll:
            best[record.trial.repeat] = record
    return [best[repeat] for repeat in sorted(best)]


def _epoch(
    population: Population, protocol: Protocol, budget: Budget, lengths: np.ndarray, epoch: int
) -> list[np.ndarray]:
    """The epoch's batches for the repeats that still have a trial."""
    seeds = {trial.repeat: trial.order_seed for trial in population.trials}
    order_seeds = [seeds[repeat] for repeat in population.repeats()]
    return epoch_batches(lengths, budget.batch_size, protocol.length_jitter, epoch, protocol.seed, order_seeds)


def _score(
    engine: Engine, training: Training, protocol: Protocol, train: Any, valid: Any, stop: Callable[[], bool]
) -> list[Point]:
    """The population's clean NLLs at the end of the epoch.

    On the training split only every so many epochs, and of every net that is its trial's best: choosing and stopping
    look at validation alone.

    Raises:
        Stopped: `stop` said so.
    """
    population, running = training.population, training.running()

    def nlls(split: Any, rows: list[int]) -> dict[int, tuple[float, float]]:
        """Row → NLL of the split, pooled and per sequence."""
        if not rows:
            return {}
        sums = engine.score(population.layout, population.weights[rows], split, stop)
        pooled, each = likelihood.pooled(sums, split.lengths), likelihood.per_sequence(sums, split.lengths)
        return dict(zip(rows, zip(pooled.tolist(), each.tolist(), strict=True), strict=True))

    validated, every = nlls(valid, list(range(len(running)))), training.epoch % protocol.score_training_every == 0
    trained = nlls(train, [row for row, record in enumerate(running) if every or record.improved_by(validated[row][0])])
    updates, points = training.epoch * training.updates, []
    for row, (pooled, each) in validated.items():
        train_pooled, train_each = trained.get(row, (None, None))
        points.append(Point(training.epoch, updates, train_pooled, pooled, train_each, each))
    return points


def _end_epoch(training: Training, protocol: Protocol, budget: Budget, points: list[Point]) -> None:
    """Enters the points into the records, ends trials, and turns to the next epoch."""
    population, running = training.population, training.running()
    for row, (record, point) in enumerate(zip(running, points, strict=True)):
        known = np.isfinite([nll for nll in (point.train_nll, point.valid_nll) if nll is not None]).all()
        if not population.finite[row] or not (known or protocol.not_finite == "shrink"):
            record.status = "diverged"
            continue
        record.curve.append(point)
        if record.improved_by(point.valid_nll):
            record.best, record.weights = point, population.weights[row].clone()
        if training.epoch == budget.max_epochs:
            record.status = "max_epochs"
        elif training.epoch - (record.best.epoch if record.best else 0) >= protocol.patience:
            record.status = "stopped"
    if budget.halving and training.epoch in budget.halving.epochs:
        halve(training.records, budget.halving, training.epoch)
    alive = [row for row, record in enumerate(running) if record.status == "running"]
    if len(alive) < len(running):
        population.keep(alive)
    training.epoch, training.updates = training.epoch + 1, 0


def halve(records: list[Record], halving: Halving, epoch: int) -> None:
    """All but the better share of each repeat's running candidates, by their best validation NLL so far, fall.

    They end, unless halving is only recorded.
    """
    for repeat in {record.trial.repeat for record in records}:
        contenders = [r for r in records if (r.trial.repeat, r.status, r.halved_at) == (repeat, "running", None)]
        contenders.sort(key=lambda record: record.best.valid_nll if record.best else inf)
        for record in contenders[ceil(halving.keep * len(contenders)) :]:
            record.halved_at = epoch
            if halving.apply:
                record.status = "halved"


class _Clock:
    """Counts a training's seconds on from those it has."""

    def __init__(self, training: Training):
        self._training, self._origin = training, time.perf_counter() - training.seconds

    def read(self) -> None:
        self._training.seconds = time.perf_counter() - self._origin


def _place(training: Training, budget: Budget, updates: int, checkpoint: Checkpoint | None) -> str:
    place = f"epoch {training.epoch} of {budget.max_epochs}, update {training.updates} of {updates}"
    if checkpoint is None:
        return f"{place}; nothing was saved"
    return f"{place} is saved in {checkpoint.path}; the same command goes on from there"
