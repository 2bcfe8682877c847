"""The GRU without its reset gate: the candidate always sees the whole old state.

    z_t = σ(x_t W_z + h_{t−1} U_z + b_z)            update gate: weighs the candidate
    h̃_t = tanh(x_t W_h + h_{t−1} U_h + b_h)         candidate
    h_t = h_{t−1} + z_t ⊙ (h̃_t − h_{t−1}),   h_0 = 0

Columns of W, U and b: z, h̃.
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 1
GATES = ("update",)
KEEPING = ("update", -1)  # h_{t−1} is kept by 1 − z = σ(−logit)


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
    z, candidate = (x @ weights["W"] + h @ weights["U"] + weights["b"]).chunk(2, dim=-1)
    return (h + torch.sigmoid(z) * (torch.tanh(candidate) - h),)
