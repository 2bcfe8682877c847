"""Opens the test split: once for each frozen set of weights, and for what needs no training: baselines and leakage.

    python -m stages.evaluate --dataset jsb_chorales --cell gru
    python -m stages.evaluate --dataset jsb_chorales --cell lstm --matching total
    python -m stages.evaluate --dataset jsb_chorales --baselines
    python -m stages.evaluate --dataset jsb_chorales --leakage

Besides, `excerpt` and `sample` take one test piece to start from, and score nothing. Clean weights, nats per step, the
first frame not predicted; both averagings and every piece's own sum, so that pieces can be resampled.
"""

import argparse
from pathlib import Path

import pandas as pd

from stages.console import device as devices
from stages.corpora.split import SPLITS, Split
from stages.plumbing.errors import InputError, run
from stages.plumbing.files import whole
from stages.plumbing.parameters import section
from stages.recurrent import likelihood, saved
from stages.recurrent.layout import Layout
from stages.recurrent.network import Network
from stages.recurrent.recorded import recorded_net
from stages.recurrent.sequences import Sequences
from stages.scoring.baselines import baseline_table
from stages.scoring.leakage import Rule, leaked_frames


def evaluate(dataset: str, cell: str, arm: str | None) -> None:
    """Scores the chosen trials on the test split: each repeat's, and successive halving's where that is another."""
    folder = saved.folder(dataset, cell, arm)
    split = Split.load(Path("data/prepared") / dataset / "test.npz")
    net = recorded_net(folder / "run.json")
    if (split.inputs.shape[1], split.targets.shape[1]) != (net.inputs, net.targets):
        raise InputError(
            f"data/prepared/{dataset}/test.npz: expected {net.inputs} inputs and {net.targets} targets a step, as "
            f"{folder} was trained on, found {split.inputs.shape[1]} and {split.targets.shape[1]}; run `dvc repro`"
        )
    device = devices.choose()
    trials, weights = saved.load(folder / "weights.safetensors", Layout.of(net), device)
    sequences = Sequences(split.inputs, split.targets, split.lengths, device)
    sums = likelihood.sequence_sums(Network.of(net), weights, sequences) if trials else []

    results, pieces = [], []
    for (repeat, candidate), nll in zip(trials, sums, strict=True):
        results.append(
            {
                "repeat": repeat,
                "candidate": candidate,
                "test_nll": likelihood.pooled(nll[None], split.lengths)[0],
                "test_nll_per_sequence": likelihood.per_sequence(nll[None], split.lengths)[0],
                "sequences": len(split.lengths),
                "steps": split.lengths.sum(),
            }
        )
        for piece, (name, steps, value) in enumerate(zip(split.names, split.lengths, nll, strict=True)):
            pieces.append(
                {
                    "repeat": repeat,
                    "candidate": candidate,
                    "piece": piece,
                    "name": name,
                    "steps": steps,
                    "nll": value,
                }
            )
    columns = ["repeat", "candidate", "test_nll", "test_nll_per_sequence", "sequences", "steps"]
    with whole(folder / "evaluation.csv") as path:
        pd.DataFrame(results, columns=columns).to_csv(path, index=False, float_format="%.6f")
    with whole(folder / "pieces.csv") as path:
        pd.DataFrame(pieces, columns=["repeat", "candidate", "piece", "name", "steps", "nll"]).to_csv(
            path, index=False, float_format="%.4f"
        )


def baselines(dataset: str) -> None:
    """Scores the baselines, fitted on the training split, on all three splits."""
    splits = {name: Split.load(Path("data/prepared") / dataset / f"{name}.npz") for name in SPLITS}
    with whole(Path("models") / dataset / "baselines.csv") as path:
        baseline_table(splits).to_csv(path, index=False, float_format="%.6f")


def leakage(dataset: str) -> None:
    """Finds the test pieces whose melodies occur in training; recordings have no melody, and their file no rows."""
    train, test = (Split.load(Path("data/prepared") / dataset / f"{name}.npz") for name in ("train", "test"))
    table = pd.DataFrame({"piece": range(len(test.lengths)), "name": test.names, "frames": test.lengths + 1})
    if test.output == "bernoulli":
        leaked = leaked_frames(train, test, section("leakage", Rule))
        table = table.assign(leaked_frames=leaked, touched=leaked > 0)
    else:
        table = table.head(0).assign(leaked_frames=None, touched=None)
    with whole(Path("models") / dataset / "leakage.csv") as path:
        table.to_csv(path, index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--cell")
    what.add_argument("--baselines", action="store_true")
    what.add_argument("--leakage", action="store_true")
    parser.add_argument("--matching", help="the second arm of the study instead of the first")
    options = parser.parse_args()
    if options.baselines:
        baselines(options.dataset)
    elif options.leakage:
        leakage(options.dataset)
    else:
        evaluate(options.dataset, options.cell, options.matching)


if __name__ == "__main__":
    run(main)
