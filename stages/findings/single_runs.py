"""What studies with one run of each cell, as the paper's, would have said of the pairs whose differences we know."""

import itertools
import math

import pandas as pd

from stages.findings.comparisons import below
from stages.findings.design import Comparison, Design
from stages.findings.evidence import Evidence
from stages.findings.statistics import SHARE, over_pieces
from stages.findings.wording import CONTRADICTED, SUPPORTED

COLUMNS = (
    "dataset,first,second,repeats,studies,first_better_mean,first_better_low,first_better_high,sure_first,sure_second,"
    "verdict,agreement,share_asked"
).split(",")


def single_runs_table(evidence: Evidence, design: Design, comparison: Comparison) -> pd.DataFrame:
    """single_runs.csv: the share of single-run studies in which the first cell has the lower test NLL, pooled.

    A study has one repeat of each cell, any with any: `studies` is the number of such pairs. A diverged repeat is worse
    than any other. The share's interval is over repeats, drawn together for both cells. `sure_first` and `sure_second`
    are the shares of studies that would have been sure: their interval over pieces, all that a study with one run has,
    lies wholly on that cell's side. `verdict` names the cell that the difference's interval (differences.csv) says is
    better, or is `undecided`; `agreement` is the share of studies that agree with it, and `share_asked`
    (compare.single_run_share) what would make one run enough.
    """
    rows = []
    for dataset, (second, first) in itertools.product(design.datasets, itertools.combinations(design.cells, 2)):
        if evidence.obstacle(dataset, first, second):
            continue
        # the same repeats in the same order: both cells have a row for every repeat, diverged ones too
        a, b = (
            evidence.runs[dataset, cell].results["test_nll"].fillna(math.inf).to_numpy() for cell in (first, second)
        )
        better = a[:, None] < b[None, :]
        share = evidence.resampling.interval(
            [len(better)],
            lambda r, better=better: better[r[..., :, None], r[..., None, :]].mean((-1, -2)),
            evidence.resampling.generator("single runs", dataset, first, second),
            SHARE,
        )
        one, other = evidence.runs[dataset, first], evidence.runs[dataset, second]
        # of the repeats that did not diverge: a study with one that did is sure of nothing
        gaps, halves = over_pieces(one.piece_nll, other.piece_nll, one.piece_steps, evidence.resampling.confidence)
        sure = [float((side * gaps > halves).sum() / better.size) for side in (-1, 1)]
        verdict = "undecided"
        if evidence.enough(dataset, first, second):
            found = below(evidence.difference(dataset, first, second), 0.0)
            verdict = {SUPPORTED: first, CONTRADICTED: second}.get(found, verdict)
        agreement = {first: share.mean, second: float((a[:, None] > b[None, :]).mean())}.get(verdict, math.nan)
        rows.append(
            [dataset, first, second, len(a), better.size, share.mean, share.low, share.high]
            + [*sure, verdict, agreement, comparison.single_run_share]
        )
    return pd.DataFrame(rows, columns=COLUMNS)
