"""The GRU with the reset after the matrix product: the usual library GRU (Cho et al. 2014, first version).

    z_t = σ(x_t W_z + h_{t−1} U_z + b_z)                        update gate: weighs the candidate
    r_t = σ(x_t W_r + h_{t−1} U_r + b_r)                        reset gate
    h̃_t = tanh(x_t W_h + b_h + r_t ⊙ (h_{t−1} U_h + d))         candidate; d is the product's own bias
    h_t = h_{t−1} + z_t ⊙ (h̃_t − h_{t−1}),   h_0 = 0

Columns of W, U and b: z, r, h̃.
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 1
GATES = ("update", "reset")
KEEPING = ("update", -1)  # h_{t−1} is kept by 1 − z = σ(−logit)


def parameters(inputs: int, units: int) -> dict[str, Parameter]:
    """3(D·H + H² + H) + H numbers."""
    return {
        "W": Parameter((inputs, 3 * units), "input"),
        "U": Parameter((units, 3 * units), "recurrent"),
        "d": Parameter((units,), "bias"),
        "b": Parameter((3 * units,), "bias"),
    }


def step(weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor]) -> tuple[Tensor]:
    """x [B, D], h [B, H] → h [B, H]."""
    (h,) = state
    z, r, candidate = (x @ weights["W"] + weights["b"]).chunk(3, dim=-1)
    own_z, own_r, own = (h @ weights["U"]).chunk(3, dim=-1)
    z, r = torch.sigmoid(z + own_z), torch.sigmoid(r + own_r)
    candidate = torch.tanh(candidate + r * (own + weights["d"]))
    return (h + z * (candidate - h),)
