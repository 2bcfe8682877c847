"""Measures how fast training is, beside torch.nn, on this machine.

    python -m stages.bench                writes reports/benchmarks/*.csv and prints the table and the targets

About ten minutes on two cores, on a machine with nothing else to do. Everything compared is measured in turns in one
run; ratios are what is claimed.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import numpy as np
import pandas as pd

from stages.console.device import choose
from stages.plumbing.errors import run
from stages.plumbing.files import whole
from stages.speed import contenders, machine, measure, workload
from stages.speed.workload import Workload

FOLDER = Path("reports/benchmarks")
ROUNDS, SCALING_ROUNDS = 5, 3
# dataset, trials, batch size, sequences (None: the whole training split), arms
SETTINGS = [
    ("jsb_chorales", 30, 8, None, ("library", "one_sequence", "plain", "compiled")),
    ("speech_short", 8, 64, 512, ("library", "plain", "compiled")),
]
DOUBLING = [1, 2, 4, 8, 16, 32, 64]
SCALING = {"trials": DOUBLING, "batch_size": DOUBLING, "steps": [8, 16, 32, 64, 128, 256, 512]}
SCALING["units"] = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512]


def speed(rate: float) -> pd.DataFrame:
    """speed.csv: every arm on every dataset and cell; `rate` is the machine's, in operations a second."""
    rows = []
    for dataset, count, batch_size, sequences, arms in SETTINGS:
        for cell in workload.names():
            print(f"{dataset} {cell}: {', '.join(arms)}", flush=True)
            load = workload.load(dataset, cell, batch_size, sequences)
            built = {arm: contenders.build(arm, load, count) for arm in arms}
            taken = measure.interleaved({arm: epoch for arm, (epoch, _) in built.items()}, ROUNDS)
            each = {arm: seconds / built[arm][1] for arm, seconds in taken.items()}
            for arm in arms:
                middle, ratios = np.median(each[arm]), each["library"] / each[arm]
                rows.append(
                    {
                        "dataset": dataset,
                        "cell": cell,
                        "arm": arm,
                        "trials": built[arm][1],
                        "batch_size": 1 if arm == "one_sequence" else batch_size,
                        "rounds": ROUNDS,
                        "ms_per_trial_epoch": 1e3 * middle,
                        "ms_low": 1e3 * each[arm].min(),
                        "ms_high": 1e3 * each[arm].max(),
                        "updates_per_second": (len(load.lengths) if arm == "one_sequence" else len(load.batches))
                        / middle,
                        "gflops": load.arithmetic / middle / 1e9,
                        "share_of_matrix_product": load.arithmetic / middle / rate,
                        "memory_mib": measure.memory(arm, (dataset, cell, batch_size, sequences), count),
                        "ratio": np.median(ratios),
                        "ratio_low": ratios.min(),
                        "ratio_high": ratios.max(),
                    }
                )
    return pd.DataFrame(rows)


def scaling(rate: float) -> pd.DataFrame:
    """scaling.csv: what a trial's time step costs as one size grows, the others staying at 8 trials, 8 sequences."""
    rows = []
    for cell in workload.names():
        base = workload.load("jsb_chorales", cell, 8)
        for axis, value, load, count in _sizes(base):
            print(f"{cell}: {axis} {value}", flush=True)
            epochs = {arm: contenders.build(arm, load, count)[0] for arm in ("plain", "compiled")}
            for arm, seconds in measure.interleaved(epochs, SCALING_ROUNDS).items():
                rows.append(
                    {
                        "cell": cell,
                        "arm": arm,
                        "axis": axis,
                        "value": value,
                        "microseconds_per_step": 1e6 * np.median(seconds) / count / load.steps,
                        "ideal_microseconds": 1e6 * load.arithmetic / rate / load.steps,
                    }
                )
    return pd.DataFrame(rows)


def _sizes(base: Workload) -> Iterator[tuple[str, int, Workload, int]]:
    """axis, value, workload and trials; as many steps a measurement as keep it short."""
    for value in SCALING["trials"]:
        yield "trials", value, workload.cut(base, 64, 8, 8), value
    for value in SCALING["batch_size"]:
        yield "batch_size", value, workload.cut(base, 64, value, max(2, 64 // value)), 8
    for value in SCALING["steps"]:
        yield "steps", value, workload.cut(base, value, 8, max(2, 512 // value)), 8
    for value in SCALING["units"]:
        yield "units", value, workload.with_units(workload.cut(base, 64, 8, 4), value), 8


def targets(table: pd.DataFrame) -> pd.DataFrame:
    """targets.csv: what the trainer is to reach, and whether it does."""
    by = table.set_index(["dataset", "cell", "arm"])
    music = by.xs(("jsb_chorales", "compiled"), level=("dataset", "arm"))
    speech = by.xs(("speech_short", "compiled"), level=("dataset", "arm"))
    rows = [
        ("music: times faster than torch.nn, geometric mean of the units", 10, geometric_mean(music["ratio"])),
        ("music: times faster than torch.nn, slowest unit", 4, music["ratio"].min()),
        ("speech: times faster than torch.nn, slowest unit", 1, speech["ratio"].min()),
        ("music: share of the matrix-product rate, lowest unit", 0.5, music["share_of_matrix_product"].min()),
        ("speech: share of the matrix-product rate, lowest unit", 0.5, speech["share_of_matrix_product"].min()),
    ]
    if "gru" in music.index:
        slow = by.loc[("jsb_chorales", "gru", "one_sequence"), "ms_per_trial_epoch"]
        ratio = slow / music.loc["gru", "ms_per_trial_epoch"]
        rows.insert(2, ("music: times faster than one sequence an update, GRU", 50, ratio))
    found = [_target(name, asked, value) for name, asked, value in rows]
    unmeasured = {"measured": np.nan, "met": False, "reason": "not measured: no GPU was at hand"}
    found.append({"target": "GPU, 50 trials: times faster than cuDNN", "asked": 50, **unmeasured})
    return pd.DataFrame(found)


def _target(name: str, asked: float, value: float) -> dict[str, Any]:
    """Only the share of the matrix-product rate has a reason that is known beforehand."""
    met = bool(value >= asked)
    reason = "" if met else "slower than asked"
    if not met and "share" in name:
        reason = "the rest of an update is not matrix products: squashing, losses, noise, gathering, the optimiser"
    return {"target": name, "asked": asked, "measured": value, "met": met, "reason": reason}


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    choose()
    rate = machine.matrix_product_rate()
    facts = machine.describe(rate)
    print("\n".join(f"{fact}: {value}" for fact, value in facts.items()), flush=True)
    table = speed(rate)
    reached = targets(table)
    tables = {
        "machine": pd.DataFrame(facts.items(), columns=["fact", "value"]),
        "speed": table,
        "targets": reached,
        "scaling": scaling(rate),
    }
    for name, content in tables.items():
        with whole(FOLDER / f"{name}.csv") as path:
            content.to_csv(path, index=False, float_format="%.4g")
    shown = ["dataset", "cell", "arm", "trials", "ms_per_trial_epoch", "gflops", "memory_mib", "ratio"]
    print(f"\n{table[shown].to_string(index=False, float_format='%.3g')}\n")
    print(reached.to_string(index=False, float_format="%.3g"))


if __name__ == "__main__":
    run(main)
