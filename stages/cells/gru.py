"""Gated recurrent unit with the reset before the matrix product (Cho et al. 2014; Chung et al. 2014, section 3.2).

    z_t = σ(x_t W_z + h_{t−1} U_z + b_z)                        update gate: weighs the candidate
    r_t = σ(x_t W_r + h_{t−1} U_r + b_r)                        reset gate
    h̃_t = tanh(x_t W_h + (r_t ⊙ h_{t−1}) U_h + b_h)             candidate
    h_t = h_{t−1} + z_t ⊙ (h̃_t − h_{t−1}),   h_0 = 0            the paper's (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t

Columns of W, U and b: z, r, h̃. The usual library GRU resets after the product, has a second bias, and lets z weigh
the old state: another cell.
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 1
GATES = ("update", "reset")
KEEPING = ("update", -1)  # h_{t−1} is kept by 1 − z = σ(−logit)


def parameters(inputs: int, units: int) -> dict[str, Parameter]:
    """3(D·H + H² + H) numbers."""
    return {
        "W": Parameter((inputs, 3 * units), "input"),
        "U": Parameter((units, 3 * units), "recurrent"),
        "b": Parameter((3 * units,), "bias"),
    }


def step(weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor]) -> tuple[Tensor]:
    """x [B, D], h [B, H] → h [B, H]."""
    (h,) = state
    units = h.shape[-1]
    gates, candidate = (x @ weights["W"] + weights["b"]).split([2 * units, units], dim=-1)
    z, r = torch.sigmoid(gates + h @ weights["U"][:, : 2 * units]).chunk(2, dim=-1)
    candidate = torch.tanh(candidate + (r * h) @ weights["U"][:, 2 * units :])
    return (h + z * (candidate - h),)
