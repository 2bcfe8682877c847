"""Progress as numbers: the epochs, updates and seconds in which a chosen net passes levels of validation NLL.

The last level of a dataset is the validation NLL that every chosen net of all cells reaches: the worst of their best
values, plus claims.level_slack. A repeat whose candidates all diverged has no chosen net and is left out of that worst,
and so is a cell all of whose repeats did. The levels before it lie on the way down to it from the validation NLL of the
dataset's simplest baseline, the one with the highest.
"""

import math

import pandas as pd

from stages.findings.design import Comparison, Design
from stages.findings.evidence import Evidence
from stages.findings.records import Run
from stages.findings.statistics import mean_interval

CLOCKS = ("epochs", "updates", "seconds")  # the last needs comparable timings
COLUMNS = "dataset,share,level,cell,clock,repeats,reached,mean,low,high".split(",")


def milestones_table(
    evidence: Evidence, design: Design, comparison: Comparison, baselines: pd.DataFrame
) -> pd.DataFrame:
    """milestones.csv: a row per dataset, level, cell and clock: the mean over the repeats that reach the level.

    `share` is the level's place on the way from the baseline (0) to the level that all reach (1); without a baseline
    above it there is the last level alone. `reached` of `repeats` reach it; the others are not in the mean. Seconds are
    there where all cells of a dataset were timed on the same device by the same engine.
    """
    rows = []
    for dataset in design.datasets:
        runs = [evidence.runs[dataset, cell] for cell in design.cells]
        timed = all(evidence.same_clock(dataset, design.cells[0], cell) for cell in design.cells)
        for share, level in _levels(runs, dataset, evidence, comparison, baselines):
            for run in runs:
                reached = _first_rows(run, level)
                for clock in CLOCKS if timed else CLOCKS[:2]:
                    # the same draws on every clock
                    key = ("milestone", dataset, run.cell)
                    found = mean_interval(reached[clock], evidence.resampling, *key, bounds=(0.0, math.inf))
                    rows.append(
                        [dataset, share, level, run.cell, clock, len(run.repeats), len(reached)]
                        + [found.mean, found.low, found.high]
                    )
    return pd.DataFrame(rows, columns=COLUMNS)


def _levels(
    runs: list[Run], dataset: str, evidence: Evidence, comparison: Comparison, baselines: pd.DataFrame
) -> list[tuple[float, float]]:
    """(share, level) from the first to the last; none where every net diverged."""
    worst = [run.worst_valid_nll for run in runs if not math.isnan(run.worst_valid_nll)]
    if not worst:
        return []
    last = max(worst) + evidence.rules.level_slack
    start = baselines.query("dataset == @dataset and split == 'valid' and averaging == 'pooled'")["nll"].max()
    shares = comparison.milestones if start > last else comparison.milestones[-1:]
    return [(share, start + share * (last - start) if share < 1 else last) for share in shares]


def _first_rows(run: Run, level: float) -> pd.DataFrame:
    """[repeat: epochs, updates, seconds] of the first epoch whose validation NLL is at most `level`."""
    curves = run.chosen_curves
    first = curves[curves["valid_nll"] <= level].groupby("repeat").first()
    return pd.DataFrame(
        {
            "epochs": first["epoch"],
            "updates": first["updates"],
            "seconds": first["updates"] * run.info["seconds_per_update"],
        }
    )
