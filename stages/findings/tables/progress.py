"""Speed of learning: curves, their median and spread over repeats, and one unit's time to a level over another's.

Nets stop at different epochs. After its last epoch a net is carried forward at its best epoch's values, because those
are the weights that are kept: so the median at the end is that of the nets that the results are made of.
"""

import math

import numpy as np
import pandas as pd

from stages.findings.declare import table
from stages.findings.records.design import Comparison
from stages.findings.records.runs import Run
from stages.findings.study import Study
from stages.findings.tables.differences import pairs
from stages.presentation.wording import cell_name, number, set_of, span_of

# Points kept of a curve: a 500-epoch line at screen size needs no more, and the file stays small.
POINTS = 120


@table("dataset:word cell:word repeat:count candidate:count epoch:count updates:count train_nll valid_nll")
def curves(study: Study) -> pd.DataFrame:
    """The chosen candidates' learning curves."""
    frames = [run.chosen_curves.assign(dataset=dataset, cell=cell) for (dataset, cell), run in study.runs.items()]
    return pd.concat(frames, ignore_index=True)


@table(
    "dataset:word cell:word repeats:count epoch:count updates:count running:count median_stop:flag "
    "train_median train_low train_high valid_median valid_low valid_high"
)
def bands(study: Study) -> pd.DataFrame | list:
    """Median over repeats of the chosen nets' NLLs at an epoch, with a band, nats per step, clean weights.

    The band runs from the lowest repeat to the highest; with compare.band_repeats or more, from the quantile
    compare.band_quantile to its counterpart; with one there is none. `running` counts the nets that train in that
    epoch; `median_stop` marks the last epoch of the median net.
    """
    frames = [_bands(run, study.settings) for run in study.runs.values() if len(run.chosen_curves)]
    return pd.concat(frames, ignore_index=True) if frames else []


def _bands(run: Run, settings: Comparison) -> pd.DataFrame:
    curves = run.chosen_curves
    last = curves.groupby("repeat")["epoch"].max()
    updates = curves.drop_duplicates("epoch").set_index("epoch")["updates"].sort_index()
    stop = int(last.sort_values().iloc[math.ceil(len(last) / 2) - 1])
    epochs = np.union1d(updates.index[kept(len(updates))], stop)
    table = pd.DataFrame(
        {
            "dataset": run.dataset,
            "cell": run.cell,
            "repeats": len(last),
            "epoch": epochs,
            "updates": updates.loc[epochs].to_numpy(),
            "running": (last.to_numpy() >= epochs[:, None]).sum(1),
            "median_stop": epochs == stop,
        }
    )
    share = settings.band_quantile if len(last) >= settings.band_repeats else 0.0
    for curve in ("train", "valid"):
        low, median, high = np.quantile(_carried(run, f"{curve}_nll").loc[epochs], [share, 0.5, 1 - share], axis=1)
        known = len(last) > 1
        table[f"{curve}_median"] = median
        table[f"{curve}_low"], table[f"{curve}_high"] = (low, high) if known else (math.nan, math.nan)
    return table


def _carried(run: Run, column: str) -> pd.DataFrame:
    """[epoch, repeat]: each repeat's curve, carried forward at its best epoch's value after its last epoch.

    Between epochs at which a curve was scored it is a straight line.
    """
    wide = run.chosen_curves.pivot(index="epoch", columns="repeat", values=column)
    best = run.results.set_index("repeat")["best_epoch"]
    wide = wide.interpolate(method="index", limit_area="inside")
    return wide.fillna({repeat: wide.loc[best[repeat], repeat] for repeat in wide})


def kept(length: int) -> np.ndarray:
    """Which points of a curve to keep: all of a short one; of a long one closer at the start, where it is steep."""
    if length <= POINTS:
        return np.arange(length)
    return np.unique(np.round((np.linspace(0, 1, POINTS - 1) ** 1.5) * (length - 1)).astype(int))


@table(
    "dataset:word first:word second:word clock:word repeats:count level ratio_mean ratio_low ratio_high",
    {
        "set": set_of,
        "units": lambda row: f"{cell_name(row.first)} over {cell_name(row.second)}",
        "counted in": "clock",
        "n": "repeats",
        "to validation NLL": lambda row: number(row.level),
        "ratio": span_of("ratio"),
    },
)
def progress(study: Study) -> list[list]:
    """One cell's updates or seconds to the pair's validation level over another's (see inference/claims.py)."""
    evidence, rows = study.evidence, []
    for dataset, first, second, clock in pairs(study, ("updates", "seconds")):
        if clock == "seconds" and not evidence.same_clock(dataset, first, second):
            continue
        found = evidence.progress(dataset, first, second, clock)
        repeats, level = evidence.pairs(dataset, first, second), evidence.level(dataset, first, second)
        rows.append([dataset, first, second, clock, repeats, level, *found])
    return rows
