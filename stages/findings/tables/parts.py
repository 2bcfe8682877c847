"""What a part of a unit is worth: what it costs to take it away, or to put it in another place."""

from stages.findings.declare import standard, table
from stages.findings.inference.questions import side
from stages.findings.study import Study
from stages.presentation.wording import cell_name, signed, span_of

# By the beginning of its name, the whole unit that a unit is set beside.
WHOLE = {"lstm": "lstm", "gru": "gru", "minimal": "gru", "tanh": "tanh"}


@table(
    "dataset:word cell:word whole:word repeats:word difference_mean difference_low difference_high answer:word",
    standard("set")
    | {
        "unit": lambda row: cell_name(row.cell),
        "beside": lambda row: cell_name(row.whole),
        "n": "repeats",
        "its test NLL minus the whole unit's": span_of("difference", signed),
        "answer": "answer",
    },
)
def parts(study: Study) -> list[list]:
    """Test NLL, pooled, of a unit that lacks a part minus that of the whole one, over repeats and pieces."""
    rows, lacking = [], study.of_arm("parts")
    both = study.evidence_of({**study.runs, **lacking})
    for dataset, cell in lacking:
        whole = WHOLE.get(cell.split("_")[0], cell)
        if (dataset, whole) in study.runs:
            found = both.decided(dataset, cell, whole)
            answer = side(found, 0.0, "worse", "better")
            rows.append([dataset, cell, whole, both.counts(dataset, cell, whole), *found, answer])
    return rows
