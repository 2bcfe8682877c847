"""The paper's claims with their verdicts and counts, and every comparison behind them."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.plots.claims import LACKING, kind
from stages.presentation.wording import CONTRADICTED, SUPPORTED, count, set_names


def words(frames: Frames) -> dict[str, Any]:
    claims, comparisons = frames["claims"], frames["comparisons"]
    told = [
        {**claim, "counts": counts(comparisons[comparisons["claim"] == claim["claim"]], frames["design"])}
        for claim in claims.to_dict("records")
    ]
    return {"claims": told}


def counts(rows: pd.DataFrame, design: pd.DataFrame) -> str:
    """`5 of 6 comparisons support it, 1 open.` and where it is contradicted."""
    asked = rows[rows["counted"] & rows["dataset"].isin(design["dataset"])]
    if asked.empty:
        return "Not tested: its sets are not in this design."
    held, against = (int((asked["verdict"] == verdict).sum()) for verdict in (SUPPORTED, CONTRADICTED))
    lacking = sum(kind(row) == LACKING for row in asked.itertuples())
    open_ = len(asked) - held - against - lacking
    where = set_names(asked.loc[asked["verdict"] == CONTRADICTED, "dataset"])
    told = [f"{held} of {count(len(asked), 'comparison')} support{'s' * (held == 1)} it"]
    told += [f"{against} contradict{'s' * (against == 1)} it ({where})"] * bool(against)
    told += [f"{open_} open"] * bool(open_) + [f"{lacking} cannot be made"] * bool(lacking)
    return f"{', '.join(told)}."
