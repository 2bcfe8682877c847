"""Whether the paper's numbers are met, and what else was published on the same music."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.presentation.wording import cell_name, count, listed, number, set_name, set_names, signed

NEAR = 2  # standard deviations of a run: what a single run differs by, rarely more


def words(frames: Frames) -> dict[str, Any] | None:
    found = frames["against_paper"]
    if found.empty:
        return None
    return {
        "reached": reached(found),
        "near": near(frames["distances"]),
        "verdicts": [_distance(rows) for _, rows in found.groupby("dataset", sort=False)],
    }


def reached(found: pd.DataFrame) -> str:
    by_set = found.groupby("dataset", sort=False)["reached"]
    met, partly = by_set.all(), by_set.any()
    told = [f"is at the paper's best or below on {set_names(met.index[met])}"] * bool(met.any())
    told += [f"under one averaging on {set_names(met.index[partly & ~met])}"] * bool((partly & ~met).any())
    told += [f"above it on {set_names(met.index[~partly])}"] * bool((~partly).any())
    return f"The test NLL of our best unit {listed(told)}."


def _distance(rows: pd.DataFrame) -> str:
    """How far a set's best unit is from the paper's best, in testing and in training."""
    of = rows.set_index("averaging")
    test, train = (of[f"{split}_nll"] - of[f"paper_{split}_nll"] for split in ("test", "train"))
    units = listed(map(cell_name, [*of["cell"], *of["paper_cell"]]))
    return f"{set_name(rows['dataset'].iloc[0])}, {units}: {_gaps(test)}; in training {_gaps(train)}."


def _gaps(gaps: pd.Series) -> str:
    return " or ".join(signed(gap) for gap in gaps)


def near(distances: pd.DataFrame) -> str:
    """How many of the paper's test NLLs a single run of ours could have been, under either averaging."""
    known = distances[distances["distance_sds"].notna() & (distances["split"] == "test")]
    if known.empty:
        return "With one repeat it is not known what a single run may differ by."
    closest = known.groupby(["dataset", "cell"])["distance_sds"].agg(lambda sds: sds.abs().min())
    within = int((closest <= NEAR).sum())
    spread = known.loc[known["averaging"] == "pooled", "run_sd"]
    verb = "lies" if within == 1 else "lie"
    return (
        f"Of its {count(len(closest), 'test NLL')}, {within} {verb} within {NEAR} standard deviations of a run of "
        f"ours; that deviation is {number(spread.min())} to {number(spread.max())} nats, by set and unit."
    )
