"""Whether the paper's numbers are met: its best on every set, and how far each of ours is from each of its."""

import math

from stages.findings.declare import standard, table
from stages.findings.study import Study
from stages.findings.tables import column
from stages.presentation.wording import cell_name, interval, number, signed, span_of, unit_of


@table(
    "dataset:word averaging:word cell:word repeats:count test_nll test_low test_high paper_cell:word paper_test_nll "
    "reached:flag train_nll paper_train_nll budget:word",
    standard("set averaging n")
    | {
        "best unit here": unit_of,
        "its test NLL": lambda row: interval(row.test_nll, row.test_low, row.test_high),
        "best of the paper": lambda row: f"{cell_name(row.paper_cell)} {number(row.paper_test_nll)}",
        "reached": lambda row: "yes" if row.reached else "no",
        "training NLL here": lambda row: number(row.train_nll),
        "the paper's": lambda row: number(row.paper_train_nll),
    },
)
def against_paper(study: Study) -> list[list]:
    """Per dataset of the paper and averaging, our best unit by test NLL, and the paper's best.

    `train_nll` is that of the same unit, and `paper_train_nll` that of the paper's best: an NLL in training above the
    paper's means that our nets fit less of the data, not that they generalise worse.
    """
    summary, design, rows = study.frame("summary"), study.frame("design"), []
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
            fits = [train.loc[ours, "nll_mean"], train.loc[paper, "paper_nll"]]
            rows.append([*facts, paper, stated, best["nll_mean"] <= stated, *fits, row.budget])
    return rows


@table(
    "dataset:word cell:word split:word averaging:word repeats:count nll_mean nll_low nll_high run_sd paper_nll "
    "difference distance_sds",
    standard("set unit split averaging n")
    | {
        "ours": span_of("nll"),
        "the paper's": lambda row: number(row.paper_nll),
        "ours − the paper's": lambda row: signed(row.difference),
        "SD of a run": lambda row: number(row.run_sd, 3),
        "in SDs": lambda row: signed(row.distance_sds, 1),
    },
)
def distances(study: Study) -> list[list]:
    """The mean over repeats beside the paper's one run, where the data are the same.

    `run_sd` is the standard deviation over repeats, that of a single run (n − 1 in the denominator); `difference` is
    ours minus the paper's, `distance_sds` the difference over `run_sd`: both empty with fewer than two repeats.
    """
    summary, results, rows = study.frame("summary"), study.frame("results"), []
    same = [name for name, counterpart in study.settings.counterparts.items() if counterpart.data == "same"]
    found = summary[summary["dataset"].isin(same) & summary["paper_nll"].notna() & (summary["repeats"] > 0)]
    for row in found.itertuples():
        of_run = (results["dataset"] == row.dataset) & (results["cell"] == row.cell)
        sd = results.loc[of_run, column(row.split, row.averaging)].std()
        gap = row.nll_mean - row.paper_nll
        rows.append(
            [row.dataset, row.cell, row.split, row.averaging, row.repeats, row.nll_mean, row.nll_low, row.nll_high]
            + [sd, row.paper_nll, gap, gap / sd if sd > 0 else math.nan]
        )
    return rows
