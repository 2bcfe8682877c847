"""Speed of learning."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.wording import cell_name, count, set_names

PAGE = """## Speed of learning

{{ sentence }} Levels and seconds: [appendix](appendix.md#speed-of-learning-every-pair-and-level).

{{ figure("curves") }}"""

APPENDIX = """## Speed of learning, every pair and level

The ratio of one unit's updates, or seconds, to another's, to the validation NLL that every chosen net of both \
reaches: below one the first is faster.

{{ table("progress") }}

{{ fold("Time to levels of validation NLL", table("milestones")) }}

"All" is the level that every chosen net of all units reaches; those before it are shares of the way down to it from \
the set's simplest baseline. Means are over the repeats that reach a level."""


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
    ahead = (
        f"By whole intervals, the fastest unit per update is {'; '.join(told)}."
        if told
        else ("No unit is faster per update than all others by whole intervals.")
    )
    open_ = int(((progress["ratio_low"].fillna(0) <= 1) & (progress["ratio_high"].fillna(2) >= 1)).sum())
    return f"{ahead} Of {count(len(progress), 'comparison')} {open_} stay open."
