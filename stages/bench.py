"""Measures how fast training is, beside torch.nn and JAX, on this machine.

    python -m stages.bench                writes reports/benchmarks/*.csv and prints the table and the targets
    python -m stages.bench --quick        a minute, to see that it runs: prints, and writes nothing

About ten minutes on two cores, on a machine with nothing else to do. Everything compared is measured in turns in one
run; ratios are what is claimed. JAX is an extra: `.venv/bin/pip install -e '.[bench]'`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import numpy as np
import pandas as pd

from stages.console.device import choose, threads
from stages.plumbing.errors import run
from stages.plumbing.files import whole
from stages.speed import contenders, machine, measure, workload
from stages.speed.workload import Workload

FOLDER = Path("reports/benchmarks")
MUSIC, SPEECH = "jsb_chorales", "speech_short"


@dataclass(frozen=True)
class Setting:
    """What is trained: the first so many sequences of a dataset (None: its whole training split), in batches.

    Attributes:
        trials: of a population; rivals train one at a time.
    """

    dataset: str
    trials: int
    batch_size: int
    sequences: int | None
    arms: tuple[str, ...]


SETTINGS = [
    Setting(MUSIC, 30, 8, None, ("library", "library_2_processes", "one_sequence", "jax", "plain", "compiled")),
    Setting(MUSIC, 30, 2, None, ("library", "library_2_processes", "jax", "plain", "compiled")),
    Setting(SPEECH, 8, 32, 512, ("library", "library_2_processes", "jax", "plain", "compiled")),
]
DOUBLING = [1, 2, 4, 8, 16, 32, 64]
SCALING = {"trials": DOUBLING, "batch_size": DOUBLING, "steps": [8, 16, 32, 64, 128, 256, 512]}
SCALING["units"] = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512]
ASKED = {MUSIC: 5, SPEECH: 2}  # times the nearest rival
ASKED_SHARE = 0.4  # of the registers' peak


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    settings: list[Setting]
    scaling: dict[str, list[int]]
    rounds: int = 5
    scaling_rounds: int = 3
    memory: bool = True

    def quick(self) -> "Plan":
        """As little as shows that it runs."""
        settings = [replace(setting, trials=2, sequences=16) for setting in self.settings]
        return Plan(settings, {axis: values[:2] for axis, values in self.scaling.items()}, 2, 1, memory=False)


def speed(plan: Plan, peak: float) -> pd.DataFrame:
    """speed.csv: every arm in every setting and on every cell; `peak` is the machine's, in operations a second."""
    rows = []
    for setting in plan.settings:
        for cell in workload.names():
            print(f"{setting.dataset} {cell}, batches of {setting.batch_size}: {', '.join(setting.arms)}", flush=True)
            arguments = setting.dataset, cell, setting.batch_size, setting.sequences
            rows += _rows(setting, cell, workload.load(*arguments), arguments, plan, peak)
    return pd.DataFrame(rows)


def _rows(
    setting: Setting, cell: str, load: Workload, arguments: tuple, plan: Plan, peak: float
) -> Iterator[dict[str, Any]]:
    """A row an arm: its median round and the extremes, and how many times the library's speed that is.

    `behind` is how many times longer than the compiled population an arm takes: above 1 for all that are slower.
    """
    arms = [arm for arm in setting.arms if contenders.obstacle(arm) is None]
    built = {arm: contenders.build(arm, load, setting.trials) for arm in arms}
    try:
        taken, first = measure.interleaved({arm: one.epoch for arm, one in built.items()}, plan.rounds)
    finally:
        for one in built.values():
            one.close()
    each = {arm: seconds / built[arm].trials for arm, seconds in taken.items()}
    for arm in arms:
        middle, ratios, behind = np.median(each[arm]), each["library"] / each[arm], each[arm] / each["compiled"]
        yield {
            "dataset": setting.dataset,
            "cell": cell,
            "batches": setting.batch_size,
            "arm": arm,
            "trials": built[arm].trials,
            "batch_size": 1 if arm == "one_sequence" else setting.batch_size,
            "rounds": plan.rounds,
            "ms_per_trial_epoch": 1e3 * middle,
            "ms_low": 1e3 * each[arm].min(),
            "ms_high": 1e3 * each[arm].max(),
            "updates_per_second": built[arm].updates / middle,
            "gflops": load.arithmetic / middle / 1e9,
            "share_of_peak": load.arithmetic / middle / peak,
            "memory_mib": measure.memory(arm, arguments, setting.trials) if plan.memory else np.nan,
            "compile_seconds": max(0.0, first[arm] - np.median(taken[arm])) if arm == "jax" else np.nan,
            "ratio": np.median(ratios),
            "ratio_low": ratios.min(),
            "ratio_high": ratios.max(),
            "behind": np.median(behind),
            "behind_low": behind.min(),
            "behind_high": behind.max(),
        }


def scaling(plan: Plan, peak: float) -> pd.DataFrame:
    """scaling.csv: what a trial's time step costs as one size grows, the others staying at 8 trials, 8 sequences."""
    rows = []
    for cell in workload.names():
        base = workload.load(MUSIC, cell, 8)
        for axis, value, load, count in _sizes(base, plan.scaling):
            print(f"{cell}: {axis} {value}", flush=True)
            epochs = {arm: contenders.build(arm, load, count).epoch for arm in contenders.OURS}
            for arm, seconds in measure.interleaved(epochs, plan.scaling_rounds)[0].items():
                rows.append(
                    {
                        "cell": cell,
                        "arm": arm,
                        "axis": axis,
                        "value": value,
                        "microseconds_per_step": 1e6 * np.median(seconds) / count / load.steps,
                        "ideal_microseconds": 1e6 * load.arithmetic / peak / load.steps,
                    }
                )
    return pd.DataFrame(rows)


def _sizes(base: Workload, values: dict[str, list[int]]) -> Iterator[tuple[str, int, Workload, int]]:
    """axis, value, workload and trials; as many steps a measurement as keep it short."""
    for value in values["trials"]:
        yield "trials", value, workload.cut(base, 64, 8, 8), value
    for value in values["batch_size"]:
        yield "batch_size", value, workload.cut(base, 64, value, max(2, 64 // value)), 8
    for value in values["steps"]:
        yield "steps", value, workload.cut(base, value, 8, max(2, 512 // value)), 8
    for value in values["units"]:
        yield "units", value, workload.with_units(workload.cut(base, 64, 8, 4), value), 8


def targets(table: pd.DataFrame) -> pd.DataFrame:
    """targets.csv: what the trainer is to reach, and whether it does, for the unit that is worst off."""
    found = []
    for (dataset, batches), rows in table.groupby(["dataset", "batches"], sort=False):
        what = f"{dataset}, batches of {batches}"
        rivals = rows[~rows["arm"].isin(contenders.OURS)]
        nearest = rivals.loc[rivals.groupby("cell")["behind"].idxmin()].set_index("cell")["behind"]
        share = rows.loc[rows["arm"] == "compiled", "share_of_peak"].min()
        closest = rivals.loc[rivals["behind"].idxmin()]
        rival = f"{closest['cell']}: {closest['arm']}"
        asked = ASKED.get(dataset, 1)
        mean = geometric_mean(nearest)
        found.append(_target(f"{what}: times the nearest rival, geometric mean of the units", asked, mean, ""))
        found.append(_target(f"{what}: times the nearest rival, lowest unit", asked, nearest.min(), rival))
        rest = "the rest of an update is not matrix products, and small ones do not fill the registers"
        found.append(_target(f"{what}: share of the registers' peak, lowest unit", ASKED_SHARE, share, rest))
    if "jax" not in set(table["arm"]):
        found.append(_unmeasured("JAX among the rivals", 1, contenders.obstacle("jax") or "not asked for"))
    found.append(_unmeasured("GPU, 50 trials: times faster than cuDNN", 50, "no GPU was at hand"))
    return pd.DataFrame(found)


def _target(name: str, asked: float, value: float, reason: str) -> dict[str, Any]:
    """`reason` is what is known beforehand of a miss."""
    met = bool(value >= asked)
    return {"target": name, "asked": asked, "measured": value, "met": met, "reason": "" if met else reason}


def _unmeasured(name: str, asked: float, reason: str) -> dict[str, Any]:
    return {"target": name, "asked": asked, "measured": np.nan, "met": False, "reason": f"not measured: {reason}"}


def measured(plan: Plan) -> dict[str, pd.DataFrame]:
    """All tables by their files' names."""
    for arm in dict.fromkeys(arm for setting in plan.settings for arm in setting.arms):
        if reason := contenders.obstacle(arm):
            print(f"without {arm}: {reason}", flush=True)
    peak = machine.fma_peak(threads())
    facts = machine.describe(peak)
    print("\n".join(f"{fact}: {value}" for fact, value in facts.items()), flush=True)
    table = speed(plan, peak)
    return {
        "machine": pd.DataFrame(facts.items(), columns=["fact", "value"]),
        "speed": table,
        "targets": targets(table),
        "scaling": scaling(plan, peak),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few sequences, trials and rounds; writes nothing")
    quick = parser.parse_args().quick
    choose()
    plan = Plan(SETTINGS, SCALING)
    tables = measured(plan.quick() if quick else plan)
    shown = ["dataset", "cell", "batches", "arm", "trials", "ms_per_trial_epoch", "gflops", "share_of_peak", "behind"]
    print(f"\n{tables['speed'][shown].to_string(index=False, float_format='%.3g')}\n")
    print(tables["targets"].to_string(index=False, float_format="%.3g"))
    if quick:
        return
    for name, content in tables.items():
        with whole(FOLDER / f"{name}.csv") as path:
            content.to_csv(path, index=False, float_format="%.4g")


if __name__ == "__main__":
    run(main)
