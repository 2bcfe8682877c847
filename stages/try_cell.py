"""From a cell's file to a verdict: its sizes, its training under the paper's protocol, and where it stands.

    python -m stages.try_cell mgu                  one repeat on the Bach chorales that come with music21, no download
    python -m stages.try_cell mgu --repeats 3      two more join it
    python -m stages.try_cell mgu --dataset nottingham

The cell needs its file in stages/cells/ and no place in params.yaml. Everything is written below try/: a folder with
the trained nets, and the picture of their learning curves. The committed study is read and stays as it is.
"""

import argparse
import shutil
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from stages import cells
from stages.console import device as devices
from stages.console.progress import clock
from stages.corpora.split import SPLITS, Split
from stages.own_runs import beside
from stages.plumbing.errors import InputError, run
from stages.plumbing.narrowing import call, narrow
from stages.plumbing.parameters import Name, section
from stages.plumbing.places import PREPARED
from stages.population import behaviour
from stages.population.engines.compiled import Compiled
from stages.population.engines.torch import Torch
from stages.presentation import style
from stages.presentation.wording import cell_name, set_name
from stages.protocol.protocol import Protocol
from stages.recurrent.matching import Matching
from stages.recurrent.net import Net
from stages.scoring.leakage import SETTINGS
from stages.train import output_settings

FOLDER = Path("try")
CPU = torch.device("cpu")


def prepare(dataset: str) -> None:
    """Makes a dataset's splits if they are not there."""
    source = section(f"datasets.{dataset}.source", Name)
    if all((PREPARED / dataset / f"{split}.npz").exists() for split in SPLITS):
        return
    print(f"preparing {dataset}, once (half a minute for the chorales)", flush=True)
    python = (sys.executable, "-m")
    if not (Path("data/raw") / source).exists():
        call(Path(), *python, "stages.download", "--source", source)
    call(Path(), *python, "stages.prepare", "--dataset", dataset)


def build(cell: str, split: Split) -> Net:
    """The cell's net for a dataset, with the units that the paper's budget buys; it has been tried.

    Raises:
        InputError: the cell's file fails, or no unit count meets the budget.
    """
    settings = output_settings(split.output)
    with _told(cell):
        units = section("matching", Matching).units(cell, split.output, settings)
        net = Net.build(cell, split.output, split.inputs.shape[1], units, split.targets.shape[1], settings)
        weights = {name: torch.zeros(parameter.shape) for name, parameter in net.recurrent.items()}
        before = (torch.zeros(2, units),) * net.cell.STATES
        after = net.cell.step(weights, torch.zeros(2, net.inputs), before)
        if [tuple(state.shape) for state in after] != [(2, units)] * net.cell.STATES:
            shapes = ", ".join(str(tuple(state.shape)) for state in after)
            raise ValueError(f"step: expected {net.cell.STATES} states of shape (2, {units}), found {shapes}")
        if Compiled.obstacle(net, CPU):  # no gradient was derived: whether torch has one shows where one is taken
            rules = section("train", Protocol)
            behaviour.probe(net, rules, Torch(net, rules, CPU), CPU)
    return net


@contextmanager
def _told(cell: str) -> Iterator[None]:
    """What goes wrong in a reader's file, whatever it is, is said in one line with its place."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).stem == cell]
        place = f" (line {frames[-1].lineno})" if frames else ""
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise InputError(f"cell {cell}{place}: {kind}{' '.join(str(error).split())}") from None


def sizes(cell: str, net: Net, output: str) -> str:
    """One line: units and parameters, and the budget they were solved for."""
    matching = section("matching", Matching)
    budget = getattr(getattr(matching, output), matching.mode)
    return (
        f"{cell_name(cell)}: {net.units} units for a budget of {budget:,} parameters ({matching.mode}, at the paper's "
        f"nominal sizes); here {net.recurrent_parameters:,} in the recurrent layer and {net.output_parameters:,} in "
        f"the output layer"
    )


def path_taken(net: Net, device: torch.device) -> str:
    """One line: whether the cell trains in compiled code, or why not."""
    obstacle = Compiled.obstacle(net, device)
    return f"plain torch, which is slower: {obstacle}" if obstacle else "fast path: compiled"


def lay_out(cell: str, dataset: str, repeats: int) -> Path:
    """A study of this cell and dataset alone in a folder of its own; what an earlier call trained there stays."""
    folder = FOLDER / dataset / cell
    narrow(folder, [dataset], [cell], repeats)
    (folder / SETTINGS).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(SETTINGS, folder / SETTINGS)
    link = folder / "data"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(Path("data").resolve())
    return folder


def train(folder: Path, cell: str, dataset: str) -> None:
    """Trains and evaluates in `folder`, with the stages of the study."""
    python, code = (sys.executable, "-m"), {"PYTHONPATH": str(Path.cwd())}
    call(folder, *python, "stages.train", "--dataset", dataset, "--cell", cell, **code)
    call(folder, *python, "stages.evaluate", "--dataset", dataset, **code)


def found(folder: Path) -> tuple[list[float], pd.DataFrame]:
    """The test NLL of each repeat, nats per step, and the chosen trials' curves, a row an epoch."""

    def table(name: str) -> pd.DataFrame:
        (path,) = folder.glob(f"m*/**/{name}")  # models, measured
        return pd.read_csv(path)

    trials = table("trials.csv")
    chosen = trials.loc[trials["chosen"].astype(bool), ["repeat", "candidate"]]
    scores = chosen.merge(table("evaluation.csv"), on=["repeat", "candidate"])
    return scores["test_nll"].tolist(), chosen.merge(table("curves.csv.gz"), on=["repeat", "candidate"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cell", help=f"a file of stages/cells: {', '.join(cells.names())}")
    parser.add_argument("--dataset", default="bach_chorales", help="of params.yaml")
    parser.add_argument("--repeats", type=int, default=1, help="of the whole protocol, each with its 10 candidates")
    options = parser.parse_args()
    cell, dataset = options.cell.removesuffix(".py"), options.dataset
    if options.repeats < 1:
        raise InputError(f"--repeats: expected 1 or more, found {options.repeats}")
    start = time.monotonic()
    with _told(cell):
        cells.load(cell)
    units = beside.committed(dataset)
    prepare(dataset)
    split, device = Split.load(PREPARED / dataset / "train.npz"), devices.choose()
    net = build(cell, split)
    print(f"{sizes(cell, net, split.output)}\n{path_taken(net, device)}", flush=True)
    folder = lay_out(cell, dataset, options.repeats)
    train(folder, cell, dataset)

    own, curves = found(folder)
    print(f"\nTest NLL on {dataset}, nats per step, over {np.size(own)} of {options.repeats} runs:")
    print("\n".join(beside.verdict(cell, own, units)))
    if len(curves):
        picture = FOLDER / f"{dataset}-{cell}.svg"
        title = f"{set_name(dataset)}: {cell_name(cell)} beside the study's units"
        style.save(beside.pictured({cell: curves}, dataset), picture, title, "Learning curves.")
        print(f"learning curves: {picture}")
    elsewhere = f" DATASET={dataset}" * (dataset != parser.get_default("dataset"))
    further = f"make try CELL={cell} REPEATS={options.repeats + 2}{elsewhere}"
    print(f"== try: done in {clock(time.monotonic() - start)}; further runs join these: {further}")


if __name__ == "__main__":
    run(main)
