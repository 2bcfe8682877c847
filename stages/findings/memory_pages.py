"""The report's section on how far gradients and memory reach: two tables, and the claims about them in plain words."""

from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, interval, table
from stages.findings.wording import cell_name, measured, number


def content(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """What the template shows, formatted."""
    memory, gates = tables["memory"], tables["gates"]
    first = memory.iloc[0]
    return {
        "lag": str(first["reference_lag"]),
        "vanish": f"{first['vanish_ratio']:g}",
        "explode": f"{first['explode_ratio']:g}",
        "vanishing": vanishing(memory),
        "shortcuts": shortcuts(memory),
        "table": table(*_memory(memory)),
        "gates": table(*_gates(gates)) if len(gates) else "",
    }


def vanishing(memory: pd.DataFrame) -> list[str]:
    """Claim 9 in plain words that hold whatever the table says; nothing without tanh nets that reach so far back."""
    trained, untrained = _by_dataset(memory, "tanh")
    if trained.empty:
        return []
    both = trained.join(untrained.add_suffix("_before"))
    shorter = int((both["log10_ratio_mean"] < both["log10_ratio_mean_before"]).sum())
    lag = memory["reference_lag"].iloc[0]
    return [
        f"Of the losses that trained tanh nets send back, {_span(both['share_vanishing_mean'])} have vanished at lag "
        f"{lag} and {_span(both['share_exploding_mean'])} have exploded, by dataset.",
        f"In the same nets before training {_span(both['share_vanishing_mean_before'])} have vanished: training makes "
        f"the tanh units' gradients fall faster on {shorter} of {len(both)} datasets.",
    ]


def shortcuts(memory: pd.DataFrame) -> list[str]:
    """Claim 10 in plain words that hold whatever the table says: each other unit beside tanh, and by itself."""
    tanh, _ = _by_dataset(memory, "tanh")
    lag = memory["reference_lag"].iloc[0]
    beside, alone = [], []
    for cell in dict.fromkeys(memory["cell"]):
        trained, untrained = _by_dataset(memory, cell)
        if cell == "tanh" or trained.empty:
            continue
        pairs = trained.join(tanh.add_suffix("_tanh"), how="inner")
        if len(pairs):
            larger = int((pairs["log10_ratio_mean"] > pairs["log10_ratio_mean_tanh"]).sum())
            beside.append(f"the {cell_name(cell)} on {larger} of {len(pairs)} datasets")
        both = trained.join(untrained.add_suffix("_before"))
        slower = int((both["log10_ratio_mean"] > both["log10_ratio_mean_before"]).sum())
        alone.append(
            f"Of the trained {cell_name(cell)}'s losses {_span(both['share_vanishing_mean'])} have vanished there, by "
            f"dataset ({_span(both['share_vanishing_mean_before'])} before training); training makes its gradients "
            f"fall more slowly on {slower} of {len(both)} datasets."
        )
    if beside:
        alone.insert(0, f"At lag {lag} more of the gradient is left than in trained tanh nets in {', '.join(beside)}.")
    return alone


def _by_dataset(memory: pd.DataFrame, cell: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A cell's rows, trained and untrained, by dataset; those whose pieces reach back to the reference lag."""
    of_cell = memory[memory["cell"] == cell].dropna(subset=["log10_ratio_mean"])
    return tuple(of_cell[of_cell["net"] == net].set_index("dataset") for net in ("trained", "untrained"))


def _span(shares: pd.Series) -> str:
    """`12% to 40%`, or `12%` where all are equal as written."""
    low, high = f"{shares.min():.0%}", f"{shares.max():.0%}"
    return low if low == high else f"{low} to {high}"


def _memory(memory: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            cell_name(row.cell),
            row.net,
            str(row.repeats),
            f"{row.cases} in {row.pieces}",
            interval(row.share_vanishing_mean, row.share_vanishing_low, row.share_vanishing_high) or "not reached",
            interval(row.share_exploding_mean, row.share_exploding_low, row.share_exploding_high) or "not reached",
            interval(row.log10_ratio_mean, row.log10_ratio_low, row.log10_ratio_high) or "not reached",
            ("≥ " if row.half_life_mean >= row.longest_lag else "")
            + interval(row.half_life_mean, row.half_life_low, row.half_life_high),
        ]
        for row in memory.itertuples()
    ]
    header = ["dataset", "unit", "net", "n", "losses in pieces", "share vanished", "share exploded"]
    return [*header, "log10 of the ratio", "half-life of an input"], rows


def _gates(gates: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            cell_name(row.cell),
            row.gate,
            row.net,
            str(row.repeats),
            interval(row.opening_mean, row.opening_low, row.opening_high),
            interval(row.share_closed_mean, row.share_closed_low, row.share_closed_high),
            interval(row.share_open_mean, row.share_open_low, row.share_open_high),
            " / ".join(number(value) for value in (row.q10, row.q50, row.q90)),
            _steps(row.half_life_mean, row.half_life_low, row.half_life_high),
            _steps(row.half_life_q90_mean, row.half_life_q90_low, row.half_life_q90_high),
        ]
        for row in gates.itertuples()
    ]
    header = ["dataset", "unit", "gate", "net", "n", "mean", "share closed", "share open", "10 / 50 / 90%"]
    return [*header, "half-life, median unit", "90th percentile"], rows


def _steps(mean: float, low: float, high: float) -> str:
    return measured(mean) if pd.isna(low) else f"{measured(mean)} [{measured(low)},\u00a0{measured(high)}]"
