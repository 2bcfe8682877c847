"""The report's words on the differences between units: three intervals each, and whether they are narrow enough."""

from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, signed_interval, table
from stages.findings.wording import cell_name, number, signed


def content(differences: pd.DataFrame) -> dict[str, Any]:
    """What the template shows."""
    by_averaging = {name: differences[differences["averaging"] == name] for name in ("pooled", "per_sequence")}
    return {
        **{name: table(*_differences(found)) for name, found in by_averaging.items()},
        "precision": _precision(differences),
        "correlation": _correlation(by_averaging["pooled"]),
    }


def _differences(found: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            f"{cell_name(row.first)} − {cell_name(row.second)}",
            str(row.repeats),
            str(row.pieces),
            signed_interval(row.difference_mean, row.difference_low, row.difference_high),
            _span(row.repeats_low, row.repeats_high),
            _span(row.pieces_low, row.pieces_high),
        ]
        for row in found.itertuples()
    ]
    return ["dataset", "units", "n", "pieces", "difference", "over repeats alone", "over pieces alone"], rows


def _span(low: float, high: float) -> str:
    return "" if pd.isna(low) else f"[{signed(low)},\u00a0{signed(high)}]"


def _precision(differences: pd.DataFrame) -> str:
    """Where the interval over repeats is as narrow as is asked; nothing where nothing is asked."""
    asked = differences[differences["half_width_target"].notna()]
    if asked.empty:
        return ""
    pair, target = asked.iloc[0], asked["half_width_target"].iloc[0]
    known = asked[asked["half_width"].notna()]
    narrow = known["half_width"] < target
    parts = [
        f"{words} {_widths(rows)}"
        for words, rows in {"met on": known[narrow], "not met on": known[~narrow]}.items()
        if len(rows)
    ]
    if unknown := asked.loc[asked["half_width"].isna(), "dataset"].tolist():
        parts.append(f"not known with one repeat on {', '.join(unknown)}")
    return (
        f"A music set is given further repeats until the interval of {cell_name(pair['first'])} − "
        f"{cell_name(pair['second'])} over repeats alone is narrower than ±{target:g} nats: {'; '.join(parts)}."
    )


def _widths(rows: pd.DataFrame) -> str:
    return ", ".join(f"{row.dataset} (±{number(row.half_width, 3)}, n={row.repeats})" for row in rows.itertuples())


def _correlation(pooled: pd.DataFrame) -> str:
    """How the two units' test NLLs go together over repeats; nothing where no pair has enough of them."""
    known = pooled.dropna(subset=["correlation"])
    if known.empty:
        return ""
    if len(known) == 1:
        row = known.iloc[0]
        return (
            f"Over the {row['repeats']} repeats of {row['dataset']} they are correlated by {signed(row.correlation)}."
        )
    ends = known["correlation"].min(), known["correlation"].max()
    repeats = known["repeats"].min(), known["repeats"].max()
    counted = f"{repeats[0]}" if repeats[0] == repeats[1] else f"{repeats[0]} to {repeats[1]}"
    return (
        f"In the {len(known)} pairs with at least three repeats (n={counted}) they are correlated by "
        f"{signed(ends[0])} to {signed(ends[1])}, {(known['correlation'] > 0).sum()} of them positively."
    )
