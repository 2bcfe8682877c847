"""A tanh unit with a shortcut and no gate: each unit leaks at a constant rate that is learned (Jaeger et al. 2007).

    a = σ(v)                                                    leak, one number a unit
    h_t = h_{t−1} + a ⊙ (tanh(x_t W + h_{t−1} U + b) − h_{t−1}),   h_0 = 0

a begins at ½.
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 1


def parameters(inputs: int, units: int) -> dict[str, Parameter]:
    """D·H + H² + 2H numbers."""
    return {
        "W": Parameter((inputs, units), "input"),
        "U": Parameter((units, units), "recurrent"),
        "v": Parameter((units,), "peephole"),
        "b": Parameter((units,), "bias"),
    }


def step(weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor]) -> tuple[Tensor]:
    """x [B, D], h [B, H] → h [B, H]."""
    (h,) = state
    new = torch.tanh(x @ weights["W"] + h @ weights["U"] + weights["b"])
    return (h + torch.sigmoid(weights["v"]) * (new - h),)
