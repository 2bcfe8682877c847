"""The LSTM without peepholes: the usual library LSTM, whose two biases are one here (Gers et al. 2000).

    i_t = σ(x_t W_i + h_{t−1} U_i + b_i)        input gate
    f_t = σ(x_t W_f + h_{t−1} U_f + b_f)        forget gate
    c̃_t = tanh(x_t W_c + h_{t−1} U_c + b_c)     candidate memory
    c_t = f_t ⊙ c_{t−1} + i_t ⊙ c̃_t             memory
    o_t = σ(x_t W_o + h_{t−1} U_o + b_o)        output gate
    h_t = o_t ⊙ tanh(c_t),   h_0 = c_0 = 0

Columns of W, U and b: i, f, c̃, o.
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 2
GATES = ("input", "forget", "output")
KEEPING = ("forget", 1)  # c_{t−1} is kept by f = σ(logit)


def parameters(inputs: int, units: int) -> dict[str, Parameter]:
    """4(D·H + H² + H) numbers."""
    return {
        "W": Parameter((inputs, 4 * units), "input"),
        "U": Parameter((units, 4 * units), "recurrent"),
        "b": Parameter((4 * units,), "bias"),
    }


def step(weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """x [B, D], h and c [B, H] → h and c [B, H]."""
    h, c = state
    i, f, candidate, o = (x @ weights["W"] + h @ weights["U"] + weights["b"]).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(candidate)
    return torch.sigmoid(o) * torch.tanh(c), c
