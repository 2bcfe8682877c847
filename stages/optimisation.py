"""A study of what holds the nets back: a learning rate that decays, and training without weight noise.

    python -m stages.optimisation      writes reports/studies/optimisation.csv

The paper states no schedule; its authors' code lowers the rate linearly to 1 % over 500 epochs. The study keeps the
rate and the paper's noise. This trains one net at each of a few rates with and without either, the trainer untouched:
an engine that lowers the rates stands before the one that computes. Run by hand, since no stage waits for it. Nets that
the file holds already are not trained again; to measure anew, delete it.
"""

import argparse
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from stages.console import device as devices
from stages.corpora.split import Split
from stages.findings.optimisation import COLUMNS, MEASURED, Set, Study
from stages.findings.studies import read_study
from stages.plumbing.errors import run
from stages.plumbing.files import whole
from stages.plumbing.parameters import read, section
from stages.population import engines, trainer, trials
from stages.protocol.protocol import Budget, Protocol
from stages.recurrent.layout import Layout
from stages.recurrent.matching import Matching
from stages.train import build_net


class Decaying:
    """An engine whose trials' learning rates fall linearly, epoch by epoch, to their final share of the first.

    Args:
        final: candidate → the share that is left in the last epoch.
    """

    def __init__(self, engine: engines.Engine, final: list[float], max_epochs: int, updates_per_epoch: int):
        self.engine, self.final, self.updates_per_epoch = engine, final, updates_per_epoch
        self.last = max(max_epochs - 1, 1)
        self.name, self.load, self.score = engine.name, engine.load, engine.score

    def train(self, population: Any, split: Any, batches: list, update: int) -> None:
        """As the engine's, at the rates of the epoch that `update` lies in."""
        done = update // self.updates_per_epoch / self.last
        own, rate = population.trials, population.optimiser.rate  # one engine reads the first, another the second
        shares = [1 - (1 - self.final[trial.candidate]) * done for trial in own]
        population.trials = [
            replace(trial, learning_rate=trial.learning_rate * share) for trial, share in zip(own, shares, strict=True)
        ]
        population.optimiser.rate = rate * torch.tensor(shares, device=rate.device)[:, None]
        self.engine.train(population, split, batches, update)
        population.trials, population.optimiser.rate = own, rate


def measure(study: Study, of: Set, cell: str) -> pd.DataFrame:
    """Trains one cell's nets on one dataset: a row per rate, schedule and noise, at its best epoch by validation."""
    budget = section(f"datasets.{of.dataset}.training", Budget)
    budget = budget.model_copy(update={"max_epochs": of.max_epochs, "halving": None})
    prepared = Path("data/prepared") / of.dataset
    splits = {name: Split.load(prepared / f"{name}.npz") for name in ("train", "valid")}
    settings = dict(read("outputs").get(splits["train"].output, {}))
    net = build_net(cell, splits["train"], section("matching", Matching), settings)
    device, layout, rows = devices.choose(), Layout.of(net), []
    grid = [(rate, final) for final in study.schedules(of) for rate in study.learning_rates]
    for noise in study.weight_noise:
        protocol = section("train", Protocol).model_copy(
            update={"weight_noise": noise, "patience": of.max_epochs}  # none stops early
        )
        engine = engines.choose(net, protocol, device)
        data = [engine.load(split.inputs, split.targets, split.lengths) for split in splits.values()]
        first = trials.draw(protocol, of.dataset, 1, 1)[0]
        nets = [replace(first, candidate=number, learning_rate=rate) for number, (rate, _) in enumerate(grid)]
        updates = trainer.updates_per_epoch(splits["train"].lengths, budget)
        decaying = Decaying(engine, [final for _, final in grid], of.max_epochs, updates)
        begun = trainer.Training.begin(layout, protocol, nets, device)
        title = f"{of.dataset}-{cell}, noise {noise:g}"
        for record, (rate, final) in zip(
            trainer.train(decaying, protocol, budget, begun, *data, title), grid, strict=True
        ):
            best = record.best
            found = [best.epoch, best.train_nll, best.valid_nll] if best else [None, None, None]
            facts = [of.dataset, cell, budget.batch_size, of.max_epochs, noise, final, rate]
            rows.append([*facts, record.status, *found])
    return pd.DataFrame(rows, columns=COLUMNS)


def known(study: Study, of: Set, cell: str) -> pd.DataFrame:
    """The rows of these nets in the file, if it holds them all."""
    there = read_study(MEASURED, COLUMNS, "make optimisation")
    batch_size = section(f"datasets.{of.dataset}.training", Budget).batch_size
    asked = itertools.product(study.weight_noise, study.schedules(of), study.learning_rates)
    keys = pd.DataFrame(
        [[of.dataset, cell, batch_size, of.max_epochs, *key] for key in asked], columns=COLUMNS[: len(COLUMNS) - 4]
    )
    found = keys.merge(there, how="inner") if there is not None else keys[:0]
    return found if len(found) == len(keys) else found[:0]


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    study = section("optimisation", Study)
    tables = {(of.dataset, cell): known(study, of, cell) for of in study.sets for cell in of.cells}
    for of in study.sets:
        for cell in of.cells:
            if count := len(tables[of.dataset, cell]):
                print(f"{of.dataset}-{cell}: its {count} nets are there and stay as they are", flush=True)
                continue
            tables[of.dataset, cell] = measure(study, of, cell)
            with whole(MEASURED) as path:
                rows = pd.concat([table for table in tables.values() if len(table)])
                rows.to_csv(path, index=False, float_format="%.6g")
    print(f"{MEASURED}: written")


if __name__ == "__main__":
    run(main)
