"""Does it hold elsewhere? The units' differences under other conditions, beside those of the study.

A condition changes one thing and keeps the rest of the study:
 edition    the same music from another source, prepared on its own (`compare.counterparts`)
 untouched  only the test pieces whose melodies do not occur in training (stages/scoring/leakage.py)
 touched    only the others
 arm        units for another parameter budget (`arms.total`)

The order of two units holds if the intervals of their difference lie on the same side of zero in both, and turns if
they lie on opposite sides. Otherwise, or where a unit has fewer than claims.minimum_repeats, it is undecided.
"""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from stages.findings.declare import standard, table
from stages.findings.inference.evidence import Evidence
from stages.findings.inference.resampling import Interval, pooled_mean
from stages.findings.records.design import TOTAL
from stages.findings.records.runs import Run
from stages.findings.study import Study
from stages.findings.wording import UNDECIDED, pair_of, set_name, set_of, signed, span_of
from stages.plumbing.parameters import read

LEAKAGE = Path("stages/scoring/settings.yaml")
EDITION, UNTOUCHED, TOUCHED, ARM = "edition", "untouched", "touched", "arm"
HOLDS, TURNS = "holds", "turns"
# How a condition is told.
CONDITIONS = {
    EDITION: "another edition of the same music",
    UNTOUCHED: "pieces not heard in training",
    TOUCHED: "pieces heard in training",
    ARM: "output layer counted in the budget",
}


@dataclass(frozen=True)
class Condition:
    """A dataset of the study under a condition: the evidence there, and the dataset's name in it."""

    dataset: str
    name: str
    elsewhere: str
    evidence: Evidence


def conditions(study: Study) -> list[Condition]:
    """Every condition that there is evidence for, by dataset."""
    there = {
        part: study.evidence_of({run: _only(study.runs[run], pieces) for run, pieces in of_part.items()})
        for part, of_part in _parts(study).items()
    }
    there[ARM] = study.evidence_of(study.of_arm(TOTAL))
    found = []
    for dataset in study.design.datasets:
        found += [Condition(dataset, EDITION, other, study.evidence) for other in _editions(dataset, study)]
        for name, evidence in there.items():
            if any(dataset == known for known, _ in evidence.runs):
                found.append(Condition(dataset, name, dataset, evidence))
    return found


def _editions(dataset: str, study: Study) -> list[str]:
    """The datasets of the design that hold the same music as this one, if this one is the paper's own data."""
    stated = study.settings.counterparts
    own = stated.get(dataset)
    if own is None or own.data != "same":
        return []
    there = [other for other in study.design.datasets if other in stated]
    return [other for other in there if stated[other].name == own.name and stated[other].data == "reprocessed"]


def _parts(study: Study) -> dict[str, dict[tuple[str, str], pd.Series]]:
    """Part → (dataset, cell) → the numbers of its pieces; only for datasets with pieces of both kinds."""
    split = {dataset: pieces for dataset, pieces in study.leakage.items() if pieces["touched"].nunique() == 2}
    return {
        part: {
            (dataset, cell): pieces.loc[pieces["touched"] == (part == TOUCHED), "piece"]
            for dataset, pieces in split.items()
            for cell in study.design.cells
        }
        for part in (UNTOUCHED, TOUCHED)
    }


def _only(run: Run, pieces: pd.Series) -> Run:
    """A run as scored on some of its test pieces alone."""
    return replace(run, all_pieces=run.all_pieces[run.all_pieces["piece"].isin(pieces)])


def same_order(here: Interval, there: Interval) -> str:
    """Whether two differences lie on the same side of zero, by their intervals; an unknown interval decides nothing."""
    signs = {(interval.low > 0) - (interval.high < 0) if interval.known else 0 for interval in (here, there)}
    return UNDECIDED if 0 in signs else HOLDS if len(signs) == 1 else TURNS


@table(
    "dataset:word condition:word elsewhere:word first:word second:word main_repeats:count main_pieces:count main_mean "
    "main_low main_high repeats:count pieces:count difference_mean difference_low difference_high order:word",
    {
        "set": set_of,
        "elsewhere": lambda row: set_name(row.elsewhere) if row.condition == EDITION else CONDITIONS[row.condition],
        "units": pair_of,
        "n, pieces": lambda row: f"{row.main_repeats}, {row.main_pieces}",
        "in the study": span_of("main", signed),
        "n, pieces there": lambda row: f"{row.repeats}, {row.pieces}",
        "there": span_of("difference", signed),
        "order": "order",
    },
)
def robustness(study: Study) -> list[list]:
    """A pair's difference in test NLL, pooled, in the study (`main_…`) and under each condition.

    `elsewhere` is the other edition's name, or the dataset itself. `repeats` is the smaller of the two cells' numbers
    of repeats with a result.
    """
    rows = []
    for condition, (second, first) in itertools.product(
        conditions(study), itertools.combinations(study.design.cells, 2)
    ):
        sides = [(study.evidence, condition.dataset), (condition.evidence, condition.elsewhere)]
        if any(evidence.obstacle(dataset, first, second) for evidence, dataset in sides):
            continue
        here, there = (evidence.difference(dataset, first, second) for evidence, dataset in sides)
        order = same_order(here, there)
        if not all(evidence.enough(dataset, first, second) for evidence, dataset in sides):
            order = UNDECIDED
        row = [condition.dataset, condition.name, condition.elsewhere, first, second]
        for (evidence, dataset), interval in zip(sides, (here, there), strict=True):
            repeats = min(evidence.tested(dataset, cell) for cell in (first, second))
            pieces = len(evidence.runs[dataset, first].piece_steps)
            row += [repeats, pieces, *interval]
        rows.append([*row, order])
    return rows


@table(
    "dataset:word cell:word part:word window:count pitches:count pieces:count frames:count leaked_frames:count "
    "leaked_share repeats:count nll_mean nll_low nll_high",
    standard("set unit")
    | {
        "pieces": "part",
        "number": "pieces",
        "frames heard": lambda row: f"{row.leaked_share:.1%}",
        "n": "repeats",
        "test NLL": span_of("nll"),
    },
)
def leakage(study: Study) -> list[list]:
    """Test NLL, pooled, on all pieces, and apart on the touched and the untouched where there are both.

    Intervals are over repeats and pieces. `frames` counts a piece's first one too; `leaked_share` is the share of the
    part's frames that lie in a leaked window.
    """
    rows, heard = [], read("leakage", LEAKAGE)
    for (dataset, cell), run in study.runs.items():
        if dataset not in study.leakage or not len(run.piece_nll):
            continue
        pieces = study.leakage[dataset]
        touched = pieces["touched"].to_numpy(bool)
        for part, kept in {"all": touched | True, UNTOUCHED: ~touched, TOUCHED: touched}.items():
            if not kept.any() or (part != "all" and kept.all()):
                continue
            of_part = run.piece_nll[:, kept], run.piece_steps[kept]
            nll = pooled_mean(*of_part, study.resampling, "leakage", dataset, cell, part)
            frames, leaked = (int(pieces.loc[kept, column].sum()) for column in ("frames", "leaked_frames"))
            row = [dataset, cell, part, heard["window"], heard["pitches"], int(kept.sum()), frames, leaked]
            rows.append([*row, leaked / frames, len(run.piece_nll), *nll])
    return rows
