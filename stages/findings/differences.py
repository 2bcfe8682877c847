"""How far apart two cells are in test NLL, and what it is that makes it uncertain: the repeats or the pieces."""

import itertools
import math

import numpy as np
import pandas as pd

from stages.findings.design import Comparison, Design
from stages.findings.evidence import Evidence
from stages.findings.records import paired
from stages.findings.statistics import Interval, difference
from stages.findings.tables import AVERAGINGS

COLUMNS = (
    "dataset,first,second,averaging,repeats,pieces,difference_mean,difference_low,difference_high,repeats_low,"
    "repeats_high,half_width,half_width_target,pieces_low,pieces_high,correlation"
).split(",")


def differences_table(evidence: Evidence, design: Design, comparison: Comparison) -> pd.DataFrame:
    """differences.csv: test NLL of one cell minus another's, nats per step, with three intervals.

    `difference_low` and `_high` are over repeats and pieces, `repeats_…` over repeats alone (the next runs on these
    pieces), `pieces_…` over pieces alone (these nets on the next pieces). `repeats` counts those in which both cells
    have a result. With one there is no interval over repeats, and the first one is over pieces alone. `half_width` is
    that of the interval over repeats; `half_width_target` what it is to be below, for the pair and the datasets that
    have a target. `correlation`: of the two cells' NLLs over repeats, from three repeats on.
    """
    rows = []
    for dataset, (second, first), averaging in itertools.product(
        design.datasets, itertools.combinations(design.cells, 2), AVERAGINGS
    ):
        if evidence.obstacle(dataset, first, second):
            continue
        both = evidence.difference(dataset, first, second, averaging)
        over_repeats, over_pieces = (
            _alone(evidence, dataset, first, second, averaging, factor) for factor in ("repeats", "pieces")
        )
        run = evidence.runs[dataset, first]
        has_target = (
            run.info["output"] == "bernoulli" and averaging == "pooled" and {first, second} == {*comparison.target_pair}
        )
        rows.append(
            [dataset, first, second, averaging, evidence.pairs(dataset, first, second), len(run.piece_steps)]
            + [both.mean, both.low, both.high, over_repeats.low, over_repeats.high]
            + [(over_repeats.high - over_repeats.low) / 2, comparison.target_half_width if has_target else math.nan]
            + [over_pieces.low, over_pieces.high, _correlation(evidence, dataset, first, second, averaging)]
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _alone(evidence: Evidence, dataset: str, first: str, second: str, averaging: str, factor: str) -> Interval:
    """The difference with its interval over one factor, `repeats` or `pieces`, the other held as it is."""
    a, b, steps = _scores(evidence, dataset, first, second, averaging)
    if factor == "repeats":
        a, b, steps = a.sum(1, keepdims=True), b.sum(1, keepdims=True), steps.sum(keepdims=True)
    else:
        a, b = a.mean(0, keepdims=True), b.mean(0, keepdims=True)
    rng = evidence.resampling.generator(f"difference over {factor}", dataset, first, second, averaging)
    return difference(a, b, steps, "pooled", evidence.resampling, rng)


def _correlation(evidence: Evidence, dataset: str, first: str, second: str, averaging: str) -> float:
    """Of the two cells' NLLs over the repeats that both have; NaN for fewer than three, or without any spread."""
    a, b, _ = _scores(evidence, dataset, first, second, averaging)
    a, b = a.sum(1), b.sum(1)
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 2 and np.ptp(a) > 0 and np.ptp(b) > 0 else math.nan


def _scores(
    evidence: Evidence, dataset: str, first: str, second: str, averaging: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both cells' NLLs of each piece, [R, N] twice, and the weights [N] by whose sum a sum over pieces is divided."""
    runs = evidence.runs[dataset, first], evidence.runs[dataset, second]
    a, b, steps = *paired(*runs), runs[0].piece_steps
    return (a, b, steps) if averaging == "pooled" else (a / steps, b / steps, np.ones_like(steps))
