"""Differences between units with three intervals each, and what single runs would have said of them."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.wording import UNDECIDED, cell_name, count, listed, number, set_name, signed


def words(frames: Frames) -> dict[str, Any] | None:
    found = frames["differences"]
    if found.empty:
        return None
    return {
        "precision": precision(found),
        "correlation": correlation(found[found["averaging"] == "pooled"]),
        "single_runs": single_runs(frames["single_runs"]),
    }


def precision(differences: pd.DataFrame) -> str:
    """Where the interval over repeats is as narrow as is asked; nothing where nothing is asked."""
    asked = differences[differences["half_width_target"].notna()]
    if asked.empty:
        return ""
    pair, target = asked.iloc[0], asked["half_width_target"].iloc[0]
    narrow, known = asked["half_width"] < target, asked["half_width"].notna()
    parts = [
        f"{said} {listed(f'{set_name(row.dataset)} (±{number(row.half_width, 3)})' for row in rows.itertuples())}"
        for said, rows in {"met on": asked[known & narrow], "not met on": asked[known & ~narrow]}.items()
        if len(rows)
    ]
    if (~known).any():
        parts.append(f"not known with one repeat on {listed(map(set_name, asked.loc[~known, 'dataset']))}")
    return (
        f"A music set is given further repeats until {cell_name(pair['first'])} − {cell_name(pair['second'])} over "
        f"repeats alone is known to ±{target:g} nats: {'; '.join(parts)}."
    )


def correlation(pooled: pd.DataFrame) -> str:
    """How the two units' test NLLs go together over repeats; nothing where no pair has enough of them."""
    known = pooled.dropna(subset=["correlation"])
    if known.empty:
        return ""
    low, high = known["correlation"].min(), known["correlation"].max()
    span = signed(low) if low == high else f"{signed(low)} to {signed(high)}"
    return f"In {count(len(known), 'pair')} with at least three repeats the two are correlated by {span}."


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
