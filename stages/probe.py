"""Measures how far back nets reach: gradients through time and gates, of trained nets and of what they were before.

    python -m stages.probe --dataset jsb_chorales
    python -m stages.probe --dataset jsb_chorales --arm parts

On the validation split, with clean weights: pieces that training never fitted, while the test split stays closed. Every
repeat's chosen net and its untrained twin leave rows in gradients.csv (norms by lag), memory.csv (the shares of losses
whose gradient vanishes or explodes, the half-life of an input) and gates.csv, of all cells of the arm, by default
`paper`.
"""

import argparse

import pandas as pd

from stages.console import device as devices
from stages.corpora.split import Split
from stages.plumbing import places
from stages.plumbing.errors import InputError, run
from stages.plumbing.files import whole
from stages.plumbing.parameters import section
from stages.plumbing.places import PAPER, PREPARED, run_folder
from stages.reach import gates, gradients, summaries, windows
from stages.reach.nets import nets
from stages.reach.settings import SETTINGS, Settings
from stages.recurrent.recorded import recorded_cells, recorded_net


def measure(arm: str, dataset: str, cell: str) -> dict[str, pd.DataFrame]:
    """A cell's three tables by their files' names, a row's net named by repeat, candidate and whether it is trained.

    Raises:
        InputError: a file of the training or the validation split is missing, or they do not fit each other.
    """
    settings = section("memory", Settings, SETTINGS)
    folder, device = run_folder(arm, dataset, cell), devices.choose()
    net = recorded_net(folder / "run.json")
    path = PREPARED / dataset / "valid.npz"
    split = Split.load(path)
    if (split.inputs.shape[1], split.targets.shape[1]) != (net.inputs, net.targets):
        raise InputError(
            f"{path}: expected {net.inputs} inputs and {net.targets} targets a step, as {folder} was trained on, found "
            f"{split.inputs.shape[1]} and {split.targets.shape[1]}; run `dvc repro`"
        )
    cases = windows.choose(split.lengths, settings)
    data = windows.Windows.of(split, cases, device)
    rows = {"gradients": [], "memory": [], "gates": []}
    for one in nets(folder, net, PREPARED / dataset / "train.npz", device):
        name = {"cell": cell, "repeat": one.repeat, "candidate": one.candidate, "net": one.kind}
        start = data.states(net.cell, net.units, one.recurrent)
        norms = gradients.norms(net, one.recurrent, one.readout, start, data.inputs, data.targets)
        ratios = summaries.log10_ratios(norms)
        logits = gates.logits(net.cell, one.recurrent, start, data.inputs)
        rows["gradients"] += [name | row for row in summaries.gradient_rows(ratios)]
        rows["memory"].append(name | summaries.memory_row(ratios, len(set(cases.pieces)), settings))
        rows["gates"] += [name | row for row in summaries.gate_rows(net.cell, logits, settings)]
    of_net = ["cell", "repeat", "candidate", "net"]
    columns = {"gradients": summaries.GRADIENTS, "memory": summaries.MEMORY, "gates": summaries.GATES}
    return {name: pd.DataFrame(rows[name], columns=[*of_net, *columns[name]]) for name in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--arm", default=PAPER)
    options = parser.parse_args()
    arm, dataset = options.arm, options.dataset
    of_cells = [measure(arm, dataset, cell) for cell in recorded_cells(places.trainings(arm, dataset))]
    for name in of_cells[0]:
        with whole(places.reach(arm, dataset) / f"{name}.csv") as path, path.open("w", encoding="utf-8") as file:
            for tables in of_cells:  # cell by cell, so that how a number is written depends on its own cell alone
                tables[name].to_csv(file, index=False, float_format="%.5g", header=not file.tell())


if __name__ == "__main__":
    run(main)
