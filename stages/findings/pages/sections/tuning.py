"""How easily each unit is tuned."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.plots.tuning import easiest
from stages.presentation.wording import cell_name, set_name, set_names, share, span_of

SEVERAL = 3  # sets: up to so many are named, more are counted


def words(frames: Frames) -> dict[str, Any]:
    tuning = frames["tuning"]
    upper = tuning[2 * tuning["edge_high"] > tuning["repeats"]]
    return {"sentence": sentence(tuning, frames["design"]), "edge": at_edge(upper)}


def at_edge(rows: pd.DataFrame) -> str:
    """Which units chose rates at the upper edge in most repeats, or an empty string."""
    told = "; ".join(
        f"{cell_name(cell)} on {set_names(of)}" for cell, of in rows.groupby("cell", sort=False)["dataset"]
    )
    return f"Most repeats choose the highest rates that were tried, and higher ones may do better: {told}." * bool(told)


def sentence(tuning: pd.DataFrame, design: pd.DataFrame) -> str:
    """The set with the most repeats in numbers, and on which sets which unit is the easiest to tune."""
    most = design.loc[design["repeats"].idxmax(), "dataset"]
    rows = tuning[tuning["dataset"] == most].dropna(subset=["good_mean"]).sort_values("good_mean", ascending=False)
    good, n = span_of("good", share), rows["repeats"].iloc[0] if len(rows) else 0
    shares = ", ".join(f"{good(row)} of the {cell_name(row.cell)}'s" for row in rows.itertuples())
    within = f"On {set_name(most)} (n={n}) a candidate rate is within 0.1 nats of the unit's best for {shares}."
    first = within * bool(shares)
    best, sets = easiest(tuning), tuning["dataset"].nunique()
    where = {cell: [*best.index[best == cell]] for cell in dict.fromkeys(best)}
    on = {cell: set_names(of) if len(of) <= SEVERAL else f"{len(of)} of {sets} sets" for cell, of in where.items()}
    told = "; ".join(f"the {cell_name(cell)} on {of}" for cell, of in on.items())
    return f"{first} By means the easiest to tune is {told}." if told else first or "Every candidate diverged."
