"""Does it hold elsewhere? The units' differences under other conditions, beside those of the study.

A condition changes one thing, but for the last two arms, and keeps the rest of the study:
 edition    the same music from another source, prepared on its own (`compare.counterparts`)
 untouched  only the test pieces whose melodies do not occur in training (stages/scoring/leakage.py)
 touched    only the others
 the arms   nets for another parameter budget, without weight noise, by the authors' code, by Adam from another bias

The order of two units holds if the intervals of their difference lie on the same side of zero in both, and turns if
they lie on opposite sides. Otherwise, or where a unit has fewer than claims.minimum_repeats, it is undecided.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from stages.findings.declare import standard, table
from stages.findings.inference.evidence import Evidence
from stages.findings.inference.resampling import Interval, pooled_mean
from stages.findings.records.design import TOTAL
from stages.findings.records.runs import Runs
from stages.findings.study import Study
from stages.plumbing.parameters import Section, section
from stages.presentation.wording import UNDECIDED, arm_words, pair_of, set_name, set_of, signed, span_of

LEAKAGE = Path("stages/scoring/settings.yaml")
EDITION, UNTOUCHED, TOUCHED = "edition", "untouched", "touched"
ARMS = (TOTAL, "noiseless", "authors", "practice_bias")
HOLDS, TURNS = "holds", "turns"
# How a condition is told.
CONDITIONS = {
    EDITION: "another edition of the same music",
    UNTOUCHED: "pieces not heard in training",
    TOUCHED: "pieces heard in training",
} | {arm: arm_words(arm) for arm in ARMS}


class Leakage(Section):
    """`leakage` in its settings.yaml: what counts as heard, told beside the results."""

    window: int
    pitches: int


def conditions(study: Study) -> Iterator[tuple[str, str, str, Evidence]]:
    """Dataset, condition, the dataset's name under it and the evidence there, for all that there is evidence for."""
    there = {part: study.evidence_of(_part(study, part == TOUCHED)) for part in (UNTOUCHED, TOUCHED)}
    there |= {arm: study.evidence_of(study.of_arm(arm)) for arm in ARMS}
    stated = {name: study.settings.counterparts.get(name) for name in study.design.datasets}
    for dataset, own in stated.items():
        for other, its in stated.items() if own and own.data == "same" else ():
            if its and its.name == own.name and its.data == "reprocessed":
                yield dataset, EDITION, other, study.evidence
        for name, evidence in there.items():
            if any(dataset == known for known, _ in evidence.runs):
                yield dataset, name, dataset, evidence


def _part(study: Study, touched: bool) -> Runs:
    """The runs as scored on the touched or the untouched test pieces alone, of the datasets that have both."""
    found = {}
    for key, run in study.runs.items():
        pieces = study.leakage.get(run.dataset)
        if pieces is not None and pieces["touched"].nunique() == 2:
            kept = run.all_pieces["piece"].isin(pieces.loc[pieces["touched"] == touched, "piece"])
            found[key] = replace(run, all_pieces=run.all_pieces[kept])
    return found


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
    for (dataset, name, elsewhere, evidence), (second, first) in itertools.product(
        conditions(study), itertools.combinations(study.design.cells, 2)
    ):
        sides = [(study.evidence, dataset), (evidence, elsewhere)]
        if any(side.obstacle(known, first, second) for side, known in sides):
            continue
        found = [side.difference(known, first, second) for side, known in sides]
        order = same_order(*found) if all(side.enough(known, first, second) for side, known in sides) else UNDECIDED
        row = [dataset, name, elsewhere, first, second]
        for (side, known), interval in zip(sides, found, strict=True):
            repeats = min(side.tested(known, cell) for cell in (first, second))
            row += [repeats, len(side.runs[known, first].piece_steps), *interval]
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
    rows, heard = [], section("leakage", Leakage, LEAKAGE)
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
            row = [dataset, cell, part, heard.window, heard.pitches, int(kept.sum()), frames, leaked]
            rows.append([*row, leaked / frames, len(run.piece_nll), *nll])
    return rows
