"""Minimal gated unit: one gate both forgets and resets (Zhou et al. 2016).

    f_t = σ(x_t W_f + h_{t−1} U_f + b_f)                        gate
    h̃_t = tanh(x_t W_h + (f_t ⊙ h_{t−1}) U_h + b_h)             candidate
    h_t = h_{t−1} + f_t ⊙ (h̃_t − h_{t−1}),   h_0 = 0

Columns of W, U and b: f, h̃.
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 1
GATES = ("update",)
KEEPING = ("update", -1)  # h_{t−1} is kept by 1 − f = σ(−logit)


def parameters(inputs: int, units: int) -> dict[str, Parameter]:
    """2(D·H + H² + H) numbers."""
    return {
        "W": Parameter((inputs, 2 * units), "input"),
        "U": Parameter((units, 2 * units), "recurrent"),
        "b": Parameter((2 * units,), "bias"),
    }


def step(weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor]) -> tuple[Tensor]:
    """x [B, D], h [B, H] → h [B, H]."""
    (h,) = state
    units = h.shape[-1]
    gate, candidate = (x @ weights["W"] + weights["b"]).split(units, dim=-1)
    f = torch.sigmoid(gate + h @ weights["U"][:, :units])
    candidate = torch.tanh(candidate + (f * h) @ weights["U"][:, units:])
    return (h + f * (candidate - h),)
