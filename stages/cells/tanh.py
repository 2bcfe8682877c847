"""The traditional recurrent unit (Chung et al. 2014, section 2).

h_t = tanh(x_t W + h_{t−1} U + b),   h_0 = 0
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 1


def parameters(inputs: int, units: int) -> dict[str, Parameter]:
    """D·H + H² + H numbers."""
    return {
        "W": Parameter((inputs, units), "input"),
        "U": Parameter((units, units), "recurrent"),
        "b": Parameter((units,), "bias"),
    }


def step(weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor]) -> tuple[Tensor]:
    """x [B, D], h [B, H] → h [B, H]."""
    (h,) = state
    return (torch.tanh(x @ weights["W"] + h @ weights["U"] + weights["b"]),)
