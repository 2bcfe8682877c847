"""Differences between units with three intervals each, and what single runs would have said of them."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.presentation.wording import UNDECIDED, count


def words(frames: Frames) -> dict[str, Any] | None:
    found = frames["differences"]
    if found.empty:
        return None
    return {"single_runs": single_runs(frames["single_runs"])}


def single_runs(found: pd.DataFrame) -> str:
    """How often single-run studies come to what the interval says, and are sure of what it leaves open."""
    if found.empty:
        return ""
    decided = found[found["verdict"] != UNDECIDED]
    missed = decided[decided["agreement"] < decided["share_asked"]]
    open_ = found[(found["verdict"] == UNDECIDED) & (found["repeats"] > 1)]
    sure = open_[open_["sure_first"] + open_["sure_second"] > 0.5]
    asked = f"{found['share_asked'].iloc[0]:.0%}"
    return (
        f"Of {count(len(found), 'pair')} of units the interval decides {len(decided)}; for {len(missed)} of these "
        f"fewer than {asked} of single-run studies would have had the better unit first. Of the {len(open_)} that "
        f"several repeats leave open, most single-run studies would even have been sure of {len(sure)}: an interval "
        "over test pieces says nothing of how another run would have come out."
    )
