"""Trains the population of one dataset and cell: repeats × candidate learning rates, all in one matrix.

    python -m stages.train --dataset jsb_chorales --cell gru

Reads the train and validation splits, never the test split. Writes models/<dataset>/<cell>/: the chosen trials'
weights, a row per trial, a row per trial and epoch, and how it was run.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from stages.corpora.split import Split
from stages.plumbing.command import InputError, run
from stages.plumbing.files import whole
from stages.plumbing.params import read, section
from stages.population import checkpoints, engines, saved, trainer, trials
from stages.population import device as devices
from stages.population.matrix import Layout
from stages.population.protocol import Budget, Protocol
from stages.recurrent.matching import Matching
from stages.recurrent.net import Net

DECIMALS = 6  # of an NLL in the curves


def build_net(cell: str, split: Split, matching: Matching, settings: dict[str, Any]) -> Net:
    """The net for a dataset: units from the parameter budget, inputs and targets from the data."""
    try:
        units = matching.units(cell, split.output, settings)
        return Net.build(cell, split.output, split.inputs.shape[1], units, split.targets.shape[1], settings)
    except (ValueError, TypeError) as error:
        raise InputError(f"params.yaml: {error}") from None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--cell", required=True)
    options = parser.parse_args()
    dataset, cell = options.dataset, options.cell

    budget = section(f"datasets.{dataset}.training", Budget)
    protocol = section("train", Protocol)
    prepared = Path("data/prepared") / dataset
    splits = {name: Split.load(prepared / f"{name}.npz") for name in ("train", "valid")}
    settings = dict(read("outputs").get(splits["train"].output, {}))
    net = build_net(cell, splits["train"], section("matching", Matching), settings)
    device = devices.choose()
    engine = engines.choose(net, protocol, device)
    train_split, valid_split = (engine.load(split.inputs, split.targets, split.lengths) for split in splits.values())
    layout, grid = Layout.of(net), trials.draw(protocol, dataset, budget.repeats, budget.candidates)

    facts = {
        "dataset": dataset,
        "cell": cell,
        "output": splits["train"].output,
        "output_settings": settings,
        "units": net.units,
        "protocol": protocol.model_dump(),
        "budget": budget.model_dump(),
        "engine": engine.name,
        "torch": torch.__version__,
    }
    arrays = [array for split in splits.values() for array in (split.inputs, split.targets, split.lengths)]
    title = f"{dataset}-{cell}"
    checkpoint = checkpoints.Checkpoint(title, checkpoints.key(facts, arrays))
    training = checkpoint.load(layout, protocol, device) or trainer.Training.begin(layout, protocol, grid, device)
    records = trainer.train(engine, protocol, budget, training, train_split, valid_split, title, checkpoint)
    chosen = trainer.chosen(records)
    by_halving = trainer.chosen(records, by_halving=True)
    kept = [record for record in records if any(record is one for one in chosen + by_halving)]

    folder = Path("models") / dataset / cell
    with whole(folder / "weights.safetensors") as path:
        saved.save(path, layout, [(r.trial.repeat, r.trial.candidate) for r in kept], [r.weights for r in kept])
    with whole(folder / "trials.csv") as path:
        trial_table(records).to_csv(path, index=False)
    with whole(folder / "curves.csv") as path:
        curve_table(records).to_csv(path, index=False, float_format=f"%.{DECIMALS}f")
    with whole(folder / "run.json") as path:
        facts = {
            "dataset": dataset,
            "cell": cell,
            "output": splits["train"].output,
            "output_settings": settings,
            "matching": read("matching.mode"),
            "input_size": net.inputs,
            "target_size": net.targets,
            "output_size": net.output_size,
            "units": net.units,
            "recurrent_parameters": net.recurrent_parameters,
            "output_parameters": net.output_parameters,
            "total_parameters": net.recurrent_parameters + net.output_parameters,
            "device": devices.describe(device),
            "engine": engine.name,
            "torch": torch.__version__,
            "batch_size": budget.batch_size,
            "updates_per_epoch": trainer.updates_per_epoch(train_split.lengths, budget),
            "seconds": round(training.seconds, 1),
            "seconds_per_update": trainer.seconds_per_update(
                engine, layout, protocol, budget, grid[0], train_split, device
            ),
        }
        path.write_text(json.dumps(facts, indent=2) + "\n")
    checkpoint.remove()


def trial_table(records: list[trainer.Record]) -> pd.DataFrame:
    """A row per trial: what it was, how it ended, and its NLLs at its best epoch, in nats per step."""
    chosen, by_halving = trainer.chosen(records), trainer.chosen(records, by_halving=True)
    rows = []
    for record in records:
        best = record.best
        rows.append(
            {
                "repeat": record.trial.repeat,
                "candidate": record.trial.candidate,
                "seed": record.trial.seed,
                "learning_rate": record.trial.learning_rate,
                "status": record.status,
                "epochs": len(record.curve),
                "best_epoch": best.epoch if best else None,
                "updates": best.updates if best else None,
                "train_nll": best.train_nll if best else None,
                "valid_nll": best.valid_nll if best else None,
                "train_nll_per_sequence": best.train_nll_per_sequence if best else None,
                "valid_nll_per_sequence": best.valid_nll_per_sequence if best else None,
                "halved_at": record.halved_at,
                "chosen": any(record is one for one in chosen),
                "chosen_by_halving": any(record is one for one in by_halving),
            }
        )
    return pd.DataFrame(rows).astype({"best_epoch": "Int64", "updates": "Int64", "halved_at": "Int64"})


def curve_table(records: list[trainer.Record]) -> pd.DataFrame:
    """A row per trial and epoch: clean NLLs, in nats per step."""
    columns = ["epoch", "updates", "train_nll", "valid_nll", "train_nll_per_sequence", "valid_nll_per_sequence"]
    rows = [
        {"repeat": record.trial.repeat, "candidate": record.trial.candidate}
        | {column: getattr(point, column) for column in columns}
        for record in records
        for point in record.curve
    ]
    return pd.DataFrame(rows, columns=["repeat", "candidate", *columns])


if __name__ == "__main__":
    run(main)
