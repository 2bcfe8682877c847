"""Whether the order of the units holds elsewhere: other editions, unheard pieces, another parameter budget."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.tables.robustness import CONDITIONS, HOLDS, TURNS
from stages.presentation.wording import UNDECIDED, count, set_names


def words(frames: Frames) -> dict[str, Any] | None:
    found, leakage = frames["robustness"], frames["leakage"]
    if found.empty and leakage.empty:
        return None
    told = [sentence(head, rows) for name, head in CONDITIONS.items() if len(rows := found[found["condition"] == name])]
    return {"sentences": told, "heard": heard(leakage)}


def sentence(head: str, rows: pd.DataFrame) -> str:
    """How many pairs of units keep their order under a condition."""
    counts = rows["order"].value_counts()
    holds, turns, open_ = (int(counts.get(order, 0)) for order in (HOLDS, TURNS, UNDECIDED))
    same = int((rows["main_mean"] * rows["difference_mean"] > 0).sum())
    return (
        f"{head.capitalize()} ({set_names(rows['dataset'])}): of {count(len(rows), 'pair')} of units {holds} hold, "
        f"{turns} turn and {open_} are undecided; {same} have means of the same sign."
    )


def heard(leakage: pd.DataFrame) -> str:
    """The rule for a piece that training has heard."""
    if leakage.empty:
        return ""
    rule = leakage.iloc[0]
    return (
        f"A test piece is touched if {rule['window']} consecutive frames of its top voice, without a rest and with at "
        f"least {rule['pitches']} pitches, occur in a training piece in any transposition."
    )
