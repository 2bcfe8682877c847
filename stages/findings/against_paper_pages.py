"""The report's section on the paper's best results: which are reached here, and the evidence why others are not."""

from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, interval, table, text
from stages.findings.wording import EXACT, cell_name, number, signed

AVERAGINGS = {"pooled": "pooled", "per_sequence": "per sequence"}


def content(tables: dict[str, pd.DataFrame]) -> dict[str, Any] | None:
    """What the template shows, formatted; None where no dataset is the paper's own."""
    found, nets = tables["against_paper"], tables["optimisation"]
    if found.empty:
        return None
    return {
        "table": table(*_best(found)),
        "verdicts": [_verdict(rows) for _, rows in found.groupby("dataset", sort=False)],
        "others": [words for dataset in dict.fromkeys(found["dataset"]) if (words := _others(dataset, tables))],
        "optimisation": None if nets.empty else {"table": table(*_nets(nets)), "words": _optimisation(nets)},
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
    fits = "fits less of the data" if train["pooled"] > 0 else "is not for want of fit"
    preliminary = ", on less than the paper's budget" if of["budget"].iloc[0] == "preliminary" else ""
    return (
        f"{words}; the test NLL of our best unit minus that of the paper's is {_of_averagings(test)}, in training "
        f"{_of_averagings(train)}, so it {fits}{preliminary}."
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


def _nets(nets: pd.DataFrame) -> tuple[list[str], Rows]:
    best = nets[nets["best"]]
    rows = [
        [
            number(row.weight_noise, 3),
            "constant" if row.final_rate == 1 else f"to {row.final_rate:.0%}",
            f"{row.learning_rate:g}",
            str(row.best_epoch),
            number(row.train_nll, 3),
            number(row.valid_nll, 3),
        ]
        for row in best.itertuples()
    ]
    return ["weight noise", "learning rate", "best first rate", "best epoch", "training NLL", "validation NLL"], rows


def _optimisation(nets: pd.DataFrame) -> str:
    """What the decay and the noise change, in the best net's validation NLL."""
    best = nets[nets["best"]].set_index(["weight_noise", "final_rate"])
    noises, finals = (sorted(set(nets[column]), reverse=True) for column in ("weight_noise", "final_rate"))
    start = best.loc[(noises[0], finals[0])]
    rates = nets["learning_rate"].nunique()
    words = (
        f"{cell_name(start['cell'])} on {start['dataset']}, one net at each of {rates} rates, {start['max_epochs']} "
        f"epochs without early stopping (n=1: no interval). With noise {noises[0]:g} and a constant rate the best "
        f"validation NLL is {number(start['valid_nll'], 3)}"
    )
    names = {
        (noises[0], finals[-1]): "the decay changes it by",
        (noises[-1], finals[0]): "leaving out the noise by",
        (noises[-1], finals[-1]): "both by",
    }
    gaps = [
        f"{name} {signed(best.loc[key, 'valid_nll'] - start['valid_nll'], 3)}"
        for key, name in names.items()
        if key in best.index and key != (noises[0], finals[0])
    ]
    return f"{words}; {', '.join(gaps)}."
