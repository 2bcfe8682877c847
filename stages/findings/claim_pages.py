"""The report's section on the paper's claims: verdicts, what they rest on, and every comparison folded below."""

from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, quantity, table, text
from stages.findings.wording import number


def content(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """What the template shows, formatted."""
    claims, comparisons = tables["claims"], tables["comparisons"]
    return {
        "table": table(*_verdicts(claims)),
        "claims": [
            claim | {"comparisons": table(*_comparisons(comparisons[comparisons["claim"] == claim["claim"]]))}
            for claim in claims.to_dict("records")
        ],
        "heavier": _heavier(tables["parameters"], tables["design"]),
    }


def _verdicts(claims: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            str(row.claim),
            row.statement,
            row.verdict,
            "" if pd.isna(row.single_run_agreement) else f"{row.single_run_agreement:.0%}",
        ]
        for row in claims.itertuples()
    ]
    return ["", "claim", "verdict", "single runs"], rows


def _comparisons(found: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset if row.counted else f"{row.dataset} (not counted)",
            row.quantity,
            row.asked,
            row.repeats,
            text(row.pieces),
            quantity(row.unit, row.mean, row.low, row.high),
            row.verdict,
            row.note,
        ]
        for row in found.itertuples()
    ]
    return ["dataset", "what is compared", "claimed", "n", "pieces", "found", "verdict", ""], rows


def _heavier(parameters: pd.DataFrame, design: pd.DataFrame) -> str:
    """How many more weights the tanh nets on speech hold than the LSTM nets, in words; nothing without them."""
    speech = design.loc[design["output"] == "gaussian_mixture", "dataset"]
    first = parameters[(parameters["matching"] == "recurrent") & parameters["dataset"].isin(speech[:1])]
    weights = first.set_index("cell")["total_parameters"]
    if not {"tanh", "lstm"} <= set(weights.index):
        return ""
    ratio = weights["tanh"] / weights["lstm"]
    return f"{text(weights['tanh'])} weights against {text(weights['lstm'])}, {number(ratio)} times as many"
