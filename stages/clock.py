"""Times an update of one model of every cell of the arm `paper`, the cells in turns, as the study trains them.

    python -m stages.clock --dataset jsb_chorales

Leaves a row a round and cell in clock.csv. In a round the cells are timed one right after another, so that what else
the machine does meets all of them; the rounds show how much a timing varies. It is what one model costs alone, as the
paper's Figures 2 and 3 count seconds: in a population an update of a trial costs less. Reads the training split.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from stages.console import device as devices
from stages.plumbing.errors import run
from stages.plumbing.files import whole
from stages.plumbing.places import PAPER, clock
from stages.population.batches import epoch_batches
from stages.population.population import Population
from stages.protocol import arms
from stages.train import Task

ROUNDS = 10
BATCHES = 20  # at most so many of an epoch, from its shortest to its longest
SECONDS = 0.1  # that a cell is timed in a round, at least


def timer(task: Task) -> Callable[[], float]:
    """What times a round of updates of a task's first trial, and returns the mean of their wall-clock seconds."""
    protocol, budget, train, device = task.arm.protocol, task.arm.budget, task.splits["train"], task.engine.device
    first = task.trials(range(1))[0]
    by_length = sorted(
        epoch_batches(train.lengths, budget.batch_size, protocol.length_jitter, 1, protocol.seed, [first.order_seed]),
        key=lambda batch: train.lengths[batch].max(),
    )
    evenly = np.linspace(0, len(by_length) - 1, min(BATCHES, len(by_length))).astype(int)
    batches = [by_length[number] for number in evenly]
    split = task.engine.load(train.inputs, train.targets, train.lengths)
    population = Population.initial(task.layout, protocol, [first], device)

    def once(calls: list[list[np.ndarray]]) -> None:
        for call in calls:
            population.finite.fill_(True)
            task.engine.train(population, split, call, 0)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    calls = [batches]
    once(calls)  # compiles
    if not population.finite.all():  # an engine passes over what follows a diverged update: one by one, then
        calls = [[batch] for batch in batches]
        once(calls)

    def timed() -> float:
        passes, start = 0, time.perf_counter()
        while not passes or time.perf_counter() < start + SECONDS:
            once(calls)
            passes += 1
        return (time.perf_counter() - start) / (passes * len(batches))

    return timed


def measure(dataset: str) -> pd.DataFrame:
    """A row a round and cell: seconds an update, and by which engine on which device."""
    tasks = {cell: Task.load(PAPER, dataset, cell) for cell in arms.cells(PAPER)}
    timers = {cell: timer(task) for cell, task in tasks.items()}
    rows = [[number, cell, timed()] for number in range(ROUNDS) for cell, timed in timers.items()]
    where = {cell: (devices.describe(task.engine.device), task.engine.name) for cell, task in tasks.items()}
    rows = [[*row, *where[row[1]]] for row in rows]
    return pd.DataFrame(rows, columns=["round", "cell", "seconds", "device", "engine"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    dataset = parser.parse_args().dataset
    found = measure(dataset)
    with whole(clock(dataset)) as path:
        found.to_csv(path, index=False, float_format="%.5g")
    mean = found.groupby("cell", sort=False)["seconds"].mean()
    print(f"{dataset}: " + ", ".join(f"{cell} {1000 * seconds:.3g} ms an update" for cell, seconds in mean.items()))


if __name__ == "__main__":
    run(main)
