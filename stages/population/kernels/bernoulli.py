"""The logistic output layer's loss and its gradient at the logits; equations in `recurrent/outputs/bernoulli.py`."""

import numpy as np
from numba import float32, njit

from .elementary import exp, log

SILENT = np.float32(-60)  # the logit of a padding column: its loss and gradient are below 1e-26


@njit(error_model="numpy", fastmath={"contract", "reassoc"})
def loss(logits, frames, notes, ends, nll):
    """Overwrites logits [S, K] by their gradient and writes nll [S], nats per step.

    Frame f's notes, those with y = 1, are notes[ends[f] : ends[f + 1]].
    """
    for s in range(nll.size):
        row = logits[s]
        first, end = ends[frames[s]], ends[frames[s] + 1]
        total = float32(0)
        for at in range(first, end):
            total -= row[notes[at]]
        for k in range(row.size):
            x = row[k]
            e = exp(-abs(x))
            total += (x if x > float32(0) else float32(0)) + log(float32(1) + e)
            row[k] = (float32(1) if x > float32(0) else e) / (float32(1) + e)
        for at in range(first, end):
            row[notes[at]] -= float32(1)
        nll[s] = total
