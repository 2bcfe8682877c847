"""Trains the population of one arm, dataset and cell: repeats × candidates, all in one matrix.

    python -m stages.train --dataset jsb_chorales                              all cells of an arm, one after another
    python -m stages.train --dataset jsb_chorales --cell gru
    python -m stages.train --dataset jsb_chorales --cell gru --repeats 3:5     a shard: repeats 3 and 4 alone

Reads the train and validation splits, never the test split. Writes models/<arm>/<dataset>/<cell>/: the chosen trials'
weights, a row per trial, a row per trial and epoch, and how it was run. Repeats that are there already, made from the
same parameters and data by code that computes the same, are kept: only missing ones are trained, and where more
candidates are asked for, only these. Shards lie apart in .shards/ until the training of all repeats takes them for what
they are, repeats that are there.
"""

import argparse
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from inspect import getfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field, create_model

from stages.console import device as devices
from stages.corpora.split import Split
from stages.plumbing import places
from stages.plumbing.errors import InputError, run
from stages.plumbing.leases import Lease, held
from stages.plumbing.parameters import Section, checked, mapping, shortened
from stages.population import behaviour, checkpoints, engines, results, shards, trainer, trials
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


@dataclass(frozen=True)
class Task:
    """A training of one arm, dataset and cell, with all that it needs."""

    arm: arms.Arm
    cell: str
    splits: dict[str, Split]
    net: Net
    beginning: dict[str, np.ndarray]  # parameters that do not begin as in the paper
    engine: engines.Engine
    facts: dict[str, Any]

    @classmethod
    def load(cls, arm_name: str, dataset: str, cell: str) -> "Task":
        """From params.yaml and the prepared data.

        Raises:
            InputError: one of them, or the environment, cannot be used.
        """
        arm = arms.load(arm_name, dataset)
        matching = checked({**mapping("matching"), "mode": arm.matching}, Matching, "params.yaml: matching")
        splits = {name: Split.load(places.PREPARED / dataset / f"{name}.npz") for name in ("train", "valid")}
        settings = output_settings(splits["train"].output)
        net = build_net(cell, splits["train"], matching, settings)
        try:
            beginning = net.begin(arm.protocol.output_bias, splits["train"].targets)
        except ValueError as error:
            raise InputError(f"params.yaml: {error}") from None
        engine = engines.choose(net, arm.protocol, devices.choose())
        return cls(arm, cell, splits, net, beginning, engine, describe(arm, cell, net, splits, settings))

    @property
    def title(self) -> str:
        title = f"{self.arm.dataset}-{self.cell}"
        return title if self.arm.name == places.PAPER else f"{self.arm.name}-{title}"

    @property
    def folder(self) -> Path:
        return places.run_folder(self.arm.name, self.arm.dataset, self.cell)

    @property
    def shards(self) -> Path:
        return places.shards(self.arm.name, self.arm.dataset, self.cell)

    @cached_property
    def layout(self) -> Layout:
        return Layout.of(self.net)

    @cached_property
    def behaviour(self) -> list[float]:
        return behaviour.probe(self.net, self.arm.protocol, self.engine, self.engine.device)

    def there(self, folder: Path, begin: int = 0) -> results.Results:
        """The repeats from `begin` on that a folder holds and that are this training's, with all their candidates."""
        return self._load(folder, self.facts, begin)

    def run(self, repeats: range, folder: Path, title: str) -> None:
        """Brings a folder to hold these repeats: what it lacks is trained, or for the whole training taken from shards.

        Raises:
            Interrupted: it was asked to stop, or another process has taken over.
        """
        whole = folder == self.folder
        with held(checkpoints.FOLDER / f"{title}.lease", title) as lease:
            found = self.there(folder, repeats.start).within(repeats)
            kept = found.repeats
            if whole:
                found = shards.joined(found, self.shards, self.there).within(repeats)
            found = self._widened(found, range(max(repeats.start, found.repeats), repeats.stop), title, lease)
            lacking = range(max(repeats.start, found.repeats), repeats.stop)
            if count := len(repeats) - len(lacking):
                print(f"{title}: {count} of {len(repeats)} repeats are there and stay as they are", flush=True)
            trained = _Trained(self, self.trials(lacking), title, lease.confirm)
            if lacking:
                found = found.joined(trained.results(found.behaviour))
            lease.confirm()
            found.save(folder, self.layout, self.facts, kept)
            trained.checkpoint.remove()
            if whole:
                shutil.rmtree(self.shards, ignore_errors=True)

    def _load(self, folder: Path, facts: dict[str, Any], begin: int = 0) -> results.Results:
        return results.load(folder, self.layout, facts, self.arm.protocol.drawn(), lambda: self.behaviour, begin)

    def trials(self, repeats: range, candidates: int = 0) -> list[trials.Trial]:
        """Those of the repeats, from a candidate on."""
        grid = trials.draw(self.arm.protocol, self.arm.dataset, self.arm.budget.repeats, self.arm.budget.candidates)
        return [trial for trial in grid if trial.repeat in repeats and trial.candidate >= candidates]

    def _widened(self, found: results.Results, lacking: range, title: str, lease: Lease) -> results.Results:
        """`found`, and of the repeats that it lacks those that are there with fewer candidates, with the further ones.

        They are saved as a shard: killed while the training's own files are written, nothing is lost.
        """
        count, wanted = results.candidates_there(self.folder, self.facts), self.arm.budget.candidates
        if count is None:
            return found
        then = self.facts | {"budget": self.facts["budget"] | {"candidates": count}}
        narrow = self._load(self.folder, then).within(lacking)
        if not narrow.trials:
            return found
        repeats = range(lacking.start, narrow.repeats)
        print(
            f"{title}: {len(repeats)} repeats are there with {count} candidates, which stay; "
            f"{wanted - count} further ones join each",
            flush=True,
        )
        trained = _Trained(self, self.trials(repeats, count), title, lease.confirm)
        wide = narrow.widened(trained.results(narrow.behaviour))
        wide.save(self.shards / shards.name(repeats), self.layout, self.facts, 0)
        trained.checkpoint.remove()
        return found.joined(wide)


class _Trained:
    """Trials of a task that are trained, from their checkpoint on where there is one."""

    def __init__(self, task: Task, trained: list[trials.Trial], title: str, confirm: Callable[[], None]):
        self.task, self.title, self.trials = task, title, trained
        device, engine = devices.describe(task.engine.device), task.engine.name
        self.where = {"device": device, "engine": engine, "torch": torch.__version__}
        facts = {key: task.facts[key] for key in results.SAME}
        exact = facts | self.where | {"trials": [str(trial) for trial in self.trials]}
        sources = [Path(__file__), Path(task.net.cell.__file__), Path(getfile(Split))]
        key = checkpoints.key(exact, arrays(task.splits), sources)
        self.checkpoint = checkpoints.Checkpoint(title, key, confirm)

    def results(self, known: list[float]) -> results.Results:
        """Trains them.

        Args:
            known: the probe's numbers of repeats that these join; none: they are measured.
        """
        task, device = self.task, self.task.engine.device
        engine, layout, protocol, budget = task.engine, task.layout, task.arm.protocol, task.arm.budget
        train, valid = (engine.load(split.inputs, split.targets, split.lengths) for split in task.splits.values())
        begun = self.checkpoint.load(layout, protocol, device)
        training = begun or trainer.Training.begin(layout, protocol, self.trials, device, task.beginning)
        records = trainer.train(engine, protocol, budget, training, train, valid, self.title, self.checkpoint)
        made = self.where | {"seconds": round(training.seconds, 1)}
        return results.Results.of(records, protocol.drawn(), made, known or task.behaviour)


def block(text: str, repeats: int) -> range:
    """The repeats that `a:b` names: a to b - 1.

    Raises:
        InputError: they are not some of the `repeats` there are.
    """
    found = re.fullmatch(r"(\d+):(\d+)", text)
    if not found or not int(found[1]) < int(found[2]) <= repeats:
        raise InputError(f"--repeats: expected a:b with 0 <= a < b <= {repeats}, found '{shortened(text)}'")
    return range(int(found[1]), int(found[2]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--cell", help="without it: all of the arm")
    parser.add_argument("--arm", default=places.PAPER)
    parser.add_argument("--repeats", metavar="a:b", help="a shard: repeats a to b - 1 alone")
    options = parser.parse_args()
    for cell in [options.cell] if options.cell else arms.cells(options.arm):
        task = Task.load(options.arm, options.dataset, cell)
        if options.repeats is None:
            task.run(range(task.arm.budget.repeats), task.folder, task.title)
        else:
            repeats = block(options.repeats, task.arm.budget.repeats)
            task.run(repeats, task.shards / shards.name(repeats), f"{task.title}.{shards.name(repeats)}")


if __name__ == "__main__":
    run(main)
