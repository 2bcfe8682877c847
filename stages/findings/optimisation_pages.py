"""The report's section on what may hold the nets back: a constant learning rate and the weight noise."""

import itertools
import math
from typing import Any

import pandas as pd

from stages.findings.optimisation_conditions import Conditions, best_nll, conditions, trained
from stages.findings.text_tables import Rows, table
from stages.findings.wording import cell_name, number, signed


def content(nets: pd.DataFrame) -> dict[str, Any] | None:
    """What the template shows, formatted; None where the study was not run."""
    if nets.empty:
        return None
    best, known = nets[nets["best"]], conditions(nets)
    nll = best_nll(best)
    several = nets[nets.groupby("dataset")["cell"].transform("nunique") > 1]
    return {
        "rates": nets["learning_rate"].nunique(),
        "table": table(*_nets(best)),
        "units": table(*_units(nets, nll, known)),
        "pairs": "" if several.empty else table(*_pairs(several, nll, known)),
        "orders": [_order(own, nll, known) for _, own in several.groupby("dataset", sort=False)],
    }


def _nets(best: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            cell_name(row.cell),
            number(row.weight_noise, 3),
            "constant" if row.final_rate == 1 else f"to {row.final_rate:.0%}",
            f"{row.learning_rate:g}",
            f"{row.best_epoch:.0f} of {row.max_epochs}",
            number(row.train_nll, 3),
            number(row.valid_nll, 3),
        ]
        for row in best.itertuples()
    ]
    header = ["dataset", "unit", "weight noise", "learning rate", "best first rate", "best epoch"]
    return [*header, "training NLL", "validation NLL"], rows


def _units(nets: pd.DataFrame, nll: pd.Series, known: Conditions) -> tuple[list[str], Rows]:
    """The best net's validation NLL by condition; says where all nets diverged, nothing where none was trained."""
    rows = []
    for (dataset, cell, epochs), own in nets.groupby(["dataset", "cell", "max_epochs"], sort=False):
        best = {
            name: number(nll.get((dataset, cell, *key), math.nan), 3) or "diverged"
            for name, key in trained(own, known).items()
        }
        rows.append([dataset, cell_name(cell), str(epochs), *(best.get(name, "") for name in known)])
    return ["dataset", "unit", "epochs", *known], rows


def _pairs(nets: pd.DataFrame, nll: pd.Series, known: Conditions) -> tuple[list[str], Rows]:
    """How far apart two units are under each condition in which both have a net."""
    rows = []
    for dataset, cells in nets.groupby("dataset", sort=False)["cell"].unique().items():
        for second, first in itertools.combinations(cells, 2):
            gaps = [
                nll.get((dataset, first, *key), math.nan) - nll.get((dataset, second, *key), math.nan)
                for key in known.values()
            ]
            rows.append([dataset, f"{cell_name(first)} − {cell_name(second)}", *(signed(gap, 3) for gap in gaps)])
    return ["dataset", "units", *known], rows


def _order(nets: pd.DataFrame, nll: pd.Series, known: Conditions) -> str:
    """Whether the order of a dataset's units, from the lowest validation NLL, is the same under every condition."""
    dataset, cells, asked = nets["dataset"].iloc[0], nets["cell"].unique(), trained(nets, known)
    orders: dict[str, list[str]] = {}
    for name, key in asked.items():
        best = {cell: nll[dataset, cell, *key] for cell in cells if (dataset, cell, *key) in nll.index}
        order = ", ".join(map(cell_name, sorted(best, key=best.get)))
        if diverged := [cell_name(cell) for cell in cells if cell not in best]:
            order += f" ({' and '.join(diverged)} diverged)"
        orders.setdefault(order, []).append(name)
    if len(orders) == 1:
        every = "both" if len(asked) == 2 else f"all {len(asked)}"
        return f"On {dataset} the order, from the lowest, is the same under {every}: {next(iter(orders))}."
    told = "; ".join(f"{order} {' and '.join(names)}" for order, names in orders.items())
    return f"On {dataset} the order, from the lowest, changes: {told}."
