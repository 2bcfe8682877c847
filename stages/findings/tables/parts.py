"""What a part of a unit is worth: what it costs to take it away, or to put it in another place."""

from stages.findings.declare import standard, table, triples
from stages.findings.inference.questions import OPEN, SINGLE, side
from stages.findings.inference.resampling import NOTHING, Interval, mean_over_repeats
from stages.findings.study import Study
from stages.plumbing.places import PARTS
from stages.presentation.wording import cell_name, signed, span_of

# By the beginning of its name, the whole unit that a unit is set beside.
WHOLE = {"lstm": "lstm", "gru": "gru", "minimal": "gru", "tanh": "tanh"}
REACHES = ("further", "less far")  # back in time, more or less of a gradient being left than in the whole unit


@table(
    f"dataset:word cell:word whole:word repeats:word {triples('difference further')} answer:word reach:word",
    standard("set")
    | {
        "unit": lambda row: cell_name(row.cell),
        "beside": lambda row: cell_name(row.whole),
        "n": "repeats",
        "its test NLL minus the whole unit's": span_of("difference", signed),
        "answer": "answer",
        "log10 of the gradient left, minus the whole unit's": span_of("further", signed),
        "reaches": "reach",
    },
)
def parts(study: Study) -> list[list]:
    """A unit that lacks a part less the whole one, in test NLL, pooled, and in reach; from one repeat it is n=1."""
    rows, both = [], study.with_parts
    for dataset, cell in study.of_arm(PARTS):
        whole = WHOLE.get(cell.split("_")[0], cell)
        if (dataset, whole) in study.runs:
            found = NOTHING if both.obstacle(dataset, cell, whole) else both.difference(dataset, cell, whole)
            further = _further(study, dataset, cell, whole)
            open_ = OPEN if both.enough(dataset, cell, whole) else SINGLE
            judged = both.decided(dataset, cell, whole), ("worse", "better")
            answers = [side(of, 0.0, *sides, open_) for of, sides in (judged, (further, REACHES))]
            rows.append([dataset, cell, whole, both.counts(dataset, cell, whole), *found, *further, *answers])
    return rows


def _further(study: Study, dataset: str, *units: str) -> Interval:
    """log10 of the gradient left at the reference lag in the first unit's trained nets, less that in the second's."""
    if not study.with_parts.enough(dataset, *units):
        return NOTHING
    left = [study.with_parts.memory(dataset, cell, "log10_ratio") for cell in units]
    both = min(map(len, left))  # repeats are numbered alike, but the whole unit may have more
    return mean_over_repeats(left[0][:both] - left[1][:both], study.resampling, "reach", dataset, *units)
