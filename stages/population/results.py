"""What a training leaves in its folder, and how further repeats join it.

A trial depends on no other, so when a study asks for more repeats than a folder holds, or for more candidates, only the
missing trials are trained; asked for fewer repeats, the first ones stay. The rows of earlier trials are kept as they
are written, character by character, but for which one is chosen; those of the curves, by far the most, are compressed.

Repeats are kept if they were made from the same parameters and data (`SAME` in run.json) and the code still does what
it did: the probe of `behaviour.py` says now what run.json says it said then. Another device or engine may have made
them: `made` in run.json says which made what. A file that would hold the same is not written again.
"""

import gzip
import json
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stages.plumbing.errors import InputError
from stages.plumbing.files import remove, whole
from stages.population import behaviour, trainer
from stages.recurrent import saved
from stages.recurrent.layout import Layout

DECIMALS = 4  # of an NLL in the curves
CURVE = ["epoch", "updates", "train_nll", "valid_nll", "train_nll_per_sequence", "valid_nll_per_sequence"]
# What repeats of one study have in common; a folder made from others is never continued.
SAME = (
    "dataset",  # its name: the trials' seeds are drawn from it
    "cell",
    "output",
    "output_settings",
    "input_size",
    "target_size",
    "units",
    "protocol",
    "budget",
    "data",
)
DAMAGED = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError, InputError)


@dataclass
class Results:
    """The files of a training, repeat after repeat; of a shard, which holds some of them, likewise.

    Attributes:
        drawn: what else than the rate differs from candidate to candidate, a column each of trials.csv.
        trials, curves: the lines of trials.csv and curves.csv.gz without their headers, each beginning with its repeat.
        weights: (repeat, candidate) → the trial's best weights [N], on the CPU.
        made: blocks of repeats, first to last, of all their candidates or of those named: where each was made and how
            long that took, as in run.json.
        behaviour: what the probe said of the code that made the first of them.
    """

    drawn: list[str]
    trials: list[str] = field(default_factory=list)
    curves: list[str] = field(default_factory=list)
    weights: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    made: list[dict[str, Any]] = field(default_factory=list)
    behaviour: list[float] = field(default_factory=list)

    @classmethod
    def of(
        cls, records: list[trainer.Record], drawn: list[str], made: dict[str, Any], behaviour: list[float]
    ) -> "Results":
        """The results of trained trials: weights of those that the plain search chooses or halving would choose.

        Args:
            made: where, and in how many seconds.
        """
        kept = trainer.chosen(records) + trainer.chosen(records, by_halving=True)
        weights = {(r.trial.repeat, r.trial.candidate): r.weights.cpu() for r in kept}
        repeats = [record.trial.repeat for record in records]
        return cls(
            drawn,
            _lines(trial_table(records, drawn)),
            _lines(curve_table(records)),
            dict(sorted(weights.items())),
            [{"repeats": [min(repeats), max(repeats)]} | made],
            behaviour,
        )

    @property
    def repeats(self) -> int:
        """The number of the next repeat: how many there are, since they are numbered from 0; not in a shard."""
        return max((block["repeats"][1] + 1 for block in self.made), default=0)

    def within(self, repeats: range) -> "Results":
        """Those of the repeats that are here; of a block that is cut, the seconds in proportion."""
        trials, curves = ([row for row in rows if _repeat(row) in repeats] for rows in (self.trials, self.curves))
        weights = {trial: row for trial, row in self.weights.items() if trial[0] in repeats}
        made = []
        for block in self.made:
            begin, end = block["repeats"]
            inside = [repeat for repeat in range(begin, end + 1) if repeat in repeats]
            if inside and len(inside) < end + 1 - begin:
                share = len(inside) / (end + 1 - begin)
                block = block | {"repeats": [inside[0], inside[-1]], "seconds": round(share * block["seconds"], 1)}
            made += [block] * bool(inside)
        return Results(self.drawn, trials, curves, weights, made, self.behaviour)

    def joined(self, further: "Results") -> "Results":
        """These repeats and those that follow them."""
        return Results(
            self.drawn,
            self.trials + further.trials,
            self.curves + further.curves,
            self.weights | further.weights,
            self.made + further.made,
            self.behaviour or further.behaviour,
        )

    def widened(self, further: "Results") -> "Results":
        """These repeats with further candidates of each: to the byte what all of them at once give."""
        chosen, valid = {}, trial_table([], self.drawn).columns.get_loc("valid_nll")
        for line in filter(_is_chosen, [*self.trials, *further.trials]):  # whose candidate comes first wins a draw
            nll = float(line.split(",")[valid])
            if nll < chosen.get(_repeat(line), (inf, None))[0]:
                chosen[_repeat(line)] = nll, _trial(line)
        names = {name for _, name in chosen.values()}
        lines = sorted([*self.trials, *further.trials], key=_trial)
        lines = [line if _trial(line) in names else f"{line.rsplit(',', 2)[0]},False,False" for line in lines]
        weights = {name: row for name, row in sorted((self.weights | further.weights).items()) if name in names}
        curves = sorted([*self.curves, *further.curves], key=_trial)
        count = [len({_trial(line)[1] for line in each.trials}) for each in (self, further)]
        made = [{"repeats": block["repeats"], "candidates": [0, count[0] - 1]} | block for block in self.made]
        last = [count[0], sum(count) - 1]
        made += [{"repeats": block["repeats"], "candidates": last} | block for block in further.made]
        return Results(self.drawn, lines, curves, weights, made, self.behaviour)

    def save(self, folder: Path, layout: Layout, facts: dict[str, Any], kept: int) -> None:
        """Brings the folder's files to these results; one that holds them already stays as it is, byte for byte.

        A kill between two files leaves what `load` knows how to read: run.json vouches for no repeat that is not in
        all files, because it comes last when repeats are added, first when some are dropped, and is away meanwhile
        where none is kept.

        Args:
            facts: for run.json.
            kept: how many of the repeats come from the folder.

        Raises:
            InputError: the folder cannot be written, or the disk is full.
        """
        facts = _plain(facts) | {
            "device": ", ".join(dict.fromkeys(block["device"] for block in self.made)),
            "engine": ", ".join(dict.fromkeys(block["engine"] for block in self.made)),
            "seconds": round(sum(block["seconds"] for block in self.made), 1),
            "made": self.made,
            "behaviour": self.behaviour,
        }

        def describe() -> None:
            path = folder / "run.json"
            if _content(path, json.loads) != facts:
                _write(path, (json.dumps(facts, indent=2) + "\n").encode())

        if not kept:
            remove(folder / "run.json")
        elif kept == self.repeats:
            describe()
        weights = saved.serialised(layout, list(self.weights), list(self.weights.values()))
        if _content(folder / "weights.safetensors", bytes) != weights:
            _write(folder / "weights.safetensors", weights)
        trials, curves = _text(trial_table([], self.drawn), self.trials), _text(curve_table([]), self.curves)
        if _content(folder / "trials.csv", bytes) != trials:
            _write(folder / "trials.csv", trials)
        if _content(folder / "curves.csv.gz", gzip.decompress) != curves:  # other versions pack into other bytes
            _write(folder / "curves.csv.gz", gzip.compress(curves, mtime=0))  # same rows, same bytes
        describe()


def load(
    folder: Path,
    layout: Layout,
    facts: dict[str, Any],
    drawn: list[str],
    probe: Callable[[], list[float]],
    begin: int = 0,
) -> Results:
    """The repeats in a folder that go on as repeats of this study; none, with the reason, if they are of another.

    Args:
        facts: this study's, `SAME` among them.
        drawn: as in `Results`.
        probe: what the code does now.
        begin: the first repeat that the folder is to hold.
    """

    def none(reason: str) -> Results:
        print(f"{folder}: its repeats cannot be kept ({reason}); all are trained anew", file=sys.stderr)
        return Results(drawn)

    try:
        recorded = json.loads((folder / "run.json").read_text())
        if not recorded.keys() >= {*SAME, "behaviour", "made"}:
            raise ValueError("its run.json does not say what they were made from")
        here, there = (_plain({key: each[key] for key in SAME}) for each in (facts, recorded))
        if here != there:
            if _fewer(there, here):
                return Results(drawn)
            return none(f"they were made from others: {'; '.join(_differences(there, here))}")
        found = _read(folder, layout, recorded, drawn, facts["budget"]["candidates"], begin)
        if not behaviour.agree(recorded["behaviour"], probe()):
            return none("the code computes something else than when they were made")
        return found
    except FileNotFoundError:
        return Results(drawn)
    except DAMAGED as error:
        return none(str(error))


def candidates_there(folder: Path, facts: dict[str, Any]) -> int | None:
    """How many candidates a folder's repeats have, if that is fewer than this study asks for and all else is the same.

    None otherwise, and under halving: whom a rung ends depends on all candidates.
    """
    recorded = _content(folder / "run.json", json.loads)
    if not isinstance(recorded, dict) or not recorded.keys() >= set(SAME):
        return None
    here, there = (_plain({key: each[key] for key in SAME}) for each in (facts, recorded))
    return there["budget"]["candidates"] if _fewer(there, here) else None


def digest(arrays: list[np.ndarray]) -> str:
    """Of the data trained on."""
    digest = sha256()
    for array in arrays:
        digest.update(str((array.shape, array.dtype)).encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()


def _read(
    folder: Path, layout: Layout, recorded: dict[str, Any], drawn: list[str], candidates: int, begin: int
) -> Results:
    """The repeats that run.json vouches for: the files may hold more, which a kill kept from being entered there.

    Raises:
        ValueError: the files are not those of one training. Others of `DAMAGED`: one cannot be read.
    """
    trials = (folder / "trials.csv").read_text().splitlines()[1:]
    curves = gzip.decompress((folder / "curves.csv.gz").read_bytes()).decode().splitlines()[1:]
    names, parameters = saved.load(folder / "weights.safetensors", layout, torch.device("cpu"))
    matrix = torch.zeros(len(names), layout.size)
    for name, view in layout.views(matrix).items():
        view.copy_(parameters[name])
    weights = dict(zip(names, matrix, strict=True))
    everything = Results(drawn, trials, curves, weights, recorded["made"], recorded["behaviour"])
    end, made = everything.repeats, []
    for block in everything.made:
        float(block["seconds"]), str(block["device"]), str(block["engine"])
        (first, last), (low, high) = block["repeats"], block.get("candidates", [0, candidates - 1])
        made += [(repeat, candidate) for repeat in range(first, last + 1) for candidate in range(low, high + 1)]
    found = everything.within(range(begin, end))
    expected = [(repeat, candidate) for repeat in range(begin, end) for candidate in range(candidates)]
    if (
        [_trial(line) for line in found.trials] != expected
        or not {_repeat(line) for line in found.curves} <= set(range(begin, end))
        or set(found.weights) != {_trial(line) for line in found.trials if _is_chosen(line)}
        or sorted(made) != expected
    ):
        raise ValueError("its files are not those of one training")
    return found


def _fewer(there: dict[str, Any], here: dict[str, Any]) -> bool:
    """Whether repeats lack candidates of what is asked for, and nothing else differs."""
    budget = {**there["budget"], "candidates": here["budget"]["candidates"]}
    lacking = there["budget"]["candidates"] < here["budget"]["candidates"] and not here["budget"]["halving"]
    return lacking and {**there, "budget": budget} == here


def _differences(there: dict[str, Any], here: dict[str, Any], where: str = "") -> list[str]:
    """What differs, as `protocol.patience 30, now 5`."""
    found = []
    for key in dict.fromkeys([*there, *here]):
        a, b = there.get(key), here.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += _differences(a, b, f"{where}{key}.")
        elif a != b:
            found.append(f"{where}{key}" if key == "data" else f"{where}{key} {json.dumps(a)}, now {json.dumps(b)}")
    return found


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives them back."""
    return json.loads(json.dumps(facts))


def _content(path: Path, read: Callable[[bytes], Any]) -> Any:
    """What a file holds; None where there is none, or none that can be read."""
    try:
        return read(path.read_bytes())
    except DAMAGED:
        return None


def _write(path: Path, content: bytes) -> None:
    with whole(path) as temporary:
        temporary.write_bytes(content)


def trial_table(records: list[trainer.Record], drawn: list[str]) -> pd.DataFrame:
    """A row per trial: what it was, how it ended, and its NLLs at its best epoch, in nats per step.

    Args:
        drawn: what else than the rate differs from candidate to candidate.
    """
    chosen, by_halving = trainer.chosen(records), trainer.chosen(records, by_halving=True)
    columns = (
        "repeat,candidate,seed,learning_rate,status,epochs,best_epoch,updates,train_nll,valid_nll,"
        "train_nll_per_sequence,valid_nll_per_sequence,halved_at,chosen,chosen_by_halving"
    ).split(",")
    columns[4:4] = drawn
    rows = []
    for record in records:
        best = record.best
        rows.append(
            {
                "repeat": record.trial.repeat,
                "candidate": record.trial.candidate,
                "seed": record.trial.seed,
                "learning_rate": record.trial.rate,
                **{name: getattr(record.trial, name) for name in drawn},
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
    """A row per trial and epoch: clean NLLs, in nats per step; none of the training split where it was not scored."""
    rows = [
        {"repeat": record.trial.repeat, "candidate": record.trial.candidate}
        | {column: getattr(point, column) for column in CURVE}
        for record in records
        for point in record.curve
    ]
    table = pd.DataFrame(rows, columns=["repeat", "candidate", *CURVE])
    return table.astype(dict.fromkeys(CURVE[2:], float)).round(DECIMALS)


def _text(table: pd.DataFrame, lines: list[str]) -> bytes:
    return ("\n".join([",".join(table.columns), *lines]) + "\n").encode()


def _lines(table: pd.DataFrame) -> list[str]:
    return table.to_csv(index=False, header=False).splitlines()


def _repeat(line: str) -> int:
    return int(line.split(",", 1)[0])


def _trial(line: str) -> tuple[int, int]:
    repeat, candidate, _ = line.split(",", 2)
    return int(repeat), int(candidate)


def _is_chosen(line: str) -> bool:
    """By the plain search or by halving."""
    return "True" in line.rsplit(",", 2)[1:]
