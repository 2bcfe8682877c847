"""Makes small synthetic projects (params.yaml and what the stages leave) with planted results, for the findings' tests.

The trials are made up, the parameters are the project's own: its `compare` and `claims` sections with fewer
resamples, so that the rules under test are those that judge the study.
"""

import json
import math
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from stages.findings.records.design import SETTINGS, TOTAL
from stages.findings.records.reach import GATES, GRADIENTS, MEMORY
from stages.findings.records.reading import BASELINES, CURVES, EVALUATION, LEAKAGE, NOISY, PIECES, TRIALS
from stages.listening.excerpts import Excerpt, Windows
from stages.listening.files import REAL, Facts, write_facts, write_music, write_speech
from stages.listening.settings import Spectrum
from stages.plumbing import places
from stages.plumbing.parameters import load

ROOT = Path(__file__).parents[2]
OTHERS = ("noiseless", "half_noise", "input_noise", "rescued", "authors", "practice", "practice_bias", "parts")
PAPER_BUDGET = {"candidates": 10, "max_epochs": 500, "batch_size": 8}
SPEECH_BUDGET = {"candidates": 10, "max_epochs": 1000, "batch_size": 64}
SMALL_BUDGET = {"candidates": 3, "max_epochs": 30, "batch_size": 8}
RECORDED = {"halving": {"epochs": [10, 20], "keep": 0.5, "apply": False}}
SPEED = {"tanh": 30.0, "lstm": 20.0, "gru": 10.0}  # epochs in which the distance to the final NLL falls by 1/e
LEFT_ON = 0.2  # nats that the weight noise costs where it is left on
TRANSFER = 0.5  # what a candidate is behind on the test split, over what it is behind on validation
FACTS = {"processor": "Some CPU", "cores": "1", "threads": "2", "memory": "8 GiB", "system": "Linux x86_64"}
FACTS |= {"python": "3.11.9", "torch": "2.9.0", "numba": "0.60", "fma_peak_gflops": "110", "date": "2026-01-02"}
REACH = {"tanh": (0.9, 0.01, -3.0)}  # shares of losses that vanish and explode, and log10 of the gradient's ratio
KEPT = {"gru": "update", "lstm": "forget"}  # the gate that keeps a state
TWO = math.sqrt(2) * 12.70620474 / 1.959963985  # by which the range of two repeats is stretched to their interval
COST = {"tanh": 0.002, "lstm": 0.006, "gru": 0.005}  # seconds an update


@dataclass
class Planted:
    """One dataset's planted results.

    `levels`: cell → each repeat's test NLL (None: all its candidates diverge). The pieces scatter around it by
    `piece_noise`, the same way for every cell, and by `cell_noise` on their own.
    `behind`: how far each candidate's NLL is above the best one's (None: the further the smaller its learning rate).
    `reach`: cell → what its trained nets do with gradients at lag 20 (a cell without: next to nothing vanishes).
    `halved`: (cell, repeat, candidate) → the epoch at which successive halving would have ended it.
    `touched`: how many pieces, the first ones, hold melodies that training has heard.
    `arm`: as `levels`, for the cells of the arm `total`; `arms`: those of the other arms, by their names.
    """

    levels: dict[str, list[float | None]]
    budget: dict[str, int] = field(default_factory=lambda: dict(PAPER_BUDGET))
    output: str = "bernoulli"
    matching: str = "recurrent"
    pieces: int = 20
    piece_noise: float = 0.5
    cell_noise: float = 0.05
    epochs: int = 40
    speed: dict[str, float] = field(default_factory=lambda: dict(SPEED))
    device: str = "cpu"
    behind: list[float] | None = None
    halved: dict[tuple[str, int, int], int] = field(default_factory=dict)
    touched: int = 0
    arm: dict[str, list[float | None]] = field(default_factory=dict)
    arms: dict[str, dict[str, list[float | None]]] = field(default_factory=dict)
    reach: dict[str, tuple[float, float, float]] = field(default_factory=lambda: dict(REACH))
    longest_lag: int = 24


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
    arm = {**params["arms"][TOTAL], "datasets": {name: {} for name, planted in datasets.items() if planted.arm}}
    arm["cells"] = list(dict.fromkeys(cell for of in datasets.values() for cell in of.arm))
    params["arms"] = {"paper": {}, TOTAL: arm} | {name: _arm(params, datasets, name) for name in OTHERS}
    params["claims"] = {**params["claims"], **claims}
    settings = load(ROOT / SETTINGS)
    (root / SETTINGS).parent.mkdir(parents=True, exist_ok=True)
    YAML().dump({**settings, "compare": {**settings["compare"], "resamples": resamples}}, root / SETTINGS)
    (root / "stages/scoring").mkdir(exist_ok=True)
    shutil.copyfile(ROOT / "stages/scoring/settings.yaml", root / "stages/scoring/settings.yaml")
    YAML().dump(params, root / "params.yaml")
    (root / "data").mkdir(exist_ok=True)
    shutil.copyfile(ROOT / "data/published_results.csv", root / "data/published_results.csv")
    for name, planted in datasets.items():
        rng = np.random.default_rng([seed, *name.encode()])
        steps = rng.integers(30, 90, planted.pieces)
        offsets = rng.normal(0, planted.piece_noise, planted.pieces)
        for cell in cells:
            _write_run(root, "paper", name, cell, planted, steps, offsets, rng)
        for cell, levels in planted.arm.items():
            second = replace(planted, levels={cell: levels}, matching=arm["matching"])
            _write_run(root, TOTAL, name, cell, second, steps, offsets, rng)
        for arm_name, of_arm in planted.arms.items():
            for cell, levels in of_arm.items():
                _write_run(root, arm_name, name, cell, replace(planted, levels={cell: levels}), steps, offsets, rng)
        heard = [steps[piece] // 2 if piece < planted.touched else 0 for piece in range(planted.pieces)]
        melodies = [[n, f"piece {n}", steps[n] + 1, heard[n], heard[n] > 0] for n in range(planted.pieces)]
        melodies = pd.DataFrame(melodies if planted.output == "bernoulli" else [], columns=LEAKAGE)
        _append(root / places.baselines(name) / "leakage.csv", melodies)
        rows = [
            [baseline, split, averaging, nll]
            for baseline, nll in (("note-1-gram", 11.0), ("copy-previous", 12.5))
            for split in ("valid", "test")
            for averaging in ("pooled", "per_sequence")
        ]
        _append(root / places.baselines(name) / "baselines.csv", pd.DataFrame(rows, columns=BASELINES))
    return root


def _arm(params: dict, datasets: dict[str, Planted], name: str) -> dict:
    """An arm of params.yaml on the datasets that have runs of it."""
    own = {dataset: planted.arms[name] for dataset, planted in datasets.items() if name in planted.arms}
    budgets = {dataset: {"repeats": len(next(iter(levels.values())))} for dataset, levels in own.items()}
    cells = list(dict.fromkeys(cell for levels in own.values() for cell in levels))
    return {"datasets": budgets, "cells": cells}


def _repeats(planted: Planted) -> int:
    return len(next(iter(planted.levels.values())))


def _append(path: Path, table: pd.DataFrame) -> None:
    """Writes a table, or its rows below those of other cells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, mode="a", header=not path.exists())


def _write_run(root: Path, arm: str, name: str, cell: str, planted: Planted, steps, offsets, rng) -> None:
    folder, tested = root / places.run_folder(arm, name, cell), root / places.scores(arm, name)
    folder.mkdir(parents=True)
    trials, curves, evaluation, pieces, noisy = [], [], [], [], []
    for repeat, level in enumerate(planted.levels[cell]):
        rates = np.exp(rng.uniform(-12, -6, planted.budget["candidates"]))
        behind = 0.3 * np.log(rates.max() / rates) if planted.behind is None else np.array(planted.behind)
        survivors = [number for number in range(len(rates)) if (cell, repeat, number) not in planted.halved]
        best, by_halving = int(np.argmin(behind)), min(survivors, key=behind.__getitem__)
        for candidate, rate in enumerate(rates):
            seed = int(rng.integers(2**31))
            if level is None:
                trials.append([repeat, candidate, seed, rate, "diverged", 0, 0, 0, *[None] * 5, False, False])
                continue
            worse = behind[candidate]
            epoch = np.arange(1, planted.epochs + 1)
            fall = 3 * np.exp(-epoch / planted.speed.get(cell, 15.0))
            train, valid = level - 0.4 + worse + fall, level + 0.1 + worse + fall
            rows = zip(epoch, epoch * 29, train, valid, train + 0.1, valid + 0.1, strict=True)
            curves += [[repeat, candidate, *row] for row in rows]
            last = [len(epoch), len(epoch), len(epoch) * 29, train[-1], valid[-1], train[-1] + 0.1, valid[-1] + 0.1]
            halved_at = planted.halved.get((cell, repeat, candidate))
            choices = [halved_at, candidate == best, candidate == by_halving]
            trials.append([repeat, candidate, seed, rate, "stopped", *last, *choices])
        if level is None:
            continue
        noise = offsets + rng.normal(0, planted.cell_noise, len(steps))
        per_step = level + noise - (noise * steps).sum() / steps.sum()  # pooled mean: exactly the planted level
        for candidate in dict.fromkeys([best, by_halving]):
            scores = per_step + TRANSFER * behind[candidate]
            pieces += [
                [cell, repeat, candidate, piece, f"piece {piece}", length, nll * length]
                for piece, (length, nll) in enumerate(zip(steps, scores, strict=True))
            ]
            test_nll = level + TRANSFER * behind[candidate]
            evaluation.append([cell, repeat, candidate, test_nll, scores.mean(), len(steps), steps.sum()])
            costs = (LEFT_ON - 0.01, LEFT_ON + 0.01) if arm == "paper" else ()
            noisy += [[cell, repeat, candidate, draw, 0.075, test_nll + cost] for draw, cost in enumerate(costs)]
    pd.DataFrame(trials, columns=TRIALS).astype({"halved_at": "Int64"}).to_csv(folder / "trials.csv", index=False)
    quickly = {"method": "gzip", "compresslevel": 1}
    pd.DataFrame(curves, columns=CURVES).to_csv(folder / "curves.csv.gz", index=False, compression=quickly)
    _append(tested / "evaluation.csv", pd.DataFrame(evaluation, columns=EVALUATION))
    _append(tested / "pieces.csv", pd.DataFrame(pieces, columns=PIECES))
    _append(tested / "noisy.csv", pd.DataFrame(noisy, columns=NOISY))
    if arm == "paper":
        seconds = [COST.get(cell, 0.004) * spread for spread in (0.999, 1.0, 1.001)]
        timings = pd.DataFrame({"round": range(3), "cell": cell, "seconds": seconds, "engine": "compiled"})
        _append(root / places.clock(name), timings)
    if arm in ("paper", "parts"):
        _write_reach(root / places.reach(arm, name), cell, planted, [(row[0], row[1], row[-2]) for row in trials])
    info = {
        "dataset": name,
        "cell": cell,
        "output": planted.output,
        "matching": planted.matching,
        "input_size": 96,
        "target_size": 96,
        "output_size": 96,
        "units": 46,
        "recurrent_parameters": 20_100,
        "output_parameters": 4_512,
        "total_parameters": 24_612,
        "device": planted.device,
        "torch": "2.0",
        "engine": "compiled (Numba 0.60)",
        "batch_size": planted.budget["batch_size"],
        "updates_per_epoch": 29,
        "seconds": 60.0,
    }
    (folder / "run.json").write_text(json.dumps(info), encoding="utf-8")


def _write_reach(folder: Path, cell: str, planted: Planted, trials: list[tuple[int, int, bool]]) -> None:
    """What stages/probe.py leaves; repeats differ by a hundredth of what is planted, and before training all vanishes.

    `trials`: (repeat, candidate, whether it was chosen).
    """
    vanishing, exploding, log10_ratio = planted.reach.get(cell, (0.1, 0.0, -0.5))
    gradients, nets, gates = [], [], []
    kinds = [(repeat, candidate, "trained") for repeat, candidate, chosen in trials if chosen]
    kinds += [(repeat, 0, "untrained") for repeat in range(_repeats(planted))]
    for repeat, candidate, kind in kinds:
        net, part = [cell, repeat, candidate, kind], 1 - repeat / 100
        ratio, shares = (log10_ratio, [vanishing * part, exploding]) if kind == "trained" else (-2.5, [1.0, 0.0])
        if planted.longest_lag < 20:
            shares = [None, None]
        sizes = [planted.pieces, 2 * planted.pieces, planted.longest_lag, 20, 0.01, 10.0]
        nets.append([*net, *sizes, ratio * part if planted.longest_lag >= 20 else None, *shares, 1.5, 1.4])
        for variable in ("state", "input"):
            falls = ratio * part * np.arange(planted.longest_lag + 1) / 20
            gradients += [[*net, variable, lag, 40, x, x - 0.5, x, x + 0.5] for lag, x in enumerate(falls)]
        if cell in KEPT:
            gates += [[*net, KEPT[cell], 0.7, 0.1, 0.5, 0.2, 0.8, 1.0, 3.0 * 10**repeat, 90.0]]
            gates += [[*net, "output", 0.4, 0.2, 0.3, 0.1, 0.4, 0.9, None, None]]
    _append(folder / "gradients.csv", pd.DataFrame(gradients, columns=GRADIENTS))
    _append(folder / "memory.csv", pd.DataFrame(nets, columns=MEMORY))
    _append(folder / "gates.csv", pd.DataFrame(gates, columns=GATES))


def halving_study() -> dict[str, Planted]:
    """A set whose halving is recorded: a choice that is the same, two that are the second best, one the third."""
    ended = {
        "gru": [{2: 10, 3: 10, 1: 20}, {0: 10, 3: 10, 2: 20}],
        "lstm": [{2: 10, 3: 10, 0: 20}, {0: 10, 1: 10}],
    }
    halved = {
        (cell, repeat, candidate): epoch
        for cell, repeats in ended.items()
        for repeat, ends in enumerate(repeats)
        for candidate, epoch in ends.items()
    }
    budget = {**PAPER_BUDGET, **RECORDED, "candidates": 4}
    levels = {"lstm": [8.6, 8.7], "gru": [8.5, 8.4]}
    return {"jsb_chorales": Planted(levels, budget, behind=[0.0, 0.02, 0.06, 0.1], halved=halved)}


def write_samples(datasets: dict[str, Planted]) -> None:
    """What `sample` leaves in the working folder: random notes, noise, and nothing of a diverged cell."""
    rng = np.random.default_rng(0)
    windows, spectrum = Windows(8000, 20, 10, 10, 0.0, 0.1), Spectrum(window_seconds=0.025, hop_seconds=0.01)
    for dataset, planted in datasets.items():
        speech = planted.output == "gaussian_mixture"
        there, made = (400, 800) if speech else (64, 64)  # a recording that is shorter than what nets make of it
        values = rng.normal(size=there) if speech else _roll(rng, there)
        excerpt = Excerpt("a piece", values, 16, made, 1 / 8000 if speech else 0.25, windows if speech else None)
        for cell, levels in {REAL: [0.0], **planted.levels}.items():
            facts = Facts.of(dataset, cell, excerpt)
            if set(levels) == {None}:
                write_facts(facts.but(reason="every repeat diverged"))
                continue
            if cell != REAL:
                facts = facts.but(repeat=0, candidate=2, of_repeats=len(levels), valid_nll=levels[0])
                facts = facts.but(temperature=0.9, seed=2014, beyond_scale=0.0125 if speech else None)
                values = rng.normal(size=made) if speech else _roll(rng, made)
            if speech:
                write_speech(facts, values, windows, spectrum)
            else:
                write_music(facts, values)


def _roll(rng: np.random.Generator, frames: int) -> np.ndarray:
    return (rng.random((frames, 88)) < 0.05).astype(np.uint8)


def write_benchmarks(root: Path) -> None:
    """What `make bench` leaves: two datasets, three cells, targets met, missed and not measured."""
    folder = root / "reports/benchmarks"
    folder.mkdir(parents=True)
    ratios = {"library": 1.0, "one_sequence": 0.25, "plain": 3.0, "compiled": 12.0}
    shared = {"rounds": 7, "gflops": 51.26, "share_of_peak": 0.466, "memory_mib": 1234.5}
    shared |= {"compile_seconds": None, "behind": 1.0, "behind_low": 0.9, "behind_high": 1.1}
    speed = [
        {"dataset": dataset, "cell": cell, "arm": arm, "batches": 8, "trials": 30, "batch_size": 8}
        | {"ms_per_trial_epoch": 4800 / ratio, "ms_low": 4700 / ratio, "ms_high": 5000 / ratio}
        | {"updates_per_second": 6.04 * ratio, **shared}
        | {"ratio": ratio, "ratio_low": ratio * 0.95, "ratio_high": ratio * 1.1}
        for dataset in ("jsb_chorales", "speech_short")
        for cell in COST
        for arm, ratio in ratios.items()
        if arm != "one_sequence" or dataset == "jsb_chorales"
    ]
    targets = [
        ("music: times faster", 10, 12.0, True, None),
        ("speech: share", 0.5, 0.466, False, "the rest of an update"),
        ("GPU: times faster", 50, None, False, "not measured"),
    ]
    pd.DataFrame(FACTS.items(), columns=["fact", "value"]).to_csv(folder / "machine.csv", index=False)
    pd.DataFrame(speed).to_csv(folder / "speed.csv", index=False)
    columns = ["target", "asked", "measured", "met", "reason"]
    pd.DataFrame(targets, columns=columns).to_csv(folder / "targets.csv", index=False)
