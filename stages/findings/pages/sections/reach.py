"""Why: how far back gradients reach, which are the paper's reasons for gates."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.plots.reach import vanished
from stages.findings.records.reach import TRAINED, UNTRAINED
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
    further = []
    for cell, rows in known.groupby("cell", sort=False):
        nets = rows.pivot(index="dataset", columns="net", values="log10_ratio_mean").reindex(
            columns=[TRAINED, UNTRAINED]
        )
        if len(trained := nets[TRAINED].dropna()):
            more = (trained > nets.loc[trained.index, UNTRAINED]).sum()
            further.append(f"{more or 'none'} of {len(trained)} in the {cell_name(cell)}")
    exploded = known.loc[known["net"] == TRAINED, "share_exploding_mean"]
    last = f"At most {exploded.max():.0%} explode." if exploded.max() > 0 else "None of these explode."
    return [
        f"In trained nets, by set, {listed(vanished(memory))} have vanished. {last}",
        f"Sets on which training leaves more, by means: {', '.join(further)}.",
    ]
