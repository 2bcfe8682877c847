"""Times an update of one model of every cell of the arm `paper`, the cells in turns, as the study trains them.

    python -m stages.clock --dataset jsb_chorales

Leaves a row a round and cell in clock.csv. In a round the cells are timed one right after another, so that what else
the machine does meets all of them; the rounds show how much a timing varies. It is what one model costs alone, as the
paper's Figures 2 and 3 count seconds: in a population an update of a trial costs less. Nets begin anew, so that those
that diverged are timed too. Timings of the same nets by the same engine on the same device stay as they are: a comment
in the trainer is no new measurement, and to have one the file is deleted. Reads the training split.
"""

import argparse
import json
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from stages.console import device as devices
from stages.corpora.split import Split
from stages.plumbing.errors import run
from stages.plumbing.files import whole
from stages.plumbing.places import PAPER, PREPARED, clock, run_folder, trainings
from stages.population import engines, results, trials
from stages.population.batches import epoch_batches
from stages.population.population import Population
from stages.protocol.protocol import Protocol
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net
from stages.recurrent.recorded import recorded_cells, recorded_net

ROUNDS = 10
BATCHES = 20  # at most so many of an epoch, from its shortest to its longest
SECONDS = 0.05  # that a cell is timed in a round, at least


class Training(NamedTuple):
    """How a cell's nets were trained, as their run.json has it."""

    net: Net
    protocol: Protocol
    batch_size: int
    engine: engines.Engine
    digest: str  # of what makes it this training, but for how long and how often it is done

    @classmethod
    def recorded(cls, dataset: str, cell: str) -> "Training":
        """Raises InputError: run.json is missing, or is none."""
        path = run_folder(PAPER, dataset, cell) / "run.json"
        net, facts = recorded_net(path), json.loads(path.read_text())
        protocol = Protocol.model_validate(facts["protocol"])
        exact = json.dumps({key: facts[key] for key in results.SAME if key != "budget"}, sort_keys=True)
        digest = sha256(exact.encode()).hexdigest()[:12]
        return cls(net, protocol, facts["batch_size"], engines.choose(net, protocol, devices.choose()), digest)

    @property
    def facts(self) -> dict[str, Any]:
        """What must be the same for timings to stay."""
        where = {"device": devices.describe(self.engine.device), "engine": self.engine.name}
        return {"units": self.net.units, "batch_size": self.batch_size, "training": self.digest} | where


def timer(of: Training, train: Split, first: trials.Trial) -> Callable[[], float]:
    """What times a round of a trial's updates, and returns the mean of their wall-clock seconds."""
    orders = [first.order_seed]
    by_length = sorted(
        epoch_batches(train.lengths, of.batch_size, of.protocol.length_jitter, 1, of.protocol.seed, orders),
        key=lambda batch: train.lengths[batch].max(),
    )
    evenly = np.linspace(0, len(by_length) - 1, min(BATCHES, len(by_length))).astype(int)
    batches = [by_length[number] for number in evenly]
    device, split = of.engine.device, of.engine.load(train.inputs, train.targets, train.lengths)
    population = Population.initial(Layout.of(of.net), of.protocol, [first], device)

    def once(calls: list[list[np.ndarray]]) -> None:
        for call in calls:
            population.finite.fill_(True)
            of.engine.train(population, split, call, 0)
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


def there(path: Path, cells: dict[str, Training]) -> bool:
    """Whether a file holds timings of these trainings."""
    try:
        found = pd.read_csv(path)
        facts = [*next(iter(cells.values())).facts]
        known = {(row.cell, *(getattr(row, name) for name in facts)) for row in found.itertuples()}
    except (OSError, ValueError, AttributeError):  # pandas' own errors are ValueErrors
        return False
    return known == {(cell, *of.facts.values()) for cell, of in cells.items()} and len(found) == ROUNDS * len(cells)


def measure(dataset: str, cells: dict[str, Training]) -> pd.DataFrame:
    """A row a round and cell: seconds an update, and what must be the same for it to stay.

    Raises:
        InputError: the training split is missing.
    """
    train = Split.load(PREPARED / dataset / "train.npz")
    timers = {
        cell: timer(of, train, trials.draw(of.protocol, dataset, repeats=1, candidates=1)[0])
        for cell, of in cells.items()
    }
    return pd.DataFrame(
        {"round": number, "cell": cell, "seconds": timed()} | cells[cell].facts
        for number in range(ROUNDS)
        for cell, timed in timers.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    dataset = parser.parse_args().dataset
    cells = {cell: Training.recorded(dataset, cell) for cell in recorded_cells(trainings(PAPER, dataset))}
    if there(clock(dataset), cells):
        print(f"{dataset}: its timings are there and stay as they are")
        return
    found = measure(dataset, cells)
    with whole(clock(dataset)) as path:
        found.to_csv(path, index=False, float_format="%.5g")
    mean = found.groupby("cell", sort=False)["seconds"].mean()
    print(f"{dataset}: " + ", ".join(f"{cell} {1000 * seconds:.3g} ms an update" for cell, seconds in mean.items()))


if __name__ == "__main__":
    run(main)
