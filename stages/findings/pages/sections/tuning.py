"""How easily each unit is tuned, and how candidates and batch sizes were searched."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.plots.tuning import easiest
from stages.findings.records.design import SETTINGS
from stages.findings.wording import cell_name, set_name, set_names, share_interval
from stages.plumbing.parameters import read

PAGE = """## Tuning

{{ sentence }}

{{ figure("tuning") }}

Every candidate is in the [appendix](appendix.md#learning-rates)."""

APPENDIX = """## Learning rates

{{ figure("learning_rates") }}

{{ fold("Candidates, unit by unit", table("tuning")) }}

{{ fold("What the best of fewer candidates would have reached", table("best_of")) }}
{% if halving %}

## Successive halving of the candidates

{{ table("halving") }}

Every candidate ran to its end; beside it was recorded what halving would have done. A loss is the NLL of halving's \
choice minus that of the plain search's, mean over n repeats. The rule: halving is used on the larger sets if it \
loses less than {{ limit }} nats of test NLL on average. {{ halving }}
{% endif %}
{% if frames["batch_sizes"] | length %}

## Batch size

The authors' code updates after every sequence; the paper does not say. One repeat (n=1: no interval) was trained \
at each size, and the largest taken that is behind the best by at most {{ margin }} nats of validation NLL.

{{ table("batch_sizes") }}
{% endif %}"""


def words(frames: Frames) -> dict[str, Any]:
    sizes, limit = frames["batch_sizes"], read("compare.halving_loss", SETTINGS)
    return {
        "sentence": sentence(frames["tuning"], frames["design"]),
        "halving": halving(frames["halving"], limit),
        "limit": f"{limit:g}",
        "margin": f"{sizes['margin'].iloc[0]:g}" if len(sizes) else "",
    }


def sentence(tuning: pd.DataFrame, design: pd.DataFrame) -> str:
    """The set with the most repeats in numbers, and on which sets which unit is the easiest to tune."""
    most = design.loc[design["repeats"].idxmax(), "dataset"]
    rows = tuning[tuning["dataset"] == most].dropna(subset=["good_mean"]).sort_values("good_mean", ascending=False)
    shares = ", ".join(
        f"{share_interval(row.good_mean, row.good_low, row.good_high)} of the {cell_name(row.cell)}'s"
        for row in rows.itertuples()
    )
    n = rows["repeats"].iloc[0] if len(rows) else 0
    first = (
        f"On {set_name(most)} (n={n}) a candidate rate is within 0.1 nats of the unit's best for {shares}."
        if shares
        else ""
    )
    best = easiest(tuning)
    told = "; ".join(f"the {cell_name(cell)} on {set_names(best.index[best == cell])}" for cell in dict.fromkeys(best))
    return f"{first} By means the easiest to tune is {told}." if told else first or "Every candidate diverged."


def halving(found: pd.DataFrame, limit: float) -> str:
    """Whether halving loses less than the limit; the rule is about the mean, and its interval is told."""
    told = []
    for row in found[found["cell"] == "all"].itertuples():
        if pd.isna(row.test_loss_mean):
            told.append(f"On {set_name(row.dataset)} every repeat diverged: not decided.")
            continue
        inside = row.test_loss_low <= limit <= row.test_loss_high
        told.append(
            f"On {set_name(row.dataset)} (n={row.repeats}) it is {'met' if row.test_loss_mean < limit else 'not met'}"
            + (", though the interval holds the limit." if inside else ".")
        )
    return " ".join(told)
