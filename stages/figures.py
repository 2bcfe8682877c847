"""Draws the tables as figures.

python -m stages.figures        reports/tables/*.csv, benchmarks/*.csv, samples/ → reports/figures/*.svg
"""

import argparse
from pathlib import Path

import pandas as pd

from stages.findings import (
    answer_plots,
    claim_plots,
    curve_plots,
    memory_plots,
    optimisation_plots,
    plots,
    robustness_plots,
    sample_plots,
    samples,
    speed_plots,
    tuning_plots,
)
from stages.findings.catalogue import Figure, drawn, source
from stages.findings.style import save
from stages.plumbing.errors import InputError, run

REPORTS = Path("reports")
MODULES = {
    "answer_plots": answer_plots,
    "claim_plots": claim_plots,
    "memory_plots": memory_plots,
    "optimisation_plots": optimisation_plots,
    "plots": plots,
    "curve_plots": curve_plots,
    "tuning_plots": tuning_plots,
    "robustness_plots": robustness_plots,
    "sample_plots": sample_plots,
    "speed_plots": speed_plots,
}


def read_tables(figures: list[Figure]) -> dict[str, pd.DataFrame]:
    """The tables that figures are drawn from, by name.

    Raises:
        InputError: a table or sample is missing; the message lists all that are.
    """
    sampled = samples.read(REPORTS)
    paths = {name: REPORTS / source(name) for figure in figures for name in figure.tables if name not in sampled}
    if lacking := [str(path) for path in paths.values() if not path.is_file()]:
        raise InputError(
            f"missing tables: {', '.join(lacking)}; run `dvc repro compare`, or `make bench` for benchmarks"
        )
    return {name: pd.read_csv(path) for name, path in paths.items()} | sampled


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    figures = drawn(REPORTS)
    tables = read_tables(figures)
    for figure in figures:
        save(getattr(MODULES[figure.module], figure.name)(tables), REPORTS / "figures" / figure.file)


if __name__ == "__main__":
    run(main)
