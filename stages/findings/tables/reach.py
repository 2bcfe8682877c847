"""How far back nets reach: gradients through time, what is left of them, and gates.

A row per dataset, cell and kind of net, trained or untrained: means over repeats of what each net's file holds, with
bootstrap intervals over repeats. `repeats` counts those that have such a net; with one there is no interval.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from stages.findings.declare import standard, table, triples
from stages.findings.inference.resampling import SHARE, UNBOUNDED, Resampling, means_over_repeats
from stages.findings.study import Study
from stages.presentation.wording import interval, measured, number, share, span_of

SHARED = ["pieces", "cases", "longest_lag", "reference_lag", "vanish_ratio", "explode_ratio"]
OF_NETS = ["log10_ratio", "share_vanishing", "share_exploding", "half_life", "half_life_of_curve"]
OF_GATES = ["opening", "share_closed", "share_open"]
HALF_LIVES = ["half_life", "half_life_q90"]
QUANTILES = ["q10", "q50", "q90"]
Bounds = list[tuple[float, float]]  # a pair a column


def _groups(study: Study, part: str, by: str) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """(dataset, cell, kind of net, value of `by`) and their rows of a part of the memories."""
    for (dataset, cell), memory in study.memories.items():
        for net, of_net in getattr(memory, part).groupby("net"):
            for value, found in of_net.groupby(by, sort=False):
                yield (dataset, cell, net, str(value)), found


@table(
    "dataset:word cell:word net:word variable:word lag:count repeats:count cases:count log10_ratio_mean "
    "log10_ratio_low log10_ratio_high q10 q50 q90"
)
def gradients(study: Study) -> list[list]:
    """log10 of a gradient's norm over that at lag 0, by lag.

    `variable`: `state`, or `input`, and for a cell that carries more than h also `hidden` (h alone) and `memory` (the
    rest), both beside the norm of the state at lag 0. Quantiles are over cases, the mean of the nets' quantiles. The
    lags of a net belong together and are resampled together.
    """
    rows = []
    for key, found in _groups(study, "gradients", "variable"):
        by_repeat = found.pivot(index="repeat", columns="lag", values="log10_ratio")
        rng = study.resampling.generator("gradients", *key)
        intervals = means_over_repeats(by_repeat.to_numpy(float), study.resampling, rng)
        by_lag = found.groupby("lag")
        quantiles, cases = by_lag[QUANTILES].mean(), by_lag["cases"].first()
        for lag, mean in zip(by_repeat.columns, intervals, strict=True):
            rows.append([*key, lag, len(by_repeat), cases[lag], *mean, *quantiles.loc[lag]])
    return rows


def _half_life(row: object) -> str:
    reached = "≥ " if row.half_life_mean >= row.longest_lag else ""
    return reached + interval(row.half_life_mean, row.half_life_low, row.half_life_high)


@table(
    "dataset:word cell:word net:word repeats:count pieces:count cases:count longest_lag:count reference_lag:count "
    f"vanish_ratio explode_ratio {triples(' '.join(OF_NETS))}",
    standard("set unit net n")
    | {
        "losses in pieces": lambda row: f"{row.cases} in {row.pieces}",
        "share vanished": span_of("share_vanishing", share, "not reached"),
        "share exploded": span_of("share_exploding", share, "not reached"),
        "log10 of the ratio": span_of("log10_ratio", lacking="not reached"),
        "half-life of an input": _half_life,
    },
)
def memory(study: Study) -> list[list]:
    """log10 r at the reference lag, the shares of cases that vanish or explode there, and an input's half-life.

    The half-life is the lag at which the gradient with respect to an input falls below half of that at lag 0:
    `half_life` is each net's median over cases, `half_life_of_curve` that of its mean curve; one as long as
    `longest_lag` was not reached.
    """
    rows = []
    for (dataset, cell, net, _), found in _groups(study, "nets", "net"):
        rng = study.resampling.generator("memory", dataset, cell, net)
        lag = (0.0, float(found["longest_lag"].iloc[0]))
        ends = _ends(found[OF_NETS], study.resampling, rng, [UNBOUNDED, SHARE, SHARE, lag, lag])
        rows.append([dataset, cell, net, len(found), *found[SHARED].iloc[0], *ends])
    return rows


@table(
    f"dataset:word cell:word net:word gate:word repeats:count {triples(' '.join(OF_GATES))} q10 q50 q90 "
    f"{triples(' '.join(HALF_LIVES))}",
    standard("set unit")
    | {
        "gate": "gate",
        "net": "net",
        "n": "repeats",
        "mean": span_of("opening"),
        "share closed": span_of("share_closed"),
        "share open": span_of("share_open"),
        "10 / 50 / 90%": lambda row: " / ".join(map(number, (row.q10, row.q50, row.q90))),
        "half-life, median unit": span_of("half_life", measured),
        "90th percentile": span_of("half_life_q90", measured),
    },
)
def gates(study: Study) -> list[list]:
    """A gate's mean value (`opening`), the shares of its values that are nearly closed and nearly open.

    Quantiles are over steps, cases and units. A half-life is the steps after which a unit that keeps its mean share of
    its state (1 − z in the GRU, f in the LSTM) has kept half: the median over units, and the 90th percentile; their
    means over repeats are geometric, because half-lives of 1 and 10,000 steps occur side by side.
    """
    rows = []
    for key, found in _groups(study, "gates", "gate"):
        rng = study.resampling.generator("gates", *key)
        ends = _ends(found[OF_GATES], study.resampling, rng, [SHARE] * 3)
        lives = np.exp(_ends(np.log(found[HALF_LIVES]), study.resampling, rng))
        rows.append([*key, len(found), *ends, *found[QUANTILES].mean(), *lives])
    return rows


def _ends(
    found: pd.DataFrame, resampling: Resampling, rng: np.random.Generator, bounds: Bounds | None = None
) -> list[float]:
    """Mean, low and high of every column, over the rows."""
    return [*itertools.chain(*means_over_repeats(found.to_numpy(float), resampling, rng, bounds))]
