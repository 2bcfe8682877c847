"""The report's section on the paper's best results: which are reached here, and the evidence why others are not."""

from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, interval, table, text
from stages.findings.wording import EXACT, cell_name, number, signed

AVERAGINGS = {"pooled": "pooled", "per_sequence": "per sequence"}


def content(tables: dict[str, pd.DataFrame]) -> dict[str, Any] | None:
    """What the template shows, formatted; None where no dataset is the paper's own."""
    found = tables["against_paper"]
    if found.empty:
        return None
    return {
        "table": table(*_best(found)),
        "verdicts": [_verdict(rows) for _, rows in found.groupby("dataset", sort=False)],
        "others": [words for dataset in dict.fromkeys(found["dataset"]) if (words := _others(dataset, tables))],
    }


def _best(found: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            AVERAGINGS[row.averaging],
            str(row.repeats),
            cell_name(row.cell),
            interval(row.test_nll, row.test_low, row.test_high),
            f"{cell_name(row.paper_cell)} {number(row.paper_test_nll)}",
            "yes" if row.reached else "no",
            number(row.train_nll),
            number(row.paper_train_nll),
        ]
        for row in found.itertuples()
    ]
    header = ["dataset", "averaging", "n", "best unit here", "its test NLL", "best of the paper", "reached"]
    return [*header, "training NLL here", "the paper's"], rows


def _verdict(rows: pd.DataFrame) -> str:
    """Whether the paper's best is reached, under which averaging, and how much of the training data is fitted."""
    of = rows.set_index("averaging")
    dataset = rows["dataset"].iloc[0]
    reached = [AVERAGINGS[averaging] for averaging in of.index[of["reached"]]]
    if len(reached) == len(of):
        return f"{dataset}: reached, under both averagings."
    words = f"{dataset}: reached {reached[0]} only" if reached else f"{dataset}: not reached"
    test, train = (of[f"{split}_nll"] - of[f"paper_{split}_nll"] for split in ("test", "train"))
    fits = "it fits less of the data" if train["pooled"] > test["pooled"] / 2 else "most of it is not for want of fit"
    preliminary = ", on less than the paper's budget" if of["budget"].iloc[0] == "preliminary" else ""
    return (
        f"{words}; the test NLL of our best unit minus that of the paper's is {_of_averagings(test)}, in training "
        f"{_of_averagings(train)}, so {fits}{preliminary}."
    )


def _of_averagings(gaps: pd.Series) -> str:
    return " and ".join(f"{signed(gap)} ({AVERAGINGS[averaging]})" for averaging, gap in gaps.items())


def _others(dataset: str, tables: dict[str, pd.DataFrame]) -> str:
    """How many other published results of the same kind reach the paper's best, and ours; nothing where none are."""
    standings, paper = tables["standings"], tables["against_paper"].set_index("dataset").loc[[dataset]]
    best = paper["paper_test_nll"].iloc[0]
    rows = standings[(standings["dataset"] == dataset) & (standings["family"] == EXACT)]
    rows = rows[~rows["model"].str.startswith("Chung2014") & (rows["origin"] == "published")].dropna(
        subset=["nll_mean"]
    )
    if rows.empty:
        return ""
    least = rows.loc[rows["nll_mean"].idxmin()]
    lower = (rows["nll_mean"] <= best).sum()
    ours = paper.set_index("averaging")["test_nll"]
    below_ours = " and ".join(
        f"{(rows['nll_mean'] <= nll).sum()} at or below our {number(nll)} ({AVERAGINGS[averaging]})"
        for averaging, nll in ours.items()
    )
    return (
        f"{dataset}: {lower} of {len(rows)} other published results with the same kind of output "
        f"{'is' if lower == 1 else 'are'} at or below the paper's {number(best)}, {below_ours}; the lowest is "
        f"{least['model']} with {number(least['nll_mean'])} ({text(least['parameters'])} parameters)."
    )
