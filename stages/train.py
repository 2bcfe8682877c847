"""Trains the population of one arm, dataset and cell: repeats × candidates, all in one matrix.

    python -m stages.train --dataset jsb_chorales --cell gru
    python -m stages.train --dataset jsb_chorales --cell lstm --arm total

Reads the train and validation splits, never the test split. Writes models/<arm>/<dataset>/<cell>/: the chosen trials'
weights, a row per trial, a row per trial and epoch, and how it was run. Repeats that are there already, made from the
same parameters and data by code that computes the same, are kept: only missing ones are trained.
"""

import argparse
from dataclasses import fields
from inspect import getfile
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, create_model

from stages.console import device as devices
from stages.corpora.split import Split
from stages.plumbing.errors import InputError, run
from stages.plumbing.files import alone
from stages.plumbing.parameters import Section, checked, mapping
from stages.plumbing.places import PREPARED, run_folder
from stages.population import behaviour, checkpoints, engines, results, trainer, trials
from stages.protocol import arms
from stages.recurrent import outputs
from stages.recurrent.layout import Layout
from stages.recurrent.matching import Matching
from stages.recurrent.net import Net


def output_settings(output: str) -> dict[str, Any]:
    """The output layer's numbers in params.yaml.

    Raises:
        InputError: one is missing or unknown, or not above zero and finite.
    """
    numbers = {field.name: (field.type, Field(gt=0)) for field in fields(outputs.load(output).Settings)}
    given = mapping("outputs").get(output, {})
    return checked(
        given, create_model(output, __base__=Section, **numbers), f"params.yaml: outputs.{output}"
    ).model_dump()


def build_net(cell: str, split: Split, matching: Matching, settings: dict[str, Any]) -> Net:
    """The net for a dataset: units from the parameter budget, inputs and targets from the data."""
    try:
        units = matching.units(cell, split.output, settings)
        return Net.build(cell, split.output, split.inputs.shape[1], units, split.targets.shape[1], settings)
    except (ValueError, TypeError) as error:
        raise InputError(f"params.yaml: {error}") from None


def describe(arm: arms.Arm, cell: str, net: Net, splits: dict[str, Split], settings: dict[str, Any]) -> dict[str, Any]:
    """What run.json says of the training, but for its results."""
    return {
        "arm": arm.name,
        "dataset": arm.dataset,
        "cell": cell,
        "output": splits["train"].output,
        "output_settings": settings,
        "matching": arm.matching,
        "input_size": net.inputs,
        "target_size": net.targets,
        "output_size": net.output_size,
        "units": net.units,
        "recurrent_parameters": net.recurrent_parameters,
        "output_parameters": net.output_parameters,
        "total_parameters": net.recurrent_parameters + net.output_parameters,
        "batch_size": arm.budget.batch_size,
        "updates_per_epoch": trainer.updates_per_epoch(splits["train"].lengths, arm.budget),
        "protocol": arm.protocol.model_dump(mode="json"),
        "budget": arm.budget.model_dump(mode="json", exclude={"repeats"}),
        "data": results.digest(arrays(splits)),
    }


def arrays(splits: dict[str, Split]) -> list[Any]:
    """All numbers that are trained on."""
    return [array for split in splits.values() for array in (split.inputs, split.targets, split.lengths)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--cell", required=True)
    parser.add_argument("--arm", default=arms.PAPER)
    options = parser.parse_args()
    dataset, cell = options.dataset, options.cell
    folder = run_folder(options.arm, dataset, cell)
    title = f"{dataset}-{cell}" if options.arm == arms.PAPER else f"{options.arm}-{dataset}-{cell}"

    arm = arms.load(options.arm, dataset)
    protocol, budget = arm.protocol, arm.budget
    matching = checked({**mapping("matching"), "mode": arm.matching}, Matching, "params.yaml: matching")
    splits = {name: Split.load(PREPARED / dataset / f"{name}.npz") for name in ("train", "valid")}
    settings = output_settings(splits["train"].output)
    net = build_net(cell, splits["train"], matching, settings)
    engine = engines.choose(net, protocol, devices.choose())
    device = engine.device
    train_split, valid_split = (engine.load(split.inputs, split.targets, split.lengths) for split in splits.values())
    layout, grid = Layout.of(net), trials.draw(protocol, dataset, budget.repeats, budget.candidates)
    facts = describe(arm, cell, net, splits, settings)
    where = {"device": devices.describe(device), "engine": engine.name, "torch": torch.__version__}

    def probe() -> list[float]:
        return behaviour.probe(net, protocol, engine, device)

    with alone(checkpoints.FOLDER / f"{title}.lock", title):
        found = results.load(folder, layout, facts, protocol.drawn(), budget.candidates, probe).first(budget.repeats)
        kept, missing = found.repeats, [trial for trial in grid if trial.repeat >= found.repeats]
        if kept:
            print(f"{title}: {kept} of {budget.repeats} repeats are there and stay as they are", flush=True)
        exact = {key: facts[key] for key in results.SAME} | where | {"trials": [str(trial) for trial in missing]}
        sources = [Path(__file__), Path(net.cell.__file__), Path(getfile(Split))]
        checkpoint = checkpoints.Checkpoint(title, checkpoints.key(exact, arrays(splits), sources))
        if missing:
            begin = trainer.Training.begin
            training = checkpoint.load(layout, protocol, device) or begin(layout, protocol, missing, device)
            records = trainer.train(engine, protocol, budget, training, train_split, valid_split, title, checkpoint)
            cost = trainer.seconds_per_update(engine, layout, protocol, budget, grid[0], train_split, device)
            made = where | {"seconds": round(training.seconds, 1), "seconds_per_update": cost}
            found = found.joined(results.Results.of(records, protocol.drawn(), made, found.behaviour or probe()))
        found.save(folder, layout, facts, kept)
        checkpoint.remove()


if __name__ == "__main__":
    run(main)
