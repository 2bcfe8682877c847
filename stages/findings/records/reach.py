"""Reads what stages/probe.py left of each run: gradients through time and gates, checked against the run."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.findings.records.files import of_cell, read_csv
from stages.findings.records.runs import Run
from stages.plumbing import places
from stages.plumbing.errors import InputError

TRAINED, UNTRAINED = "trained", "untrained"
NET = ["cell", "repeat", "candidate", "net"]
GRADIENTS = [*NET, *"variable,lag,cases,log10_ratio,q10,q50,q90".split(",")]
MEMORY = [
    *NET,
    *"pieces,cases,longest_lag,reference_lag,vanish_ratio,explode_ratio,log10_ratio".split(","),
    *"share_vanishing,share_exploding,half_life,half_life_of_curve".split(","),
]
GATES = [*NET, *"gate,opening,share_closed,share_open,q10,q50,q90,half_life,half_life_q90".split(",")]

FILES = {"gradients.csv": GRADIENTS, "memory.csv": MEMORY, "gates.csv": GATES}


@dataclass(frozen=True)
class Memory:
    """How far back the nets of one run reach; the columns are those of stages/reach/summaries.py.

    `gradients` has a row per net, variable and lag, `nets` a row per net, `gates` a row per net and gate. A diverged
    repeat has an untrained net and no trained one.
    """

    gradients: pd.DataFrame
    nets: pd.DataFrame
    gates: pd.DataFrame

    def per_repeat(self, net: str, column: str, repeats: list[int]) -> np.ndarray:
        """A column of `nets`, trained or untrained: [R], NaN for a repeat without such a net."""
        of_kind = self.nets[self.nets["net"] == net].set_index("repeat")[column]
        return of_kind.reindex(repeats).to_numpy(float)


Memories = dict[tuple[str, str], Memory]


def read_memories(arm: str, runs: dict[tuple[str, str], Run]) -> Memories:
    """The memory of every run of an arm, (dataset, cell) → `Memory`.

    Raises:
        InputError: a file lacks a column, or is not of the chosen nets of trials.csv.
    """
    tables = {
        dataset: [read_csv(places.reach(arm, dataset) / name, columns) for name, columns in FILES.items()]
        for dataset in dict(runs.keys())
    }
    return {key: _read(arm, run, tables[run.dataset]) for key, run in runs.items()}


def _read(arm: str, run: Run, tables: list[pd.DataFrame]) -> Memory:
    memory = Memory(*(of_cell(table, run.cell) for table in tables))
    chosen = set(run.trials.loc[run.trials["chosen"], ["repeat", "candidate"]].itertuples(index=False, name=None))
    files = {"gradients.csv": memory.gradients, "memory.csv": memory.nets}
    if len(memory.gates):  # not every cell has gates
        files["gates.csv"] = memory.gates
    for name, frame in files.items():
        trained = frame.loc[frame["net"] == TRAINED, ["repeat", "candidate"]]
        found = set(trained.itertuples(index=False, name=None))
        if found != chosen:
            raise InputError(
                f"{places.reach(arm, run.dataset) / name}: expected the chosen candidates of {run.cell}'s trials.csv, "
                "found others; run `dvc repro`"
            )
    return memory
