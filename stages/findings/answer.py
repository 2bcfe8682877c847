"""The study's answer in five sentences, put together from the tables so that they say what the tables say."""

import math

import pandas as pd

from stages.findings.optimisation_conditions import without_noise
from stages.findings.wording import cell_name, number

Tables = dict[str, pd.DataFrame]


def sentences(tables: Tables) -> list[str]:
    """Music, speech, the claims, what single runs are worth, how far to trust it; fewer where one is moot."""
    found = [_music(tables), _speech(tables), _claims(tables), _single_runs(tables), _trust(tables)]
    return [sentence for sentence in found if sentence]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)


def _tested(tables: Tables, output: str) -> pd.DataFrame:
    """Mean test NLL, pooled, of the datasets with one kind of output: rows are datasets, columns cells."""
    summary, design = tables["summary"], tables["design"]
    datasets = design.loc[design["output"] == output, "dataset"]
    rows = summary[(summary["split"] == "test") & (summary["averaging"] == "pooled")]
    wide = rows.pivot(index="dataset", columns="cell", values="nll_mean")
    return wide.reindex([dataset for dataset in datasets if dataset in wide.index]).dropna(how="all")


def _music(tables: Tables) -> str:
    wide = _tested(tables, "bernoulli")
    if wide.empty:
        return ""
    best = wide.idxmin(axis=1)
    winners = {cell: list(best.index[best == cell]) for cell in best.value_counts().index}
    everywhere = "every data set" if len(wide) > 1 else wide.index[0]
    parts = [
        f"the {cell_name(cell)} on {everywhere if len(winners) == 1 else _listed(datasets)}"
        for cell, datasets in winners.items()
    ]
    gaps = tables["gaps"]
    own = gaps[gaps["dataset"].isin(wide.index) & gaps["gap_low"].notna() & (gaps["repeats"] > 1)]
    words = f"On music the lowest mean test NLL is that of {'; '.join(parts)}"
    if own.empty:
        return f"{words}; with one repeat of each unit, nothing is known yet of how other runs would have come out."
    reference = cell_name(own["reference"].iloc[0])
    told, open_ = [], []
    for dataset, rows in own.groupby("dataset", sort=False):
        if not ((rows["gap_low"] > 0) | (rows["gap_high"] < 0)).any():
            open_.append(dataset)
        for side, clear in (("ahead of", rows[rows["gap_low"] > 0]), ("behind", rows[rows["gap_high"] < 0])):
            if len(clear):
                others = [f"the {cell_name(row.cell)} by {number(abs(row.gap_mean))}" for row in clear.itertuples()]
                told.append(f"on {dataset} {side} {_listed(others)}")
    if not told:
        return f"{words}; no interval over repeats and pieces lies wholly on one side of the {reference}."
    sure = f"whole intervals over repeats and pieces put the {reference} {_listed(told)} nats per step"
    rest = f"; on {_listed(open_)} the repeats leave the order open" if open_ else ""
    return f"{words}; where there are repeats, {sure}{rest}."


def _speech(tables: Tables) -> str:
    wide = _tested(tables, "gaussian_mixture")
    if wide.empty:
        return ""
    orders = _orders(wide.stack(future_stack=True))
    words = f"On speech, whose data are stand-ins for corpora that were never public, the order is {orders}"
    if quiet := speech_without_noise(tables):
        words += f"; without the paper's weight noise, by validation NLL and n=1, it is {quiet}"
    return f"{words}."


def speech_without_noise(tables: Tables) -> str:
    """The order of the units on speech where they were trained without weight noise; nothing if none was."""
    nll = without_noise(tables["optimisation"], list(_tested(tables, "gaussian_mixture").index))
    return "" if nll.empty else _orders(nll)


def _orders(nll: pd.Series) -> str:
    """`on speech_short LSTM (−3.00) before GRU (−2.00), while every net of tanh diverged`: by dataset and cell."""
    told = []
    for dataset, row in nll.groupby(level=0, sort=False):
        row = row.droplevel(0)
        order = row.dropna().sort_values()
        lost = [cell_name(cell) for cell in row.index[row.isna()]]
        words = " before ".join(f"{cell_name(cell)} ({number(nll)})" for cell, nll in order.items())
        told.append(f"on {dataset} {words}" + (f", while every net of {_listed(lost)} diverged" if lost else ""))
    return "; ".join(told)


def _claims(tables: Tables) -> str:
    claims = tables["claims"]
    told = []
    for verdict in ("supported", "contradicted", "undecided"):
        numbers = [str(number) for number in claims.loc[claims["verdict"] == verdict, "claim"]]
        verb = "is" if len(numbers) == 1 else "are"
        told.append(f"{len(numbers)} {verb} {verdict}" + (f" ({', '.join(numbers)})" if numbers else ""))
    return f"Of the paper's {len(claims)} claims, {_listed(told)}."


def _single_runs(tables: Tables) -> str:
    """What the spread between runs is, beside the gaps that the paper's single runs show on the same music."""
    distances, gaps = tables["distances"], tables["gaps"]
    tested = distances[(distances["split"] == "test") & (distances["averaging"] == "pooled")]
    spread = tested.set_index(["dataset", "cell"])["run_sd"].dropna()
    beside = [
        (abs(gap.paper_gap), 2 * math.hypot(spread[gap.dataset, gap.cell], spread[gap.dataset, gap.reference]))
        for gap in gaps[(gaps["output"] == "bernoulli") & gaps["paper_gap"].notna()].itertuples()
        if {(gap.dataset, gap.cell), (gap.dataset, gap.reference)} <= set(spread.index)
    ]
    if not beside:
        return ""
    chance = [two_deviations for _, two_deviations in beside]
    within = sum(stated < two_deviations for stated, two_deviations in beside)
    return (
        f"Two runs of one unit differ by a standard deviation of {number(spread.min())} to {number(spread.max())} nats "
        f"on the paper's music sets with repeats, which moves the gap between single runs of two units by "
        f"{number(min(chance))} to {number(max(chance))} (two standard deviations); of the paper's {len(beside)} gaps "
        f"to the {cell_name(gaps['reference'].iloc[0])} there {within} {'is' if within == 1 else 'are'} smaller than "
        "that on the same set."
    )


def _trust(tables: Tables) -> str:
    design = tables["design"]
    small = list(design.loc[design["budget"] == "preliminary", "dataset"])
    single = list(design.loc[design["repeats"] == 1, "dataset"])
    told = []
    if single:
        told.append(f"one repeat only on {_listed(single)}")
    if small:
        told.append(f"less than the paper's budget on {_listed(small)}")
    if not told:
        return "Every dataset has the paper's budget and more than one repeat."
    return f"What to keep in mind: {'; '.join(told)}: those numbers can still move."
