"""Whether the study's best unit reaches the paper's best, set by set; and what its nets and the paper's differ in."""

import pandas as pd

COLUMNS = (
    "dataset,averaging,cell,repeats,test_nll,test_low,test_high,paper_cell,paper_test_nll,reached,"
    "train_nll,paper_train_nll,budget"
).split(",")


def against_paper_table(summary: pd.DataFrame, design: pd.DataFrame) -> pd.DataFrame:
    """against_paper.csv: per dataset of the paper and averaging, our best unit by test NLL, and the paper's best.

    `train_nll` is that of the same unit, and `paper_train_nll` that of the paper's best: an NLL in training above the
    paper's means that our nets fit less of the data, not that they generalise worse.
    """
    rows = []
    for row in design[design["data"] == "same"].itertuples():
        of_set = summary[summary["dataset"] == row.dataset]
        for averaging, found in of_set.groupby("averaging", sort=False):
            test = found[found["split"] == "test"].dropna(subset=["nll_mean", "paper_nll"]).set_index("cell")
            if test.empty:
                continue
            train = found[found["split"] == "train"].set_index("cell")
            ours, paper = test["nll_mean"].idxmin(), test["paper_nll"].idxmin()
            best, stated = test.loc[ours], test.loc[paper, "paper_nll"]
            facts = [row.dataset, averaging, ours, best["repeats"], best["nll_mean"], best["nll_low"], best["nll_high"]]
            reached = best["nll_mean"] <= stated
            fits = [train.loc[ours, "nll_mean"], train.loc[paper, "paper_nll"]]
            rows.append([*facts, paper, stated, reached, *fits, row.budget])
    return pd.DataFrame(rows, columns=COLUMNS)
