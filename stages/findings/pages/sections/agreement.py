"""Whether the paper's numbers are met, and what else was published on the same music."""

import math
from typing import Any

import pandas as pd
from scipy import stats

from stages.findings.declare import Frames
from stages.presentation.wording import cell_name, count, listed, number, set_name, signed

NEAR = 0.95  # the share of further runs that lie as near to the mean of ours


def words(frames: Frames) -> dict[str, Any] | None:
    found = frames["against_paper"]
    if found.empty:
        return None
    return {
        "near": near(frames["distances"]),
        "reach": {repeats: number(reach(repeats), 1) for repeats in sorted({*frames["distances"]["repeats"]} - {1})},
        "verdicts": [_distance(rows) for _, rows in found.groupby("dataset", sort=False)],
    }


def _distance(rows: pd.DataFrame) -> str:
    """How far a set's best unit is from the paper's best, in testing and in training."""
    of = rows.set_index("averaging")
    test, train = (of[f"{split}_nll"] - of[f"paper_{split}_nll"] for split in ("test", "train"))
    ours, theirs = (listed(map(cell_name, of[side])) for side in ("cell", "paper_cell"))
    units = ours if ours == theirs else f"our {ours} less the paper's {theirs}"
    return f"{set_name(rows['dataset'].iloc[0])}, {units}: {_gaps(test)}; in training {_gaps(train)}."


def _gaps(gaps: pd.Series) -> str:
    return " or ".join(signed(gap) for gap in gaps)


def near(distances: pd.DataFrame) -> str:
    """How many of the paper's test NLLs a single run of ours could have been, under either averaging."""
    known = distances[distances["distance_sds"].notna() & (distances["split"] == "test")]
    if known.empty:
        return "With one repeat it is not known what a single run may differ by."
    known = known.assign(near=known["distance_sds"].abs() <= known["repeats"].map(reach))
    of_net = known.groupby(["dataset", "cell"])["near"].any()
    within, spread = int(of_net.sum()), known.loc[known["averaging"] == "pooled", "run_sd"]
    return (
        f"{within} of the paper's {count(len(of_net), 'test NLL')} could be a further run of ours, in one averaging at "
        f"least; a run's standard deviation is {number(spread.min())} to {number(spread.max())} nats."
    )


def reach(repeats: int) -> float:
    """How many standard deviations of a run a further one may lie from the mean of so many: a prediction interval."""
    return math.sqrt(1 + 1 / repeats) * stats.t.ppf((1 + NEAR) / 2, repeats - 1)
