"""The report's section on batch sizes: what each size gave, and the size that the rule takes."""

import pandas as pd

from stages.findings.text_tables import Rows, table, text
from stages.findings.wording import cell_name, number, signed


def content(sizes: pd.DataFrame, design: pd.DataFrame) -> dict[str, object] | None:
    """What the template shows, formatted; None where nothing was measured."""
    if sizes.empty:
        return None
    used = design.set_index("dataset")["batch_size"]
    return {
        "table": table(*_sizes(sizes)),
        "margin": text(float(sizes["margin"].iloc[0])),
        "candidates": " or ".join(map(str, sorted(set(sizes["candidates"])))),
        "cell": " and ".join(map(cell_name, dict.fromkeys(sizes["cell"]))),
        "verdicts": [verdict(rows, used) for _, rows in sizes.groupby("dataset", sort=False)],
    }


def verdict(rows: pd.DataFrame, used: pd.Series) -> str:
    """The size that the rule takes on a dataset, and whether the study trains with it."""
    taken, best = rows[rows["taken"]].iloc[0], rows.loc[rows["valid_nll"].idxmin()]
    words = f"On {taken['dataset']} the rule takes {taken['batch_size']}, "
    words += (
        "the best size"
        if taken["batch_size"] == best["batch_size"]
        else f"{number(taken['behind'], 3)} nats behind the best, {best['batch_size']}"
    )
    if taken["dataset"] not in used:
        return f"{words}."
    size = used[taken["dataset"]]
    own = "this size" if size == taken["batch_size"] else f"another, {size}"
    return f"{words}; the study trains with {own}."


def _sizes(sizes: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            cell_name(row.cell),
            str(row.batch_size) + (" (taken)" if row.taken else ""),
            number(row.valid_nll, 3),
            signed(row.behind, 3),
            f"{row.learning_rate:.1e}".replace("-", "−"),
            row.edge,
            str(row.best_epoch),
            str(row.epochs),
            text(row.updates),
        ]
        for row in sizes.itertuples()
    ]
    header = ["dataset", "unit", "batch", "best validation NLL", "behind the best", "learning rate", "in its range"]
    return [*header, "best epoch", "epochs", "updates to the best"], rows
