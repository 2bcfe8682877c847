"""How easily each unit is tuned."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.presentation.wording import cell_name, set_name, set_names, share, span_of


def words(frames: Frames) -> dict[str, Any]:
    tuning = frames["tuning"]
    upper = tuning[2 * tuning["edge_high"] > tuning["repeats"]]
    return {"sentence": sentence(tuning, frames["design"]), "edge": at_edge(upper)}


def at_edge(rows: pd.DataFrame) -> str:
    """Which units chose rates at the upper edge in most repeats, or an empty string."""
    by_unit = rows.groupby("cell", sort=False)["dataset"]
    told = "; ".join(f"{cell_name(cell)} on {set_names(of)}" for cell, of in by_unit)
    return f"Most repeats choose the highest rates that were tried, and higher ones may do better: {told}." * bool(told)


def sentence(tuning: pd.DataFrame, design: pd.DataFrame) -> str:
    """The set with the most repeats in numbers."""
    most = design.loc[design["repeats"].idxmax(), "dataset"]
    rows = tuning[tuning["dataset"] == most].dropna(subset=["good_mean"]).sort_values("good_mean", ascending=False)
    if rows.empty:
        return "Every candidate diverged."
    good, n = span_of("good", share), rows["repeats"].iloc[0]
    shares = ", ".join(f"{good(row)} of the {cell_name(row.cell)}'s" for row in rows.itertuples())
    return f"On {set_name(most)} (n={n}) a candidate rate is within 0.1 nats of the unit's best for {shares}."
