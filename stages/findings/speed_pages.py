"""The report's section on speed, from what `make bench` measured: the machine in a sentence, and two tables."""

import math

import pandas as pd

from stages.findings.text_tables import Rows, share_interval, table, text
from stages.findings.wording import ARMS, cell_name, measured

# How a fact of the machine is told; another one is told by its name.
FACTS = {
    "cores": "{} cores",
    "threads": "{} threads",
    "memory": "{} of memory",
    "python": "Python {}",
    "torch": "PyTorch {}",
    "numba": "Numba {}",
    "family": "family {}",
    "model": "model {}",
    "target": "{} to its compiler",
    "vector_bits": "vectors of {} bits",
    "fma_peak_gflops": "multiply-adds in its registers at {} GFLOP/s",
    "date": "on {}",
} | dict.fromkeys(["processor", "system"], "{}")


def content(tables: dict[str, pd.DataFrame]) -> dict[str, str] | None:
    """What the template shows, formatted; None where nothing was measured."""
    if "benchmarks/speed" not in tables:
        return None
    return {
        "machine": machine(tables["benchmarks/machine"]),
        "table": table(*_speed(tables["benchmarks/speed"])),
        "targets": table(*_targets(tables["benchmarks/targets"])),
    }


def machine(facts: pd.DataFrame) -> str:
    """The machine and its programs, in one sentence."""
    told = []
    for row in facts.itertuples():
        words = FACTS.get(row.fact, f"{row.fact.replace('_', ' ')} {{}}").format(row.value)
        told.append(words.removesuffix("s") if row.value == "1" else words)
    return f"Measured on: {', '.join(told)}."


def _speed(speed: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            cell_name(row.cell),
            ARMS.get(row.arm, row.arm),
            str(row.trials),
            str(row.batch_size),
            _span(row.ms_per_trial_epoch, row.ms_low, row.ms_high),
            measured(row.updates_per_second),
            measured(row.gflops),
            share_interval(row.share_of_peak, math.nan, math.nan),
            measured(row.memory_mib),
            measured(row.compile_seconds),
            "1" if row.arm == "library" else _span(row.ratio, row.ratio_low, row.ratio_high),
        ]
        for row in _with(speed, ("share_of_peak", "compile_seconds")).itertuples()
    ]
    header = ["dataset", "unit", "way", "trials", "batch", "ms a trial and epoch", "updates/s", "GFLOP/s"]
    return [*header, "of the peak", "MiB", "compiling, s", "times faster"], rows


def _with(speed: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """The measurements with these columns, empty where an earlier `make bench` did not measure them."""
    return speed.assign(**{column: math.nan for column in columns if column not in speed})


def _span(middle: float, low: float, high: float) -> str:
    return f"{measured(middle)} [{measured(low)},\u00a0{measured(high)}]"


def _targets(targets: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [row.target, text(row.asked), measured(row.measured), "met" if row.met else "not met", text(row.reason)]
        for row in targets.itertuples()
    ]
    return ["target", "asked", "measured", "", "why not"], rows
