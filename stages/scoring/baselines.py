"""What the data gives away without a recurrent net: baselines fitted on the training split, in nats per step.

A split here is any object with `inputs` [F, D], `targets` [F, K], `lengths` [N] and `output`, as prepared splits are.
Each baseline is a function of the training split that returns a function of a split: the NLL of each of its F steps.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.stats import multivariate_normal


class Split(Protocol):
    inputs: np.ndarray
    targets: np.ndarray
    lengths: np.ndarray
    output: str


StepNLL = Callable[[Split], np.ndarray]


def note_unigram(train: Split) -> StepNLL:
    """Every note on with its frequency in training, add-one: (count + 1) / (frames + 2), first frames counted too."""
    starts = _starts(train)
    count = train.targets.sum(0, dtype=np.int64) + train.inputs[starts].sum(0, dtype=np.int64)
    on = (count + 1) / (len(train.targets) + len(starts) + 2)
    return lambda split: _bernoulli(on, split.targets)


def copy_previous(train: Split) -> StepNLL:
    """Every note on with its frequency in training given whether it was on in the frame before, add-one."""
    before = train.inputs.astype(bool)
    on_after_on = (np.sum(train.targets * before, 0, dtype=np.int64) + 1) / (before.sum(0) + 2)
    on_after_off = (np.sum(train.targets * ~before, 0, dtype=np.int64) + 1) / ((~before).sum(0) + 2)
    return lambda split: _bernoulli(np.where(split.inputs, on_after_on, on_after_off), split.targets)


def single_gaussian(train: Split) -> StepNLL:
    """The next samples from one Gaussian with full covariance, whatever came before."""
    density = multivariate_normal(train.targets.mean(0, dtype=float), np.cov(train.targets.T.astype(float)))
    return lambda split: -np.atleast_1d(density.logpdf(split.targets))


def linear_predictor(train: Split) -> StepNLL:
    """The next samples linear in the window before them (least squares), with one Gaussian for the residuals."""

    def design(split: Split) -> np.ndarray:
        return np.column_stack([split.inputs, np.ones(len(split.inputs))]).astype(float)

    coefficients = np.linalg.lstsq(design(train), train.targets.astype(float), rcond=None)[0]
    residuals = train.targets - design(train) @ coefficients
    density = multivariate_normal(np.zeros(residuals.shape[1]), np.cov(residuals.T))
    return lambda split: -np.atleast_1d(density.logpdf(split.targets - design(split) @ coefficients))


BASELINES = {
    "bernoulli": {"note-1-gram": note_unigram, "copy-previous": copy_previous},
    "gaussian_mixture": {"single Gaussian": single_gaussian, "linear predictor": linear_predictor},
}


def baseline_table(splits: dict[str, Split]) -> pd.DataFrame:
    """A row per baseline, split and averaging: baseline, split, averaging, nll.

    Averagings: `pooled` over steps, `per_sequence` (the mean of per-sequence means), and for the note-1-gram
    `pooled_with_first_frame`, the convention of Boulanger-Lewandowski et al. 2012.
    """
    train = splits["train"]
    rows = []
    for baseline, fit in BASELINES[train.output].items():
        step_nll = fit(train)
        for name, split in splits.items():
            nll = step_nll(split)
            sums = np.add.reduceat(nll, _starts(split))
            rows.append((baseline, name, "pooled", nll.mean()))
            rows.append((baseline, name, "per_sequence", (sums / split.lengths).mean()))
            if baseline == "note-1-gram":
                rows.append((baseline, name, "pooled_with_first_frame", step_nll(_AllFrames(split)).mean()))
    return pd.DataFrame(rows, columns=["baseline", "split", "averaging", "nll"])


class _AllFrames:
    """A music split whose targets are all frames, the first of each piece included."""

    def __init__(self, split: Split):
        self.targets = np.concatenate([split.inputs[_starts(split)], split.targets])


def _starts(split: Split) -> np.ndarray:
    """[N]: the step at which each sequence starts."""
    return np.cumsum(split.lengths) - split.lengths


def _bernoulli(on: np.ndarray, notes: np.ndarray) -> np.ndarray:
    """NLL per frame [F] of notes [F, K] that sound with probabilities `on`, [K] or [F, K]."""
    return -np.where(notes, np.log(on), np.log1p(-on)).sum(-1)
