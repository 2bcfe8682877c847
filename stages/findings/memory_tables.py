"""The tables of how far back nets reach: gradients.csv, memory.csv and gates.csv of reports/tables/.

A row per dataset, cell and kind of net, trained or untrained: means over repeats of what each net's file holds, with
bootstrap intervals over repeats. `repeats` counts those that have such a net; with one there is no interval.
"""

import numpy as np
import pandas as pd

from stages.findings.memory_records import TRAINED, UNTRAINED, Memories
from stages.findings.statistics import SHARE, UNBOUNDED, Resampling, means_over_repeats

GRADIENTS = (
    "dataset,cell,net,variable,lag,repeats,cases,log10_ratio_mean,log10_ratio_low,log10_ratio_high,q10,q50,q90"
).split(",")
SHARED = ["pieces", "cases", "longest_lag", "reference_lag", "vanish_ratio", "explode_ratio"]
OF_NETS = ["log10_ratio", "share_vanishing", "share_exploding", "half_life", "half_life_of_curve"]
OF_GATES = ["opening", "share_closed", "share_open"]
HALF_LIVES = ["half_life", "half_life_q90"]
QUANTILES = ["q10", "q50", "q90"]


def _triples(columns: list[str]) -> list[str]:
    return [f"{column}_{end}" for column in columns for end in ("mean", "low", "high")]


def gradients_table(memories: Memories, resampling: Resampling) -> pd.DataFrame:
    """gradients.csv: log10 of a gradient's norm over that at lag 0, by lag.

    `variable`: `state`, or `input`, and for a cell that carries more than h also `hidden` (h alone) and `memory` (the
    rest), both beside the norm of the state at lag 0. Quantiles are over cases, the mean of the nets' quantiles. The
    lags of a net belong together and are resampled together.
    """
    rows = []
    for (dataset, cell), memory in memories.items():
        for net in (TRAINED, UNTRAINED):
            of_net = memory.gradients[memory.gradients["net"] == net]
            for variable, found in of_net.groupby("variable", sort=False):
                by_repeat = found.pivot(index="repeat", columns="lag", values="log10_ratio")
                rng = resampling.generator("gradients", dataset, cell, net, str(variable))
                intervals = means_over_repeats(by_repeat.to_numpy(float), resampling, rng)
                by_lag = found.groupby("lag")
                quantiles, cases = by_lag[QUANTILES].mean(), by_lag["cases"].first()
                for lag, interval in zip(by_repeat.columns, intervals, strict=True):
                    ends = [interval.mean, interval.low, interval.high]
                    row = [dataset, cell, net, variable, lag, len(by_repeat), cases[lag], *ends, *quantiles.loc[lag]]
                    rows.append(row)
    return pd.DataFrame(rows, columns=GRADIENTS)


def memory_table(memories: Memories, resampling: Resampling) -> pd.DataFrame:
    """memory.csv: log10 r at the reference lag, the shares of cases that vanish or explode there, and an input's
    half-life: the lag at which the gradient with respect to it falls below half of that at lag 0.

    `half_life` is each net's median over cases, `half_life_of_curve` that of its mean curve; one as long as
    `longest_lag` was not reached.
    """
    rows = []
    for (dataset, cell), memory in memories.items():
        for net in (TRAINED, UNTRAINED):
            of_net = memory.nets[memory.nets["net"] == net]
            if of_net.empty:
                continue
            rng = resampling.generator("memory", dataset, cell, net)
            lag = (0.0, float(of_net["longest_lag"].iloc[0]))
            ends = _ends(of_net[OF_NETS], resampling, rng, [UNBOUNDED, SHARE, SHARE, lag, lag])
            rows.append([dataset, cell, net, len(of_net), *of_net[SHARED].iloc[0], *ends])
    table = pd.DataFrame(rows, columns=["dataset", "cell", "net", "repeats", *SHARED, *_triples(OF_NETS)])
    return table.astype(dict.fromkeys(["pieces", "cases", "longest_lag", "reference_lag"], "Int64"))


def gates_table(memories: Memories, resampling: Resampling) -> pd.DataFrame:
    """gates.csv: a gate's mean value (`opening`), the shares of its values that are nearly closed and nearly open.

    Quantiles are over steps, cases and units. A half-life is the steps after which a unit that keeps its mean share of
    its state (1 − z in the GRU, f in the LSTM) has kept half: the median over units, and the 90th percentile; their
    means over repeats are geometric, because half-lives of 1 and 10,000 steps occur side by side.
    """
    rows = []
    for (dataset, cell), memory in memories.items():
        for net in (TRAINED, UNTRAINED):
            of_net = memory.gates[memory.gates["net"] == net]
            for gate, found in of_net.groupby("gate", sort=False):
                rng = resampling.generator("gates", dataset, cell, net, str(gate))
                ends = _ends(found[OF_GATES], resampling, rng, [SHARE] * 3)
                lives = np.exp(_ends(np.log(found[HALF_LIVES]), resampling, rng))
                rows.append([dataset, cell, net, gate, len(found), *ends, *found[QUANTILES].mean(), *lives])
    columns = ["dataset", "cell", "net", "gate", "repeats", *_triples(OF_GATES), *QUANTILES, *_triples(HALF_LIVES)]
    return pd.DataFrame(rows, columns=columns)


def _ends(
    found: pd.DataFrame,
    resampling: Resampling,
    rng: np.random.Generator,
    bounds: list[tuple[float, float]] | None = None,
) -> list[float]:
    """Mean, low and high of every column, over the rows."""
    intervals = means_over_repeats(found.to_numpy(float), resampling, rng, bounds)
    return [end for interval in intervals for end in (interval.mean, interval.low, interval.high)]
