"""How far our results lie from the paper's, in nats and in standard deviations of a single run."""

import math

import pandas as pd

from stages.findings.design import Comparison

COLUMNS = (
    "dataset,cell,split,averaging,repeats,nll_mean,nll_low,nll_high,run_sd,paper_nll,difference,distance_sds"
).split(",")


def distances_table(summary: pd.DataFrame, results: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """distances.csv: the mean over repeats beside the paper's one run, where the data are the same.

    `run_sd` is the standard deviation over repeats, that of a single run (n − 1 in the denominator); `difference` is
    ours minus the paper's, `distance_sds` the difference over `run_sd`: both empty with fewer than two repeats.

    Args:
        summary, results: the tables of these names.
    """
    same = [name for name, counterpart in comparison.counterparts.items() if counterpart.data == "same"]
    found = summary[summary["dataset"].isin(same) & summary["paper_nll"].notna() & (summary["repeats"] > 0)]
    rows = []
    for row in found.itertuples():
        column = f"{row.split}_nll" + ("" if row.averaging == "pooled" else "_per_sequence")
        sd = results.loc[(results["dataset"] == row.dataset) & (results["cell"] == row.cell), column].std()
        difference = row.nll_mean - row.paper_nll
        distance = difference / sd if sd > 0 else math.nan
        rows.append(
            [row.dataset, row.cell, row.split, row.averaging, row.repeats, row.nll_mean, row.nll_low, row.nll_high]
            + [sd, row.paper_nll, difference, distance]
        )
    return pd.DataFrame(rows, columns=COLUMNS)
