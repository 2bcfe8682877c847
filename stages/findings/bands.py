"""Learning curves of many repeats as one line with a band: what is drawn in the manner of the paper's Figures 2 and 3.

Nets stop at different epochs. After its last epoch a net is carried forward at its best epoch's values, because those
are the weights that are kept: so the median at the end is that of the nets that the results are made of.
"""

import math

import numpy as np
import pandas as pd

from stages.findings.design import Comparison
from stages.findings.records import Run

CURVES = ("train", "valid")
COLUMNS = (
    "dataset,cell,repeats,epoch,updates,seconds,running,median_stop,train_median,train_low,train_high,valid_median,"
    "valid_low,valid_high"
).split(",")

# Points kept of a curve: a 500-epoch line at screen size needs no more, and the file stays small.
POINTS = 120


def bands_table(runs: dict[tuple[str, str], Run], comparison: Comparison) -> pd.DataFrame:
    """bands.csv: median over repeats of the chosen nets' NLLs at an epoch, with a band, nats per step, clean weights.

    The band runs from the lowest repeat to the highest; with compare.band_repeats or more, from the quantile
    compare.band_quantile to its counterpart; with one there is none. `running` counts the nets that train in that
    epoch; `median_stop` marks the last epoch of the median net. Seconds are those of one net trained alone.
    """
    frames = [_bands(run, comparison) for run in runs.values() if len(run.chosen_curves)]
    return pd.concat(frames, ignore_index=True)[COLUMNS] if frames else pd.DataFrame(columns=COLUMNS)


def _bands(run: Run, comparison: Comparison) -> pd.DataFrame:
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
            "seconds": updates.loc[epochs].to_numpy() * run.info["seconds_per_update"],
            "running": (last.to_numpy() >= epochs[:, None]).sum(1),
            "median_stop": epochs == stop,
        }
    )
    share = comparison.band_quantile if len(last) >= comparison.band_repeats else 0.0
    for curve in CURVES:
        low, median, high = np.quantile(_carried(run, f"{curve}_nll").loc[epochs], [share, 0.5, 1 - share], axis=1)
        known = len(last) > 1
        table[f"{curve}_median"] = median
        table[f"{curve}_low"], table[f"{curve}_high"] = (low, high) if known else (math.nan, math.nan)
    return table


def _carried(run: Run, column: str) -> pd.DataFrame:
    """[epoch, repeat]: each repeat's curve, carried forward at its best epoch's value after its last epoch."""
    wide = run.chosen_curves.pivot(index="epoch", columns="repeat", values=column)
    best = run.results.set_index("repeat")["best_epoch"]
    return wide.fillna({repeat: wide.loc[best[repeat], repeat] for repeat in wide})


def kept(length: int) -> np.ndarray:
    """Which points of a curve to keep: all of a short one; of a long one closer at the start, where it is steep."""
    if length <= POINTS:
        return np.arange(length)
    return np.unique(np.round((np.linspace(0, 1, POINTS - 1) ** 1.5) * (length - 1)).astype(int))
