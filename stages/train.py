"""Trains the population of one dataset and cell: repeats × candidate learning rates, all in one matrix.

    python -m stages.train --dataset jsb_chorales --cell gru
    python -m stages.train --dataset jsb_chorales --cell lstm --matching total     a second arm: other units

Reads the train and validation splits, never the test split. Writes models/<dataset>/<cell>/, for a second arm
models/<dataset>/<matching>/<cell>/: the chosen trials' weights, a row per trial, a row per trial and epoch, and how it
was run. Repeats that are there already, made from the same parameters, data and code, are kept: only missing ones are
trained.
"""

import argparse
from pathlib import Path
from typing import Any, get_args

import torch

from stages.console import device as devices
from stages.corpora.split import Split
from stages.plumbing.errors import InputError, run
from stages.plumbing.parameters import read, section
from stages.population import checkpoints, engines, results, trainer, trials
from stages.protocol.protocol import Budget, Protocol
from stages.recurrent import saved
from stages.recurrent.layout import Layout
from stages.recurrent.matching import Matching, Mode
from stages.recurrent.net import Net


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
    parser.add_argument("--matching", choices=get_args(Mode), help="instead of matching.mode: a second arm")
    options = parser.parse_args()
    dataset, cell, arm = options.dataset, options.cell, options.matching
    folder = saved.folder(dataset, cell, arm)

    budget = section(f"datasets.{dataset}.training", Budget)
    protocol = section("train", Protocol)
    matching = section("matching", Matching)
    if arm:
        matching = matching.model_copy(update={"mode": arm})
    prepared = Path("data/prepared") / dataset
    splits = {name: Split.load(prepared / f"{name}.npz") for name in ("train", "valid")}
    settings = dict(read("outputs").get(splits["train"].output, {}))
    net = build_net(cell, splits["train"], matching, settings)
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
        "budget": budget.model_dump(exclude={"repeats"}),
        "engine": engine.name,
        "torch": torch.__version__,
    }
    arrays = [array for split in splits.values() for array in (split.inputs, split.targets, split.lengths)]
    title = f"{arm}-{dataset}-{cell}" if arm else f"{dataset}-{cell}"
    made_from = checkpoints.key(facts, arrays)
    found = results.load(folder, layout, made_from, budget.candidates).first(budget.repeats)
    missing = [trial for trial in grid if trial.repeat >= found.repeats]
    if found.repeats:
        print(f"{title}: {found.repeats} of {budget.repeats} repeats are there and stay as they are", flush=True)
    checkpoint = checkpoints.Checkpoint(title, checkpoints.key(facts | {"trials": [str(t) for t in missing]}, arrays))
    if missing:
        begin = trainer.Training.begin
        training = checkpoint.load(layout, protocol, device) or begin(layout, protocol, missing, device)
        records = trainer.train(engine, protocol, budget, training, train_split, valid_split, title, checkpoint)
        found = found.joined(results.Results.of(records, training.seconds))

    found.save(
        folder,
        layout,
        {
            "dataset": dataset,
            "cell": cell,
            "output": splits["train"].output,
            "output_settings": settings,
            "matching": matching.mode,
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
            "seconds_per_update": trainer.seconds_per_update(
                engine, layout, protocol, budget, grid[0], train_split, device
            ),
            "made_from": made_from,
        },
    )
    checkpoint.remove()


if __name__ == "__main__":
    run(main)
