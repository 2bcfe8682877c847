"""Our units, predictors without a net and published results on the same music, by families not to be ranked together.

The families are those of records/published.py. Ours are exact and take the notes of a frame as independent.
"""

import pandas as pd

from stages.findings.declare import table
from stages.findings.records.published import FAMILIES
from stages.findings.records.reading import read_baselines
from stages.findings.study import Study
from stages.findings.tables import AVERAGINGS
from stages.presentation.wording import cell_name, number, set_of, span_of, text

# Probabilities that a baseline estimates for each note.
_PER_NOTE = {"note-1-gram": 1, "copy-previous": 2}


@table(
    "dataset:word baseline:word split:word averaging:word nll",
    {
        "set": set_of,
        "predictor": lambda row: row.baseline.replace("_", " "),
        "split": "split",
        "averaging": lambda row: AVERAGINGS.get(row.averaging, row.averaging.replace("_", " ")),
        "NLL": lambda row: number(row.nll),
    },
)
def baselines(study: Study) -> pd.DataFrame:
    """Predictors without a net on the same splits."""
    return read_baselines(study.design)


@table(
    "dataset:word family:word model:word origin:word parameters:word repeats:count nll_mean nll_low nll_high note:word "
    "source:word",
    {
        "set": set_of,
        "family": "family",
        "model": lambda row: f"{row.model} ({row.origin})" if row.origin != "published" else row.model,
        "parameters": lambda row: text(row.parameters),
        "n": "repeats",
        "test NLL": span_of("nll"),
        "note": "note",
    },
)
def standings(study: Study) -> pd.DataFrame:
    """Test NLL of every model of a music dataset, by family, best first.

    `origin`: `this study` (a unit, its mean over repeats with the interval, all its parameters), `baseline` (of this
    study), `the paper` or `published`. Ours are pooled over steps; others' conventions are in their notes.
    """
    rows, (exact, *_) = [], FAMILIES
    order, published = list(study.design.datasets), study.published.query("split == 'test' and family.notna()")
    pooled = "dataset == @dataset and split == 'test' and averaging == 'pooled'"
    for dataset in order:
        info, counterpart = study.runs[dataset, study.design.cells[0]].info, study.settings.counterparts.get(dataset)
        if info["output"] != "bernoulli":
            continue
        for row in study.frame("summary").query(pooled).itertuples():
            size = f"{study.runs[dataset, row.cell].info['total_parameters']:,}"
            span = [row.nll_mean, row.nll_low, row.nll_high]
            rows.append([dataset, exact, cell_name(row.cell), "this study", size, row.repeats, *span, None, None])
        for row in study.frame("baselines").query(pooled).itertuples():
            per_note = _PER_NOTE.get(row.baseline)
            size = f"{per_note * info['output_size']:,}" if per_note else None
            rows.append([dataset, exact, row.baseline, "baseline", size, None, row.nll, None, None, None, None])
        if counterpart is None or counterpart.data != "same":
            continue
        for row in published[published["dataset"] == counterpart.name].itertuples():
            origin = "the paper" if row.model.startswith("Chung2014 ") else "published"
            stated = [row.parameters, None, row.nll, None, None, row.note, row.source]
            rows.append([dataset, row.family, row.model, origin, *stated])
    found = pd.DataFrame(rows, columns=[*standings.kinds])
    numbers = ["nll_mean", "nll_low", "nll_high"]
    found[numbers] = found[numbers].astype(float)
    by = {"_set": found["dataset"].map(order.index), "_family": found["family"].map(FAMILIES.index)}
    return found.assign(**by).sort_values([*by, "nll_mean"], kind="stable")
