"""How far apart two units are in test NLL, what makes it uncertain, and what single runs would have said of it."""

import itertools
import math

import numpy as np

from stages.findings.declare import standard, table
from stages.findings.inference.questions import side
from stages.findings.inference.resampling import SHARE, difference, over_pieces
from stages.findings.records.runs import paired
from stages.findings.study import Study
from stages.findings.tables import AVERAGINGS
from stages.presentation.wording import UNDECIDED, cell_name, interval, set_of, share, signed, span_of


def pairs(study: Study, *others: object) -> itertools.product:
    """Every dataset with every pair of units, the later one first, that can be compared there."""
    found = itertools.product(study.design.datasets, itertools.combinations(study.design.cells, 2), *others)
    for dataset, (second, first), *rest in found:
        if not study.evidence.obstacle(dataset, first, second):
            yield dataset, first, second, *rest


@table(
    "dataset:word first:word second:word averaging:word repeats:count pieces:count difference_mean difference_low "
    "difference_high repeats_low repeats_high pieces_low pieces_high correlation",
    standard("set units averaging n pieces")
    | {
        "difference": span_of("difference", signed),
        "over repeats alone": lambda row: interval(math.nan, row.repeats_low, row.repeats_high, signed),
        "over pieces alone": lambda row: interval(math.nan, row.pieces_low, row.pieces_high, signed),
        "correlation": lambda row: signed(row.correlation),
    },
)
def differences(study: Study) -> list[list]:
    """Test NLL of one cell minus another's, nats per step, with three intervals.

    `difference_low` and `_high` are over repeats and pieces, `repeats_…` over repeats alone (the next runs on these
    pieces), `pieces_…` over pieces alone (these nets on the next pieces). `repeats` counts those in which both cells
    have a result. With one there is no interval over repeats, and the first one is over pieces alone. `correlation`: of
    the two cells' NLLs over repeats, from three repeats on.
    """
    evidence, rows = study.evidence, []
    for dataset, first, second, averaging in pairs(study, AVERAGINGS):
        key, runs = (dataset, first, second, averaging), [evidence.runs[dataset, cell] for cell in (first, second)]
        a, b, steps = *paired(*runs), runs[0].piece_steps
        if averaging == "per_sequence":
            a, b, steps = a / steps, b / steps, np.ones_like(steps)
        sums = [a.sum(1, keepdims=True), b.sum(1, keepdims=True)]
        over = {
            "repeats": (*sums, steps.sum(keepdims=True)),
            "pieces": (a.mean(0, keepdims=True), b.mean(0, keepdims=True), steps),
        }
        found = [evidence.difference(*key)]
        for factor, scores in over.items():
            found.append(difference(*scores, "pooled", evidence.resampling, f"difference over {factor}", *key))
        both, repeats, pieces = found
        spread = len(a) > 2 and all(np.ptp(one) > 0 for one in sums)
        rows.append(
            [*key, len(a), len(steps), *both, repeats.low, repeats.high, pieces.low, pieces.high]
            + [np.corrcoef(*(one[:, 0] for one in sums))[0, 1] if spread else math.nan]
        )
    return rows


@table(
    "dataset:word first:word second:word repeats:count studies:count first_better_mean first_better_low "
    "first_better_high sure_first sure_second verdict:word agreement share_asked",
    {
        "set": set_of,
        "units": lambda row: f"{cell_name(row.first)} against {cell_name(row.second)}",
        "n": "repeats",
        "studies": "studies",
        "the first is better in": span_of("first_better", share),
        "sure of it": lambda row: f"{row.sure_first:.0%} / {row.sure_second:.0%}",
        "by the interval": lambda row: UNDECIDED if row.verdict == UNDECIDED else f"{cell_name(row.verdict)} is better",
        "agree": lambda row: share(row.agreement),
    },
)
def single_runs(study: Study) -> list[list]:
    """The share of single-run studies in which the first cell has the lower test NLL, pooled.

    A study has one repeat of each cell, any with any: `studies` is the number of such pairs. A diverged repeat is worse
    than any other. The share's interval is over repeats, drawn together for both cells. `sure_first` and `sure_second`
    are the shares of studies that would have been sure: their interval over pieces, all that a study with one run has,
    lies wholly on that cell's side. `verdict` names the cell that the difference's interval (differences.csv) says is
    better, or is `undecided`; `agreement` is the share of studies that agree with it, and `share_asked`
    (compare.single_run_share) what would make one run enough.
    """
    evidence, rows = study.evidence, []
    for dataset, first, second in pairs(study):
        one, other = evidence.runs[dataset, first], evidence.runs[dataset, second]
        # the same repeats in the same order: both cells have a row for every repeat, diverged ones too
        a, b = (run.results["test_nll"].fillna(math.inf).to_numpy() for run in (one, other))
        better = a[:, None] < b[None, :]
        found = evidence.resampling.interval(
            [len(better)],
            lambda r, better=better: better[r[..., :, None], r[..., None, :]].mean((-1, -2)),
            *("single runs", dataset, first, second),
            bounds=SHARE,
        )
        # of the repeats that did not diverge: a study with one that did is sure of nothing
        gaps, halves = over_pieces(one.piece_nll, other.piece_nll, one.piece_steps, evidence.resampling.confidence)
        sure = [float((side * gaps > halves).sum() / better.size) for side in (-1, 1)]
        verdict = side(evidence.decided(dataset, first, second), 0.0, second, first, UNDECIDED)
        agreement = {first: found.mean, second: float((a[:, None] > b[None, :]).mean())}.get(verdict, math.nan)
        rows.append(
            [dataset, first, second, len(a), better.size, *found, *sure]
            + [verdict, agreement, study.settings.single_run_share]
        )
    return rows
