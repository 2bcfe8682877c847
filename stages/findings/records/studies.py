"""Reads what studies that were once run by hand, beside the pipeline, have left in reports/studies/."""

from pathlib import Path

import pandas as pd

from stages.plumbing.errors import InputError


def read_study(measured: Path, columns: list[str]) -> pd.DataFrame | None:
    """The study's file, or None where there is none.

    Raises:
        InputError: the file cannot be read or lacks a column.
    """
    if not measured.is_file():
        return None
    try:
        table = pd.read_csv(measured)
    except (OSError, ValueError) as error:
        raise InputError(f"{measured}: not a readable CSV file: {error}; take it from git") from None
    if lacking := [column for column in columns if column not in table]:
        raise InputError(f"{measured}: expected {', '.join(columns)}; it lacks {', '.join(lacking)}")
    return table
