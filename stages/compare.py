"""Compares the runs of the design: tables of results, intervals, differences and the paper's claims.

    python -m stages.compare        models/, measured/, data/published_results.csv → reports/tables/

Enumerates the datasets, cells and arms of params.yaml and stops with the list of what is missing.
"""

import argparse

import pandas as pd

from stages.findings.study import Study
from stages.findings.tables import every
from stages.plumbing.errors import run


def compare(*names: str) -> dict[str, pd.DataFrame]:
    """Tables by their files' names: those named, and what they need; all of them where none is.

    Raises:
        InputError: a file of the design is missing or does not fit params.yaml.
    """
    tables = every()
    study = Study(tables)
    return {name: study.frame(name) for name in names or tables}


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    tables = every()
    for name, frame in compare().items():
        tables[name].write(frame)


if __name__ == "__main__":
    run(main)
