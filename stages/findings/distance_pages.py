"""The report's words on how far our results lie from the paper's."""

from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, interval, table
from stages.findings.wording import cell_name, number, signed

NEAR = 2  # standard deviations of a run: what a single run differs by, rarely more


def content(distances: pd.DataFrame) -> dict[str, Any] | None:
    """What the template shows; None where no dataset is the paper's own."""
    if distances.empty:
        return None
    return {
        "test": table(*_beside(distances, "test")),
        "train": table(*_beside(distances, "train")),
        "near": _near(distances),
    }


def _beside(distances: pd.DataFrame, split: str) -> tuple[list[str], Rows]:
    rows = []
    found = distances[distances["split"] == split]
    for (dataset, cell), averagings in found.groupby(["dataset", "cell"], sort=False):
        of = averagings.set_index("averaging")
        cells = [dataset, cell_name(cell), str(of["repeats"].iloc[0]), number(of["paper_nll"].iloc[0])]
        for row in (of.loc["pooled"], of.loc["per_sequence"]):
            in_sds = "" if pd.isna(row.distance_sds) else f" ({signed(row.distance_sds, 1)} SD)"
            cells += [interval(row.nll_mean, row.nll_low, row.nll_high), number(row.run_sd, 3)]
            cells.append(signed(row.difference) + in_sds)
        rows.append(cells)
    header = ["dataset", "unit", "n", "paper", "pooled", "SD of a run", "ours − paper"]
    return [*header, "per sequence", "SD of a run", "ours − paper"], rows


def _near(distances: pd.DataFrame) -> str:
    """How many of the paper's numbers a single run of ours could have been, under either averaging."""
    known = distances[distances["distance_sds"].notna()]
    if known.empty:
        return "With one repeat everywhere it is not known what a single run may differ by."
    sentences = []
    for split, of_split in known.groupby("split", sort=False):
        closest = of_split.groupby(["dataset", "cell"])["distance_sds"].agg(lambda sds: sds.abs().min())
        near = (closest <= NEAR).sum()
        sentences.append(
            f"Of the paper's {len(closest)} {split} NLLs beside which there is more than one repeat, {near} "
            f"{'lies' if near == 1 else 'lie'} within {NEAR} standard deviations of a run of ours under one averaging "
            "or the other."
        )
    return " ".join(sentences)
