"""The report's words on baselines and published results: a table a music dataset, and the baselines of the others."""

from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, interval, table, text
from stages.findings.wording import number

# How a model is told apart from published ones.
ORIGINS = {"this study": "{} (this study)", "baseline": "{} (baseline of this study)"}


def content(standings: pd.DataFrame, baselines: pd.DataFrame) -> dict[str, Any]:
    """What the template shows."""
    others = baselines[~baselines["dataset"].isin(standings["dataset"])]
    return {
        "datasets": [
            {"name": dataset, "table": table(*_standings(rows))}
            for dataset, rows in standings.groupby("dataset", sort=False)
        ],
        "published": standings["origin"].isin(["published", "the paper"]).any(),
        "other_baselines": table(*_baselines(others)) if len(others) else "",
    }


def _standings(standings: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.family,
            ORIGINS.get(row.origin, "{}").format(row.model),
            text(row.parameters),
            text(row.repeats),
            interval(row.nll_mean, row.nll_low, row.nll_high) or "diverged",
            text(row.note),
            text(row.source),
        ]
        for row in standings.itertuples()
    ]
    return ["family", "model", "parameters", "n", "test NLL", "note", "source"], rows


def _baselines(baselines: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [row.dataset, row.baseline.replace("_", " "), row.split, row.averaging.replace("_", " "), number(row.nll)]
        for row in baselines.itertuples()
    ]
    return ["dataset", "baseline", "split", "averaging", "NLL"], rows
