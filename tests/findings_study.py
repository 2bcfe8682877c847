"""Makes small synthetic projects (params.yaml, data/, models/) whose results are planted, for the findings' tests.

The trials are made up, the parameters are the project's own: its `compare` and `claims` sections with fewer
resamples, so that the rules under test are those that judge the study.
"""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from stages.findings.records import BASELINES, CURVES, EVALUATION, PIECES, TRIALS
from stages.plumbing.params import load

ROOT = Path(__file__).parents[1]
PAPER_BUDGET = {"candidates": 10, "max_epochs": 500, "batch_size": 8}
SPEECH_BUDGET = {"candidates": 10, "max_epochs": 1000, "batch_size": 64}
SMALL_BUDGET = {"candidates": 3, "max_epochs": 30, "batch_size": 8}
SPEED = {"tanh": 30.0, "lstm": 20.0, "gru": 10.0}  # epochs in which the distance to the final NLL falls by 1/e
COST = {"tanh": 0.002, "lstm": 0.006, "gru": 0.005}  # seconds an update


@dataclass
class Planted:
    """One dataset's planted results.

    `levels`: cell → each repeat's test NLL (None: all its candidates diverge). The pieces scatter around it by
    `piece_noise`, the same way for every cell, and by `cell_noise` on their own.
    """

    levels: dict[str, list[float | None]]
    budget: dict[str, int] = field(default_factory=lambda: dict(PAPER_BUDGET))
    output: str = "bernoulli"
    pieces: int = 20
    piece_noise: float = 0.5
    cell_noise: float = 0.05
    epochs: int = 40
    speed: dict[str, float] = field(default_factory=lambda: dict(SPEED))
    device: str = "cpu"


def write_study(
    root: Path, datasets: dict[str, Planted], seed: int = 0, resamples: int = 400, **claims: object
) -> Path:
    """Writes a project whose runs have the planted results; `claims` overrides thresholds. Returns `root`."""
    cells = list(dict.fromkeys(cell for planted in datasets.values() for cell in planted.levels))
    params = dict(load(ROOT / "params.yaml"))
    params["cells"] = cells
    params["datasets"] = {
        name: {"source": name, "sequences": {}, "training": {"repeats": _repeats(planted), **planted.budget}}
        for name, planted in datasets.items()
    }
    params["compare"] = {**params["compare"], "resamples": resamples}
    params["claims"] = {**params["claims"], **claims}
    root.mkdir(parents=True, exist_ok=True)
    YAML().dump(params, root / "params.yaml")
    (root / "data").mkdir(exist_ok=True)
    shutil.copyfile(ROOT / "data/published_results.csv", root / "data/published_results.csv")
    for name, planted in datasets.items():
        rng = np.random.default_rng([seed, *name.encode()])
        steps = rng.integers(30, 90, planted.pieces)
        offsets = rng.normal(0, planted.piece_noise, planted.pieces)
        for cell in cells:
            _write_run(root / "models" / name / cell, name, cell, planted, steps, offsets, rng)
        rows = [
            [baseline, "test", averaging, nll]
            for baseline, nll in (("note_1_gram", 11.0), ("copy_previous", 12.5))
            for averaging in ("pooled", "per_sequence")
        ]
        pd.DataFrame(rows, columns=BASELINES).to_csv(root / "models" / name / "baselines.csv", index=False)
    return root


def _repeats(planted: Planted) -> int:
    return len(next(iter(planted.levels.values())))


def _write_run(folder: Path, name: str, cell: str, planted: Planted, steps, offsets, rng) -> None:
    folder.mkdir(parents=True)
    trials, curves, evaluation, pieces = [], [], [], []
    for repeat, level in enumerate(planted.levels[cell]):
        rates = np.exp(rng.uniform(-12, -6, planted.budget["candidates"]))
        best = int(np.argmax(rates))
        for candidate, rate in enumerate(rates):
            seed = int(rng.integers(2**31))
            if level is None:
                trials.append([repeat, candidate, seed, rate, "diverged", 0, 0, 0, *[None] * 4, False])
                continue
            worse = 0.3 * np.log(rates[best] / rate)
            epoch = np.arange(1, planted.epochs + 1)
            fall = 3 * np.exp(-epoch / planted.speed.get(cell, 15.0))
            train, valid = level - 0.4 + worse + fall, level + 0.1 + worse + fall
            rows = zip(epoch, epoch * 29, train, valid, train + 0.1, valid + 0.1, strict=True)
            curves += [[repeat, candidate, *row] for row in rows]
            last = [len(epoch), len(epoch), len(epoch) * 29, train[-1], valid[-1], train[-1] + 0.1, valid[-1] + 0.1]
            trials.append([repeat, candidate, seed, rate, "stopped", *last, candidate == best])
        if level is None:
            continue
        noise = offsets + rng.normal(0, planted.cell_noise, len(steps))
        per_step = level + noise - (noise * steps).sum() / steps.sum()  # pooled mean: exactly the planted level
        pieces += [
            [repeat, piece, f"piece {piece}", length, nll * length]
            for piece, (length, nll) in enumerate(zip(steps, per_step, strict=True))
        ]
        evaluation.append([repeat, best, level, per_step.mean(), len(steps), steps.sum()])
    pd.DataFrame(trials, columns=TRIALS).to_csv(folder / "trials.csv", index=False)
    pd.DataFrame(curves, columns=CURVES).to_csv(folder / "curves.csv", index=False)
    pd.DataFrame(evaluation, columns=EVALUATION).to_csv(folder / "evaluation.csv", index=False)
    pd.DataFrame(pieces, columns=PIECES).to_csv(folder / "pieces.csv", index=False)
    info = {
        "dataset": name,
        "cell": cell,
        "output": planted.output,
        "matching": "recurrent",
        "input_size": 96,
        "target_size": 96,
        "output_size": 96,
        "units": 46,
        "recurrent_parameters": 20_100,
        "output_parameters": 4_512,
        "total_parameters": 24_612,
        "device": planted.device,
        "torch": "2.0",
        "threads": 2,
        "batch_size": planted.budget["batch_size"],
        "updates_per_epoch": 29,
        "seconds": 60.0,
        "seconds_per_update": COST.get(cell, 0.004),
    }
    (folder / "run.json").write_text(json.dumps(info), encoding="utf-8")
