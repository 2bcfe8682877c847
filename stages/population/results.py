"""What a training leaves in its folder, and how further repeats join it.

A repeat's trials depend on nothing outside the repeat, so when a study asks for more repeats than a folder holds, only
the missing ones are trained; asked for fewer, the first ones stay. The rows of earlier repeats are kept as they are
written, character by character; those of the curves, by far the most, are compressed. `made_from` in run.json is the
key of everything else that shapes a result, so a folder made from other parameters, data or code is never continued.
"""

import gzip
import json
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from stages.plumbing.errors import InputError
from stages.plumbing.files import whole
from stages.population import trainer
from stages.recurrent import saved
from stages.recurrent.layout import Layout

DECIMALS = 4  # of an NLL in the curves
CURVE = ["epoch", "updates", "train_nll", "valid_nll", "train_nll_per_sequence", "valid_nll_per_sequence"]


@dataclass
class Results:
    """The files of a training, repeat after repeat.

    Attributes:
        trials, curves: the lines of trials.csv and curves.csv.gz without their headers, each beginning with its repeat.
        weights: (repeat, candidate) → the trial's best weights [N].
        seconds: that the training took.
    """

    trials: list[str]
    curves: list[str]
    weights: dict[tuple[int, int], Tensor]
    seconds: float = 0.0

    @classmethod
    def of(cls, records: list[trainer.Record], seconds: float) -> "Results":
        """The results of trained trials: weights of those that the plain search chooses or halving would choose."""
        kept = trainer.chosen(records) + trainer.chosen(records, by_halving=True)
        weights = {(r.trial.repeat, r.trial.candidate): r.weights for r in kept}
        return cls(_lines(trial_table(records)), _lines(curve_table(records)), dict(sorted(weights.items())), seconds)

    @property
    def repeats(self) -> int:
        """How many repeats there are; they are numbered from 0."""
        return len({_repeat(line) for line in self.trials})

    def first(self, repeats: int) -> "Results":
        """The first so many repeats."""
        trials, curves = ([row for row in rows if _repeat(row) < repeats] for rows in (self.trials, self.curves))
        weights = {trial: row for trial, row in self.weights.items() if trial[0] < repeats}
        return Results(trials, curves, weights, self.seconds)

    def joined(self, further: "Results") -> "Results":
        """These repeats and those that follow them."""
        return Results(
            self.trials + further.trials,
            self.curves + further.curves,
            self.weights | further.weights,
            self.seconds + further.seconds,
        )

    def save(self, folder: Path, layout: Layout, facts: dict[str, Any]) -> None:
        """Writes the folder's files, run.json with the facts last.

        Raises:
            InputError: the folder cannot be written, or the disk is full.
        """
        with whole(folder / "weights.safetensors") as path:
            saved.save(path, layout, list(self.weights), list(self.weights.values()))
        with whole(folder / "trials.csv") as path:
            path.write_bytes(_text(trial_table([]), self.trials))
        with whole(folder / "curves.csv.gz") as path:
            path.write_bytes(gzip.compress(_text(curve_table([]), self.curves), mtime=0))  # same rows, same bytes
        with whole(folder / "run.json") as path:
            path.write_text(json.dumps(facts | {"seconds": round(self.seconds, 1)}, indent=2) + "\n")


def load(folder: Path, layout: Layout, made_from: str, candidates: int) -> Results:
    """The repeats in a folder that were made from the same parameters, data and code; none if the files say otherwise.

    Args:
        candidates: of each repeat.
    """
    nothing = Results([], [], {})
    try:
        facts = json.loads((folder / "run.json").read_text())
        if facts["made_from"] != made_from:
            return nothing
        trials = (folder / "trials.csv").read_text().splitlines()[1:]
        curves = gzip.decompress((folder / "curves.csv.gz").read_bytes()).decode().splitlines()[1:]
        names, parameters = saved.load(folder / "weights.safetensors", layout, torch.device("cpu"))
        matrix = torch.zeros(len(names), layout.size)
        for name, view in layout.views(matrix).items():
            view.copy_(parameters[name])
        found = Results(trials, curves, dict(zip(names, matrix, strict=True)), float(facts["seconds"]))
        expected = [(repeat, candidate) for repeat in range(found.repeats) for candidate in range(candidates)]
        if [_trial(line) for line in trials] != expected or not {_repeat(line) for line in curves} <= set(
            range(found.repeats)
        ):
            raise ValueError("its files are not those of one training")
        return found
    except FileNotFoundError:
        return nothing
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, InputError) as error:
        print(f"{folder}: its repeats cannot be kept ({error}); all are trained anew", file=sys.stderr)
        return nothing


def trial_table(records: list[trainer.Record]) -> pd.DataFrame:
    """A row per trial: what it was, how it ended, and its NLLs at its best epoch, in nats per step."""
    chosen, by_halving = trainer.chosen(records), trainer.chosen(records, by_halving=True)
    columns = (
        "repeat,candidate,seed,learning_rate,status,epochs,best_epoch,updates,train_nll,valid_nll,"
        "train_nll_per_sequence,valid_nll_per_sequence,halved_at,chosen,chosen_by_halving"
    ).split(",")
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
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"best_epoch": "Int64", "updates": "Int64", "halved_at": "Int64"})


def curve_table(records: list[trainer.Record]) -> pd.DataFrame:
    """A row per trial and epoch: clean NLLs, in nats per step."""
    rows = [
        {"repeat": record.trial.repeat, "candidate": record.trial.candidate}
        | {column: getattr(point, column) for column in CURVE}
        for record in records
        for point in record.curve
    ]
    return pd.DataFrame(rows, columns=["repeat", "candidate", *CURVE]).round(DECIMALS)


def _text(table: pd.DataFrame, lines: list[str]) -> bytes:
    return ("\n".join([",".join(table.columns), *lines]) + "\n").encode()


def _lines(table: pd.DataFrame) -> list[str]:
    return table.to_csv(index=False, header=False).splitlines()


def _repeat(line: str) -> int:
    return int(line.split(",", 1)[0])


def _trial(line: str) -> tuple[int, int]:
    repeat, candidate, _ = line.split(",", 2)
    return int(repeat), int(candidate)
