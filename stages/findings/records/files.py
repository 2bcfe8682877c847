"""Reads the CSV files that stages leave, and says in one line which file is not what it must be."""

import zlib
from pathlib import Path

import pandas as pd

from stages.plumbing.errors import InputError

NOT_NUMBERS = set(
    "cell,status,chosen,chosen_by_halving,name,baseline,split,averaging,touched,net,variable,gate,engine".split(",")
)


def read_csv(path: Path, columns: list[str]) -> pd.DataFrame:
    """A CSV file's columns, compressed or not, as numbers but for those that are known to be words.

    Raises:
        InputError: the file is not a readable CSV, lacks a column, or has a word where a number must be.
    """
    try:
        frame = pd.read_csv(path)
    except (OSError, EOFError, zlib.error, ValueError) as error:  # pandas' own errors are ValueErrors
        raise InputError(f"{path}: not a readable CSV file: {' '.join(str(error).split())}") from None
    if lacking := [column for column in columns if column not in frame]:
        raise InputError(f"{path}: expected the columns {', '.join(columns)}; it lacks {', '.join(lacking)}")
    frame = frame[columns].copy()
    for column in [column for column in columns if column not in NOT_NUMBERS]:
        try:
            frame[column] = pd.to_numeric(frame[column])
        except (ValueError, TypeError):
            raise InputError(f"{path}: expected numbers in the column '{column}'") from None
        if frame[column].dtype == object:  # a file without rows, as after a run that diverged throughout
            frame[column] = frame[column].astype(float)
    return frame


def of_cell(frame: pd.DataFrame, cell: str) -> pd.DataFrame:
    """The rows of a file of all cells that are about this one, without the column that says so."""
    return frame[frame["cell"] == cell].drop(columns="cell").reset_index(drop=True)
