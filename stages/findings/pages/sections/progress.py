"""Speed of learning."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.presentation.wording import cell_name, count, set_names


def words(frames: Frames) -> dict[str, Any] | None:
    progress = frames["progress"].query("clock == 'updates'")
    return None if progress.empty else {"sentence": sentence(progress)}


def sentence(progress: pd.DataFrame) -> str:
    """On how many sets intervals put a unit ahead of all others in updates, and what stays open."""
    units, told = set(progress["first"]) | set(progress["second"]), []
    for unit in sorted(units):
        faster = progress[
            ((progress["first"] == unit) & (progress["ratio_high"] < 1))
            | ((progress["second"] == unit) & (progress["ratio_low"] > 1))
        ]
        sets = [d for d, rows in faster.groupby("dataset", sort=False) if len(rows) == len(units) - 1]
        if sets:
            told.append(f"the {cell_name(unit)} on {set_names(sets)}")
    none = "No unit is faster per update than all others by whole intervals."
    ahead = f"By whole intervals, the fastest unit per update is {'; '.join(told)}." if told else none
    open_ = int(((progress["ratio_low"].fillna(0) <= 1) & (progress["ratio_high"].fillna(2) >= 1)).sum())
    return f"{ahead} Of {count(len(progress), 'comparison')} {open_} stay open."
