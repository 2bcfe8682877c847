"""How much the learning rate matters to each cell: over all candidates of all repeats, by validation NLL alone."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from stages.findings.declare import standard, table
from stages.findings.inference.resampling import SHARE, mean_over_repeats
from stages.findings.study import Study
from stages.presentation.wording import number, share, span_of


@table("dataset:word cell:word repeat:count candidate:count learning_rate status:word valid_nll chosen:flag")
def learning_rates(study: Study) -> pd.DataFrame:
    """Every candidate's learning rate and best validation NLL (empty where it diverged)."""
    frames = [run.trials.assign(dataset=dataset, cell=cell) for (dataset, cell), run in study.runs.items()]
    return pd.concat(frames, ignore_index=True)


def _rate(rate: float) -> str:
    """Two digits, as 4.6e-4; nothing for NaN."""
    if pd.isna(rate):
        return ""
    digits, exponent = f"{rate:.1e}".split("e")
    return f"{digits}e{int(exponent)}".replace("-", "−")


@table(
    "dataset:word cell:word repeats:count candidates:count diverged:count best_valid_nll margin good_mean good_low "
    "good_high good_rate_low good_rate_high chosen_rate_median edge edge_low:count edge_high:count",
    standard("set unit n")
    | {
        "candidates": lambda row: f"{row.candidates}" + (f" ({row.diverged} diverged)" if row.diverged else ""),
        "best validation NLL": lambda row: number(row.best_valid_nll),
        "good candidates": span_of("good", share),
        "good rates": lambda row: " to ".join(filter(None, map(_rate, (row.good_rate_low, row.good_rate_high)))),
        "chosen, median": lambda row: _rate(row.chosen_rate_median),
        "at lower / upper edge": lambda row: f"{row.edge_low} / {row.edge_high}",
    },
)
def tuning(study: Study) -> list[list]:
    """How many candidates are good, where they lie, and whether the range of rates was wide enough.

    A candidate is good if its best validation NLL is within `margin` nats of the lowest that any candidate of the cell
    has on the dataset; `good_mean` is the mean over repeats of the share that is, diverged candidates counted, and
    `good_rate_low` and `_high` are the lowest and highest learning rates of good ones. `edge_low` counts the repeats
    whose chosen rate lies in the outer share `edge` of the range that rates are drawn from, on the logarithmic scale,
    or is the lowest of several candidates; `edge_high` likewise at the upper end.
    """
    rows, margin, edge = [], study.settings.tuning_margin, study.settings.tuning_edge
    for (dataset, cell), run in study.runs.items():
        trials, best = run.trials, run.trials["valid_nll"].min()
        good = trials["valid_nll"] <= best + margin
        shares = good.groupby(trials["repeat"]).mean()[[] if math.isnan(best) else run.repeats]
        found = mean_over_repeats(shares, study.resampling, "tuning", dataset, cell, bounds=SHARE)
        rates = trials.loc[good, "learning_rate"]
        rows.append(
            [dataset, cell, len(run.repeats), len(trials), (trials["status"] == "diverged").sum(), best, margin]
            + [*found, rates.min(), rates.max()]
            + [trials.loc[trials["chosen"], "learning_rate"].median(), edge, *_edges(trials, study.protocol, edge)]
        )
    return rows


def _edges(trials: pd.DataFrame, train: Mapping[str, Any], share: float) -> list[int]:
    """How many repeats chose a rate at the lower and at the upper edge."""
    low, high = train["learning_rate_log_low"], train["learning_rate_log_high"]
    of_repeat = trials.groupby("repeat")["learning_rate"]
    several = of_repeat.transform("nunique") > 1
    place = (np.log(trials["learning_rate"]) - low) / (high - low or np.nan)  # 0 to 1 in the range of the draw
    at_low = (place < share) | (several & (trials["learning_rate"] == of_repeat.transform("min")))
    at_high = (place > 1 - share) | (several & (trials["learning_rate"] == of_repeat.transform("max")))
    return [int((at_edge & trials["chosen"]).sum()) for at_edge in (at_low, at_high)]
