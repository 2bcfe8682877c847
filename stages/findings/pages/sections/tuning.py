"""How easily each unit is tuned."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.plots.tuning import easiest
from stages.presentation.wording import cell_name, interval, set_name, set_names, share

SEVERAL = 3  # sets: up to so many are named, more are counted


def words(frames: Frames) -> dict[str, Any]:
    return {"sentence": sentence(frames["tuning"], frames["design"])}


def sentence(tuning: pd.DataFrame, design: pd.DataFrame) -> str:
    """The set with the most repeats in numbers, and on which sets which unit is the easiest to tune."""
    most = design.loc[design["repeats"].idxmax(), "dataset"]
    rows = tuning[tuning["dataset"] == most].dropna(subset=["good_mean"]).sort_values("good_mean", ascending=False)
    shares = ", ".join(
        f"{interval(row.good_mean, row.good_low, row.good_high, share)} of the {cell_name(row.cell)}'s"
        for row in rows.itertuples()
    )
    n = rows["repeats"].iloc[0] if len(rows) else 0
    first = (
        f"On {set_name(most)} (n={n}) a candidate rate is within 0.1 nats of the unit's best for {shares}."
        if shares
        else ""
    )
    best = easiest(tuning)
    where = {cell: best.index[best == cell] for cell in dict.fromkeys(best)}
    told = "; ".join(
        f"the {cell_name(cell)} on {set_names(sets) if len(sets) <= SEVERAL else f'{len(sets)} of {len(best)} sets'}"
        for cell, sets in where.items()
    )
    return f"{first} By means the easiest to tune is {told}." if told else first or "Every candidate diverged."
