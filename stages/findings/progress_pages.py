"""The report's words on progress: how long the nets of each unit take to levels of validation NLL."""

from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, table
from stages.findings.wording import cell_name, measured, number


def content(milestones: pd.DataFrame) -> dict[str, Any] | None:
    """What the template shows; None where every net diverged."""
    if milestones.empty:
        return None
    return {"table": table(*_milestones(milestones)), "never": _never(milestones)}


def _milestones(milestones: pd.DataFrame) -> tuple[list[str], Rows]:
    rows, counted = [], milestones["clock"].unique()
    for (dataset, share, cell), clocks in milestones.groupby(["dataset", "share", "cell"], sort=False):
        of = clocks.set_index("clock")
        level, reached, repeats = of.iloc[0][["level", "reached", "repeats"]]
        way = "all" if share == 1 else f"{share:.0%}"
        times = [_time(of.loc[clock]) if clock in of.index else "" for clock in counted]
        rows.append([dataset, f"{number(level)} ({way})", cell_name(cell), f"{reached} of {repeats}", *times])
    return ["dataset", "to validation NLL (of the way)", "unit", "reached by", *counted], rows


def _time(row: pd.Series) -> str:
    """A mean with its interval; epochs and updates of a single net are whole numbers."""
    if pd.isna(row["low"]):
        return f"{row['mean']:,.0f}" if row["mean"].is_integer() else measured(row["mean"])
    return f"{measured(row['mean'])} [{measured(row['low'])},\u00a0{measured(row['high'])}]"


def _never(milestones: pd.DataFrame) -> str:
    """The cells that are left out of a dataset's common level."""
    lost = milestones[milestones["reached"] == 0].groupby(["dataset", "cell"], sort=False)
    return ", ".join(f"{cell_name(cell)} on {dataset}" for dataset, cell in lost.groups)
