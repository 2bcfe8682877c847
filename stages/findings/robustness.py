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
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from stages.findings.design import Counterpart, Design, SecondArm
from stages.findings.evidence import Evidence
from stages.findings.records import Run
from stages.findings.statistics import Interval, Resampling, mean_over_repeats, pooled_mean

Runs = dict[tuple[str, str], Run]

EDITION, UNTOUCHED, TOUCHED, ARM = "edition", "untouched", "touched", "arm"
HOLDS, TURNS, UNDECIDED = "holds", "turns", "undecided"
LEAKAGE_COLUMNS = (
    "dataset,cell,part,window,pitches,pieces,frames,leaked_frames,leaked_share,repeats,nll_mean,nll_low,nll_high"
).split(",")
ARMS_COLUMNS = (
    "dataset,matching,cell,units,recurrent_parameters,total_parameters,repeats,nll_mean,nll_low,nll_high"
).split(",")
ROBUSTNESS_COLUMNS = (
    "dataset,condition,elsewhere,first,second,main_repeats,main_pieces,main_mean,main_low,main_high,"
    "repeats,pieces,difference_mean,difference_low,difference_high,order"
).split(",")


@dataclass(frozen=True)
class Condition:
    """A dataset of the study under a condition: the evidence there, and the dataset's name in it."""

    dataset: str
    name: str
    elsewhere: str
    evidence: Evidence


def conditions(
    study: Evidence,
    design: Design,
    counterparts: Mapping[str, Counterpart],
    leakage: Mapping[str, pd.DataFrame],
    arm: Runs,
) -> list[Condition]:
    """Every condition that there is evidence for, by dataset.

    Args:
        leakage: what training has heard of each test piece, by dataset.
        arm: the second arm's runs.
    """
    parts = {
        part: _with(study, {run: _only(study.runs[run], pieces) for run, pieces in of_part.items()})
        for part, of_part in _parts(design, leakage).items()
    }
    second = _with(study, arm)
    found = []
    for dataset in design.datasets:
        found += [Condition(dataset, EDITION, other, study) for other in _editions(dataset, design, counterparts)]
        for name, evidence in ({**parts, ARM: second}).items():
            if any(dataset == known for known, _ in evidence.runs):
                found.append(Condition(dataset, name, dataset, evidence))
    return found


def _with(study: Evidence, runs: Runs) -> Evidence:
    """The study's rules on other runs."""
    return Evidence(runs, study.rules, study.resampling, study.preliminary, memories={})


def _editions(dataset: str, design: Design, counterparts: Mapping[str, Counterpart]) -> list[str]:
    """The datasets of the design that hold the same music as this one, if this one is the paper's own data."""
    own = counterparts.get(dataset)
    if own is None or own.data != "same":
        return []
    there = {other: counterparts[other] for other in design.datasets if other in counterparts}
    return [other for other, stated in there.items() if stated.name == own.name and stated.data == "reprocessed"]


def _parts(design: Design, leakage: Mapping[str, pd.DataFrame]) -> dict[str, dict[tuple[str, str], pd.Series]]:
    """Part → (dataset, cell) → the numbers of its pieces; only for datasets with pieces of both kinds."""
    split = {dataset: pieces for dataset, pieces in leakage.items() if pieces["touched"].nunique() == 2}
    return {
        part: {
            (dataset, cell): pieces.loc[pieces["touched"] == (part == TOUCHED), "piece"]
            for dataset, pieces in split.items()
            for cell in design.cells
        }
        for part in (UNTOUCHED, TOUCHED)
    }


def _only(run: Run, pieces: pd.Series) -> Run:
    """A run as scored on some of its test pieces alone."""
    return replace(run, all_pieces=run.all_pieces[run.all_pieces["piece"].isin(pieces)])


def robustness_table(study: Evidence, design: Design, found: list[Condition]) -> pd.DataFrame:
    """robustness.csv: a pair's difference in test NLL, pooled, in the study (`main_…`) and under each condition.

    `elsewhere` is the other edition's name, or the dataset itself. `repeats` is the smaller of the two cells' numbers
    of repeats with a result.
    """
    rows = []
    for condition, (second, first) in itertools.product(found, itertools.combinations(design.cells, 2)):
        sides = [(study, condition.dataset), (condition.evidence, condition.elsewhere)]
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
            row += [repeats, pieces, interval.mean, interval.low, interval.high]
        rows.append([*row, order])
    return pd.DataFrame(rows, columns=ROBUSTNESS_COLUMNS)


def same_order(here: Interval, there: Interval) -> str:
    """Whether two differences lie on the same side of zero, by their intervals; an unknown interval decides nothing."""
    signs = {(interval.low > 0) - (interval.high < 0) if interval.known else 0 for interval in (here, there)}
    return UNDECIDED if 0 in signs else HOLDS if len(signs) == 1 else TURNS


def leakage_table(
    runs: Runs, leakage: Mapping[str, pd.DataFrame], window: int, pitches: int, resampling: Resampling
) -> pd.DataFrame:
    """leakage.csv: test NLL, pooled, on all pieces, and apart on the touched and the untouched where there are both.

    Intervals are over repeats and pieces. `frames` counts a piece's first one too; `leaked_share` is the share of the
    part's frames that lie in a leaked window.
    """
    rows = []
    for (dataset, cell), run in runs.items():
        if dataset not in leakage or not len(run.piece_nll):
            continue
        pieces = leakage[dataset]
        touched = pieces["touched"].to_numpy(bool)
        for part, kept in {"all": touched | True, UNTOUCHED: ~touched, TOUCHED: touched}.items():
            if not kept.any() or (part != "all" and kept.all()):
                continue
            rng = resampling.generator("leakage", dataset, cell, part)
            nll = pooled_mean(run.piece_nll[:, kept], run.piece_steps[kept], resampling, rng)
            frames, leaked = (int(pieces.loc[kept, column].sum()) for column in ("frames", "leaked_frames"))
            row = [dataset, cell, part, window, pitches, int(kept.sum()), frames, leaked, leaked / frames]
            rows.append([*row, len(run.piece_nll), nll.mean, nll.low, nll.high])
    return pd.DataFrame(rows, columns=LEAKAGE_COLUMNS)


def arms_table(runs: Runs, arm: Runs, settings: SecondArm, resampling: Resampling) -> pd.DataFrame:
    """arms.csv: sizes and test NLL, pooled, of both arms on the datasets that have a second one.

    Means are over repeats with their intervals over repeats, drawn as in summary.csv. Cells whose nets are the same in
    both arms stand in both.
    """
    rows = []
    for dataset in dict.fromkeys(dataset for dataset, _ in arm):
        first = {cell: run for (known, cell), run in runs.items() if known == dataset}
        second = {cell: run for (known, cell), run in arm.items() if known == dataset}
        matchings = {next(iter(first.values())).info["matching"]: first, settings.matching: second}
        for matching, of_cells in matchings.items():
            for cell, run in of_cells.items():
                values = run.results["test_nll"].dropna().to_numpy(float)
                rng = resampling.generator("summary", dataset, cell, "test", "pooled")
                nll = mean_over_repeats(values, resampling, rng) if len(values) else Interval(*[float("nan")] * 3)
                sizes = [run.info[size] for size in ("units", "recurrent_parameters", "total_parameters")]
                rows.append([dataset, matching, cell, *sizes, len(values), nll.mean, nll.low, nll.high])
    return pd.DataFrame(rows, columns=ARMS_COLUMNS)
