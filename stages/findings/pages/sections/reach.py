"""Why: how far back gradients reach, which are the paper's reasons for gates."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.presentation.wording import cell_name, listed


def words(frames: Frames) -> dict[str, Any] | None:
    memory = frames["memory"]
    if memory.empty:
        return None
    first = memory.iloc[0]
    return {
        "lag": str(first["reference_lag"]),
        "vanish": f"{first['vanish_ratio']:g}",
        "sentences": sentences(memory),
    }


def sentences(memory: pd.DataFrame) -> list[str]:
    """The shares that vanish in trained nets, by unit, and whether training makes gradients reach further."""
    known = memory.dropna(subset=["log10_ratio_mean"])
    if known.empty:
        return ["No set's pieces reach so far back."]
    told, better = [], []
    for cell, rows in known.groupby("cell", sort=False):
        trained, before = (rows[rows["net"] == net].set_index("dataset") for net in ("trained", "untrained"))
        if trained.empty:
            continue
        told.append(f"{_span(trained['share_vanishing_mean'])} in the {cell_name(cell)}")
        both = trained.join(before["log10_ratio_mean"].rename("before"))
        slower = int((both["log10_ratio_mean"] > both["before"]).sum())
        better.append(f"{slower} of {len(both)} with {cell_name(cell)}")
    exploded = known.loc[known["net"] == "trained", "share_exploding_mean"]
    last = f"At most {exploded.max():.0%} explode." if exploded.max() > 0 else "None explode."
    return [
        f"In trained nets, by set, {listed(told)} have vanished. {last}",
        f"After training, gradients reach further back than before: on {listed(better)} sets.",
    ]


def _span(shares: pd.Series) -> str:
    """`12% to 40%`, or `12%` where all are equal as written."""
    low, high = f"{shares.min():.0%}", f"{shares.max():.0%}"
    return low if low == high else f"{low} to {high}"
