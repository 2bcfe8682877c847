"""Opens the test split: once for each frozen set of weights, and for what needs no training: baselines and leakage.

    python -m stages.evaluate --dataset jsb_chorales                  the arm `paper`, and beside it what needs no net
    python -m stages.evaluate --dataset jsb_chorales --arm total

Besides, `sample` takes one test piece to start from, and scores nothing. Clean weights, nats per step, the first frame
not predicted; both averagings and every piece's own sum, so that pieces can be resampled. Beside them, where a net was
trained with weight noise, its NLL with the noise left on.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from stages.console import device as devices
from stages.corpora.split import SPLITS, Split
from stages.plumbing import places
from stages.plumbing.errors import InputError, run
from stages.plumbing.files import whole
from stages.plumbing.parameters import section
from stages.plumbing.places import PAPER, PREPARED, run_folder
from stages.recurrent import likelihood, saved
from stages.recurrent.layout import Layout
from stages.recurrent.network import Network
from stages.recurrent.recorded import recorded_cells, recorded_net
from stages.recurrent.sequences import Sequences
from stages.scoring.baselines import baseline_table
from stages.scoring.leakage import SETTINGS, Rule, leaked_frames
from stages.scoring.noise import DRAWS, deviations, perturbed

EVALUATION = ["cell", "repeat", "candidate", "test_nll", "test_nll_per_sequence", "sequences", "steps"]
PIECES = ["cell", "repeat", "candidate", "piece", "name", "steps", "nll"]
NOISY = ["cell", "repeat", "candidate", "draw", "weight_noise", "test_nll"]


def score(arm: str, dataset: str, cell: str, split: Split) -> list[pd.DataFrame]:
    """Scores a cell's chosen trials on the test split: each repeat's, and successive halving's where that is another.

    Returns:
        EVALUATION, a row per trial; PIECES, one per trial and piece; NOISY, one per trial and draw of its noise.

    Raises:
        InputError: a file of the training is missing or damaged, or it was trained on other data.
    """
    folder = run_folder(arm, dataset, cell)
    net = recorded_net(folder / "run.json")
    if (split.inputs.shape[1], split.targets.shape[1]) != (net.inputs, net.targets):
        raise InputError(
            f"data/prepared/{dataset}/test.npz: expected {net.inputs} inputs and {net.targets} targets a step, as "
            f"{folder} was trained on, found {split.inputs.shape[1]} and {split.targets.shape[1]}; run `dvc repro`"
        )
    device = devices.choose()
    torch.set_num_threads(1)  # a step of so few nets is too small to be shared
    trials, weights = saved.load(folder / "weights.safetensors", layout := Layout.of(net), device)
    sequences = Sequences(split.inputs, split.targets, split.lengths, device)
    network = Network.of(net)
    sums = likelihood.sequence_sums(network, weights, sequences) if trials else []

    results, pieces, noisy = [], [], []
    for (repeat, candidate), nll in zip(trials, sums, strict=True):
        results.append(
            {
                "cell": cell,
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
                    "cell": cell,
                    "repeat": repeat,
                    "candidate": candidate,
                    "piece": piece,
                    "name": name,
                    "steps": steps,
                    "nll": value,
                }
            )
    noise, where = deviations(folder, trials)
    for draw in range(DRAWS if noise.any() else 0):
        left_on = likelihood.sequence_sums(network, perturbed(layout, weights, noise, where, draw), sequences)
        for trial, deviation, nll in zip(trials, noise, likelihood.pooled(left_on, split.lengths), strict=True):
            noisy.append([cell, *trial, draw, deviation, nll])
    tables = (results, EVALUATION), (pieces, PIECES), (noisy, NOISY)
    return [pd.DataFrame(rows, columns=columns) for rows, columns in tables]


def chosen_nll(folder: Path, evaluation: pd.DataFrame) -> float | None:
    """Test NLL of a training's chosen trials, pooled, mean over repeats; None where every repeat diverged.

    Raises:
        InputError: trials.csv is missing or no table of trials.
    """
    try:
        trials = pd.read_csv(folder / "trials.csv")
        chosen = trials.loc[trials["chosen"], ["repeat", "candidate"]]
    except (OSError, ValueError, KeyError) as error:  # pandas' own errors are ValueErrors
        raise InputError(f"{folder}/trials.csv: not a table of trials ({error}); delete it and `dvc repro`") from None
    nll = chosen.merge(evaluation, on=["repeat", "candidate"])["test_nll"].mean()
    return None if np.isnan(nll) else round(float(nll), 4)


def evaluate(arm: str, dataset: str) -> None:
    """Scores all cells of an arm on a dataset's test split."""
    split = Split.load(PREPARED / dataset / "test.npz")
    scored = {cell: score(arm, dataset, cell, split) for cell in recorded_cells(places.trainings(arm, dataset))}
    folder = places.scores(arm, dataset)
    for place, (name, decimals) in enumerate({"evaluation": 6, "pieces": 4, "noisy": 6}.items()):
        of_cells = [tables[place] for tables in scored.values()]
        table = pd.concat([table for table in of_cells if len(table)] or of_cells[:1])
        with whole(folder / f"{name}.csv") as path:
            table.to_csv(path, index=False, float_format=f"%.{decimals}f")
    nlls = {cell: chosen_nll(run_folder(arm, dataset, cell), tables[0]) for cell, tables in scored.items()}
    with whole(places.set_folder(arm, dataset) / "metrics.json") as path:  # for `dvc exp show`
        path.write_text(json.dumps({arm: {dataset: nlls}}, indent=2) + "\n", encoding="utf-8")


def baselines(dataset: str) -> None:
    """Scores the baselines, fitted on the training split, on all three splits, and looks for leaked test pieces."""
    splits = {name: Split.load(PREPARED / dataset / f"{name}.npz") for name in SPLITS}
    with whole(places.baselines(dataset) / "baselines.csv") as path:
        baseline_table(splits).to_csv(path, index=False, float_format="%.6f")
    with whole(places.baselines(dataset) / "leakage.csv") as path:
        leakage_table(splits["train"], splits["test"]).to_csv(path, index=False)


def leakage_table(train: Split, test: Split) -> pd.DataFrame:
    """The test pieces and whether their melodies occur in training; of recordings, which have no melody, no rows."""
    table = pd.DataFrame({"piece": range(len(test.lengths)), "name": test.names, "frames": test.lengths + 1})
    if test.output == "bernoulli":
        leaked = leaked_frames(train, test, section("leakage", Rule, SETTINGS))
        return table.assign(leaked_frames=leaked, touched=leaked > 0)
    return table.head(0).assign(leaked_frames=None, touched=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--arm", default=PAPER)
    options = parser.parse_args()
    evaluate(options.arm, options.dataset)
    if options.arm == PAPER:
        baselines(options.dataset)


if __name__ == "__main__":
    run(main)
