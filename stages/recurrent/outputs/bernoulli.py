"""Independent logistic units, one a note: the paper's output for music.

p(y_t,k = 1) = σ(h_t V_k + c_k),   −log p(y_t) = Σ_k softplus(a_k) − y_k a_k   with a = h_t V + c
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter


@dataclass(frozen=True)
class Settings:
    """Nothing to choose."""


def parameters(units: int, targets: int, settings: Settings) -> dict[str, Parameter]:
    """H·K + K numbers."""
    return {"V": Parameter((units, targets), "output"), "c": Parameter((targets,), "bias")}


def negative_log_likelihood(weights: dict[str, Tensor], h: Tensor, y: Tensor, settings: Settings) -> Tensor:
    """h [S, H], y [S, K] of zeros and ones → [S], nats per step summed over the K notes."""
    logits = h @ weights["V"] + weights["c"]
    return (torch.nn.functional.softplus(logits) - y * logits).sum(-1)
