"""One net's gradients and gates in the few numbers that are kept: rows of gradients.csv, memory.csv and gates.csv.

Norms are set beside the norm at lag 0, r(lag) = g(lag) / g(0), as log10, so that a mean over cases is one of factors: a
state's, and its parts', beside the whole state's norm at lag 0, an input's beside the input's.
"""

import math
from types import ModuleType
from typing import Any

import numpy as np
from torch import Tensor

from stages.reach.gates import Logits, unit_half_lives
from stages.reach.settings import Settings

GRADIENTS = "variable,lag,cases,log10_ratio,q10,q50,q90".split(",")
MEMORY = (
    "pieces,cases,longest_lag,reference_lag,vanish_ratio,explode_ratio,log10_ratio,share_vanishing,share_exploding,"
    "half_life,half_life_of_curve"
).split(",")
GATES = "gate,opening,share_closed,share_open,q10,q50,q90,half_life,half_life_q90".split(",")

QUANTILES = (0.1, 0.5, 0.9)


def log10_ratios(norms: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """variable → log10 r, [L + 1, B]; a norm of 0 counts as the least number that float64 holds."""
    logs = {name: np.log10(np.maximum(found.cpu().numpy(), np.finfo(float).tiny)) for name, found in norms.items()}
    return {name: found - logs["input" if name == "input" else "state"][0] for name, found in logs.items()}


def gradient_rows(ratios: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Mean and quantiles over cases of every variable's log10 r, a row per lag."""
    rows = []
    for variable, found in ratios.items():
        quantiles = np.quantile(found, QUANTILES, axis=1)
        for lag, values in enumerate(zip(found.mean(1), *quantiles, strict=True)):
            rows.append(dict(zip(GRADIENTS, [variable, lag, found.shape[1], *values], strict=True)))
    return rows


def memory_row(ratios: dict[str, np.ndarray], pieces: int, settings: Settings) -> dict[str, Any]:
    """What the claims ask of one net: shares of vanishing and exploding cases, and the half-life of an input.

    The shares are those of r(reference_lag) of the state, NaN where the data do not reach so far back. `half_life` is
    the median over cases, `half_life_of_curve` that of the mean curve.
    """
    state, inputs = ratios["state"], ratios["input"]
    reference, longest_lag = settings.reference_lag, len(state) - 1
    at = state[reference] if reference <= longest_lag else np.array([math.nan])
    vanish, explode = settings.vanish_ratio, settings.explode_ratio
    shares = (
        [math.nan, math.nan] if np.isnan(at[0]) else [(at < np.log10(vanish)).mean(), (at > np.log10(explode)).mean()]
    )
    half_lives = [np.median(half_life(inputs)), float(half_life(inputs.mean(1)))]
    sizes = [pieces, state.shape[1], longest_lag, reference, vanish, explode]
    return dict(zip(MEMORY, [*sizes, at.mean(), *shares, *half_lives], strict=True))


def half_life(log10_ratio: np.ndarray) -> np.ndarray:
    """The lag at which curves first fall below half, straight between two lags; the last lag where they never do.

    Args:
        log10_ratio: [L + 1, ...], 0 at lag 0.

    Returns:
        [...], in steps.
    """
    half = math.log10(0.5)
    below = log10_ratio < half
    after = np.where(below.any(0), below.argmax(0), 1)[None]  # the first lag below; lag 0 never is
    if len(log10_ratio) == 1:
        return np.zeros(log10_ratio.shape[1:])
    high, low = (np.take_along_axis(log10_ratio, lag, 0)[0] for lag in (after - 1, after))
    with np.errstate(divide="ignore", invalid="ignore"):  # a flat curve never falls
        crossing = after[0] - 1 + (high - half) / (high - low)
    return np.where(below.any(0), crossing, len(log10_ratio) - 1.0)


def gate_rows(cell: ModuleType, of: Logits, settings: Settings) -> list[dict[str, Any]]:
    """Each gate's values over all steps, cases and units; the half-lives, over units, stand with the keeping gate."""
    rows = []
    for gate, found in of.items():
        values = found.sigmoid().cpu().numpy()
        shares = [(values < settings.gate_closed).mean(), (values > settings.gate_open).mean()]
        keeps = gate == getattr(cell, "KEEPING", (None,))[0]  # a cell may keep all of its state
        lives = np.quantile(unit_half_lives(cell, of).cpu().numpy(), (0.5, 0.9)) if keeps else [math.nan] * 2
        row = [gate, values.mean(), *shares, *np.quantile(values, QUANTILES), *lives]
        rows.append(dict(zip(GATES, row, strict=True)))
    return rows
