"""Independent logistic units, one a note: the paper's output for music.

p(y_t,k = 1) = σ(h_t V_k + c_k),   −log p(y_t) = Σ_k softplus(a_k) − y_k a_k   with a = h_t V + c
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter


@dataclass(frozen=True)
class Settings:
    """Nothing to choose."""


def parameters(units: int, targets: int, settings: Settings) -> dict[str, Parameter]:
    """H·K + K numbers."""
    return {"V": Parameter((units, targets), "output"), "c": Parameter((targets,), "bias")}


def frequent(targets: np.ndarray) -> dict[str, np.ndarray]:
    """Parameters of a net that says at every step how frequent each note is: y [F, K] → c [K], the log-odds.

    Half a frame with the note and half a one without are added, or the odds of a note that never sounds would be none.
    """
    on = targets.sum(0, dtype=float) + 0.5
    return {"c": np.log(on / (len(targets) + 1 - on))}


def negative_log_likelihood(weights: dict[str, Tensor], h: Tensor, y: Tensor, settings: Settings) -> Tensor:
    """h [S, H], y [S, K] of zeros and ones → [S], nats per step summed over the K notes."""
    logits = h @ weights["V"] + weights["c"]
    return (torch.nn.functional.softplus(logits) - y * logits).sum(-1)
