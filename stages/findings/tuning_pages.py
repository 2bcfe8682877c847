"""The report's words on learning rates: which unit is easier to tune, and where validation chooses."""

from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, interval, share_interval, table
from stages.findings.wording import cell_name, number


def content(tuning: pd.DataFrame, best_of: pd.DataFrame) -> dict[str, Any]:
    """What the template shows."""
    return {
        "table": table(*_tuning(tuning)),
        "best_of": table(*_best_of(best_of)),
        "margin": f"{tuning['margin'].iloc[0]:g}",
        "edge": f"{tuning['edge'].iloc[0]:.0%}",
        "easiest": [_easiest(dataset, rows) for dataset, rows in tuning.groupby("dataset", sort=False)],
        "edges": _edges(tuning),
    }


def _easiest(dataset: str, rows: pd.DataFrame) -> str:
    """The units of a dataset by their shares of good candidates, and whether intervals tell the first from the rest."""
    found = rows.dropna(subset=["good_mean"]).sort_values("good_mean", ascending=False, kind="stable")
    if found.empty:
        return f"{dataset}: every candidate diverged."
    first, *others = found.itertuples()
    shares = [
        f"{cell_name(row.cell)} {share_interval(row.good_mean, row.good_low, row.good_high)}"
        for row in (first, *others)
    ]
    words = f"{dataset} (n={first.repeats}): {', '.join(shares)}"
    if not others:
        return f"{words}."
    if others[0].good_mean == first.good_mean:
        return f"{words}; no unit has the most."
    if pd.isna(first.good_low) or pd.isna(others[0].good_high):
        return f"{words}; one repeat does not tell them apart."
    apart = first.good_low > max(row.good_high for row in others)
    return f"{words}; {cell_name(first.cell)} has the most" + ("." if apart else ", by intervals that overlap.")


def _edges(tuning: pd.DataFrame) -> str:
    """On which datasets, and for how many repeats of which units, a chosen rate lies at either edge."""
    sentences = []
    for side, column in (("upper", "edge_high"), ("lower", "edge_low")):
        places = [
            f"{dataset} ({', '.join(f'{cell_name(row.cell)} {getattr(row, column)} of {row.repeats}' for row in rows)})"
            for dataset, rows in _by_dataset(tuning[tuning[column] > 0])
        ]
        where = f"on {', '.join(places)}" if places else "nowhere"
        sentences.append(f"Validation chooses a rate at the {side} edge {where}.")
    return " ".join(sentences)


def _by_dataset(tuning: pd.DataFrame) -> list[tuple[str, list[Any]]]:
    return [(dataset, list(rows.itertuples())) for dataset, rows in tuning.groupby("dataset", sort=False)]


def _tuning(tuning: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            cell_name(row.cell),
            str(row.repeats),
            f"{row.candidates}" + (f" ({row.diverged} diverged)" if row.diverged else ""),
            number(row.best_valid_nll),
            share_interval(row.good_mean, row.good_low, row.good_high),
            " to ".join(_rate(rate) for rate in (row.good_rate_low, row.good_rate_high) if not pd.isna(rate)),
            _rate(row.chosen_rate_median),
            f"{row.edge_low} / {row.edge_high}",
        ]
        for row in tuning.itertuples()
    ]
    header = ["dataset", "unit", "n", "candidates", "best validation NLL", "good candidates", "good rates"]
    return [*header, "chosen, median", "at lower / upper edge"], rows


def _rate(rate: float) -> str:
    """Two digits, as 4.6e-4; nothing for NaN."""
    if pd.isna(rate):
        return ""
    digits, exponent = f"{rate:.1e}".split("e")
    return f"{digits}e{int(exponent)}".replace("-", "−")


def _best_of(best_of: pd.DataFrame) -> tuple[list[str], Rows]:
    numbers = sorted(best_of["drawn"].unique())
    rows = []
    for (dataset, cell), found in best_of.groupby(["dataset", "cell"], sort=False):
        of = found.set_index("drawn")
        values = [interval(*of.loc[n, ["nll_mean", "nll_low", "nll_high"]]) if n in of.index else "" for n in numbers]
        rows.append([dataset, cell_name(cell), str(of["repeats"].iloc[0]), *values])
    return ["dataset", "unit", "n", *(f"best of {drawn}" for drawn in numbers)], rows
