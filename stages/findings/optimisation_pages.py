"""The report's section on what may hold the nets back: a constant learning rate and the weight noise."""

import itertools
import math
from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, table
from stages.findings.wording import cell_name, number, signed

PROTOCOL = "in the protocol"


def content(nets: pd.DataFrame) -> dict[str, Any] | None:
    """What the template shows, formatted; None where the study was not run."""
    if nets.empty:
        return None
    best, conditions = nets[nets["best"]], _conditions(nets)
    nll = best.groupby(["dataset", "cell", "weight_noise", "final_rate"])["valid_nll"].min()
    cells = best.groupby("dataset", sort=False)["cell"].unique()
    return {
        "rates": nets["learning_rate"].nunique(),
        "table": table(*_nets(best)),
        "units": [
            _unit(nll[dataset, cell], dataset, cell, conditions) for dataset in cells.index for cell in cells[dataset]
        ],
        "pairs": [
            _pair(nll[dataset, first] - nll[dataset, second], dataset, first, second, conditions)
            for dataset in cells.index
            for second, first in itertools.combinations(cells[dataset], 2)
        ],
        "orders": [
            _order(nll[dataset].unstack("cell"), dataset, conditions)
            for dataset in cells.index
            if len(cells[dataset]) > 1
        ],
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


def _conditions(nets: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Noise and final rate by name: as in the protocol, and with one or both changed, as far as they were trained."""
    noises, finals = (sorted(set(nets[column]), reverse=True) for column in ("weight_noise", "final_rate"))
    named = {(noises[0], finals[0]): PROTOCOL}
    named.setdefault((noises[0], finals[-1]), "with the decay")
    named.setdefault((noises[-1], finals[0]), "without noise")
    named.setdefault((noises[-1], finals[-1]), "with the decay and without noise")
    return {name: key for key, name in named.items()}


def _told(values: pd.Series, conditions: dict[str, tuple[float, float]]) -> str:
    """Differences by condition; those of which every net diverged are left out."""
    return ", ".join(f"{signed(values[key], 3)} {name}" for name, key in conditions.items() if key in values.dropna())


def _unit(nll: pd.Series, dataset: str, cell: str, conditions: dict[str, tuple[float, float]]) -> str:
    """What each change does to the best net's validation NLL."""
    start, changed = nll.get(conditions[PROTOCOL], math.nan), {**conditions}
    del changed[PROTOCOL]
    words = number(start, 3) if not math.isnan(start) else "every net diverged"
    return f"{cell_name(cell)} on {dataset}: {words} {PROTOCOL}; {_told(nll - start, changed) or 'no change known'}."


def _pair(gaps: pd.Series, dataset: str, first: str, second: str, conditions: dict[str, tuple[float, float]]) -> str:
    """How far apart two units are under each condition."""
    return f"{cell_name(first)} − {cell_name(second)} on {dataset}: {_told(gaps, conditions)}."


def _order(nll: pd.DataFrame, dataset: str, conditions: dict[str, tuple[float, float]]) -> str:
    """Whether the order of the units, from the lowest validation NLL, is the same under every condition."""
    orders: dict[str, list[str]] = {}
    for name, key in conditions.items():
        units = nll.loc[[key]].squeeze(axis=0).dropna().sort_values().index if key in nll.index else []
        orders.setdefault(", ".join(map(cell_name, units)), []).append(name)
    if len(orders) == 1:
        return (
            f"On {dataset} the order, from the lowest, is the same under all {len(conditions)}: {next(iter(orders))}."
        )
    told = "; ".join(f"{order} {' and '.join(names)}" for order, names in orders.items() if order)
    return f"On {dataset} the order, from the lowest, changes: {told}."
