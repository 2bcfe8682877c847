"""The paper's claims with their verdicts and counts, and every comparison behind them."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.inference.claims import BOTH_WAYS
from stages.findings.plots.claims import LACKING, kind
from stages.presentation.wording import CONTRADICTED, SUPPORTED, count, set_name, set_names


def words(frames: Frames) -> dict[str, Any]:
    claims, comparisons, told = frames["claims"], frames["comparisons"], []
    for claim in claims.to_dict("records"):
        rows = comparisons[comparisons["claim"] == claim["claim"]]
        text = counts(rows, frames["design"], claim["claim"] == BOTH_WAYS)
        for dataset in frames["design"].query("budget == 'preliminary'")["dataset"]:
            text = text.replace(set_name(dataset), f"{set_name(dataset)}\\*")
        told.append({**claim, "counts": text})
    return {"claims": told, "both_ways": BOTH_WAYS}


def counts(rows: pd.DataFrame, design: pd.DataFrame, both_ways: bool) -> str:
    """`5 of 6 comparisons support it, 1 open.` and where it is contradicted; who is ahead, if that goes both ways."""
    asked = rows[rows["counted"] & rows["dataset"].isin(design["dataset"])]
    if asked.empty:
        return "Not tested: its sets are not in this design."
    held, against = (int((asked["verdict"] == verdict).sum()) for verdict in (SUPPORTED, CONTRADICTED))
    lacking = sum(kind(row) == LACKING for row in asked.itertuples())
    open_ = len(asked) - held - against - lacking
    lost = asked[asked["verdict"] == CONTRADICTED]
    if both_ways:
        where = f" ({set_names(lost['dataset'])})" * bool(against)
        told = [f"The GRU is ahead on {held or 'none'} of {count(len(asked), 'set')}"]
        told += [f"the LSTM on {against or 'none'}{where}"]
    else:
        told = [f"{held} of {count(len(asked), 'comparison')} support{'s' * (held == 1)} it"]
        told += [f"{against} contradict{'s' * (against == 1)} it ({_what(lost)})"] * bool(against)
    told += [f"{open_} open"] * bool(open_) + [f"{lacking} cannot be made"] * bool(lacking)
    return f"{', '.join(told)}."


def _what(rows: pd.DataFrame) -> str:
    """`seconds an update on JSB Chorales`: what is compared, with its units where there is one such comparison."""
    groups = rows.groupby(rows["quantity"].str.split(",").str[0], sort=False)
    names = [of["quantity"].iloc[0] if of["quantity"].nunique() == 1 else head for head, of in groups]
    return "; ".join(f"{name} on {set_names(of['dataset'])}" for name, (_, of) in zip(names, groups, strict=True))
