"""Our cells, our baselines and published results on the same music in one table, by families not to be ranked together.

The families are those of rivals.py. Our cells and baselines are exact and take the notes of a frame as independent.
"""

import pandas as pd

from stages.findings.design import Design
from stages.findings.records import Run
from stages.findings.rivals import EXACT, FAMILIES
from stages.findings.wording import cell_name

Runs = dict[tuple[str, str], Run]

COLUMNS = "dataset,family,model,origin,parameters,repeats,nll_mean,nll_low,nll_high,note,source".split(",")

# Probabilities that a baseline estimates for each note.
_PER_NOTE = {"note-1-gram": 1, "copy-previous": 2}


def standings_table(
    design: Design, runs: Runs, summary: pd.DataFrame, baselines: pd.DataFrame, rivals: pd.DataFrame
) -> pd.DataFrame:
    """standings.csv: test NLL of every model of a music dataset, by family, best first.

    `origin`: `this study` (a cell, its mean over repeats with the interval, all its parameters), `baseline` (of this
    study), `the paper` or `published`. Ours are pooled over steps; others' conventions are in their notes.

    Args:
        summary, baselines, rivals: the tables of these names.
    """
    rows = []
    for dataset in design.datasets:
        info = runs[dataset, design.cells[0]].info
        if info["output"] != "bernoulli":
            continue
        for cell in summary.query("dataset == @dataset and split == 'test' and averaging == 'pooled'").itertuples():
            size = f"{runs[dataset, cell.cell].info['total_parameters']:,}"
            span = [cell.nll_mean, cell.nll_low, cell.nll_high]
            rows.append([dataset, EXACT, cell_name(cell.cell), "this study", size, cell.repeats, *span, None, None])
        for row in baselines.query("dataset == @dataset and split == 'test' and averaging == 'pooled'").itertuples():
            per_note = _PER_NOTE.get(row.baseline)
            size = f"{per_note * info['output_size']:,}" if per_note else None
            rows.append([dataset, EXACT, row.baseline, "baseline", size, None, row.nll, None, None, None, None])
        for row in rivals.query("dataset == @dataset and split == 'test'").itertuples():
            origin = "the paper" if row.model.startswith("Chung2014 ") else "published"
            published = [row.parameters, None, row.nll, None, None, row.note, row.source]
            rows.append([dataset, row.family, row.model, origin, *published])
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"repeats": "Int64"})
    numbers = ["nll_mean", "nll_low", "nll_high"]
    table[numbers] = table[numbers].astype(float)
    order = [table["dataset"].map(list(design.datasets).index), table["family"].map(FAMILIES.index)]
    return (
        table.assign(_dataset=order[0], _family=order[1])
        .sort_values(["_dataset", "_family", "nll_mean"], kind="stable")[COLUMNS]
        .reset_index(drop=True)
    )
