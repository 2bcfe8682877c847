"""Draws the tables as figures.

python -m stages.figures        reports/tables/*.csv → reports/figures/*.svg
"""

import argparse
from pathlib import Path

import pandas as pd

from stages.findings import plots
from stages.findings.catalogue import FIGURES
from stages.findings.style import save
from stages.plumbing.command import InputError, run

TABLES = Path("reports/tables")
OUT = Path("reports/figures")


def read_tables() -> dict[str, pd.DataFrame]:
    """The tables that figures are drawn from, by name.

    Raises:
        InputError: a table is missing; the message lists all that are.
    """
    names = list(dict.fromkeys(name for figure in FIGURES for name in figure.tables))
    if lacking := [str(TABLES / f"{name}.csv") for name in names if not (TABLES / f"{name}.csv").is_file()]:
        raise InputError(f"missing tables: {', '.join(lacking)}; run `dvc repro compare`")
    return {name: pd.read_csv(TABLES / f"{name}.csv") for name in names}


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    tables = read_tables()
    for figure in FIGURES:
        save(getattr(plots, figure.name)(tables), OUT / figure.file)


if __name__ == "__main__":
    run(main)
