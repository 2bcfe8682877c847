"""The LSTM with coupled gates: what is written is what is forgotten (Greff et al. 2017, CIFG).

    f_t = σ(x_t W_f + h_{t−1} U_f + V_f ⊙ c_{t−1} + b_f)        forget gate
    c̃_t = tanh(x_t W_c + h_{t−1} U_c + b_c)                     candidate memory
    c_t = c̃_t + f_t ⊙ (c_{t−1} − c̃_t)                           memory: the input gate is 1 − f_t
    o_t = σ(x_t W_o + h_{t−1} U_o + V_o ⊙ c_t + b_o)            output gate
    h_t = o_t ⊙ tanh(c_t),   h_0 = c_0 = 0

Columns of W, U and b: f, c̃, o. Rows of V: f, o.
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 2
GATES = ("forget", "output")
KEEPING = ("forget", 1)  # c_{t−1} is kept by f = σ(logit)


def parameters(inputs: int, units: int) -> dict[str, Parameter]:
    """3(D·H + H² + H) + 2H numbers."""
    return {
        "W": Parameter((inputs, 3 * units), "input"),
        "U": Parameter((units, 3 * units), "recurrent"),
        "V": Parameter((2, units), "peephole"),
        "b": Parameter((3 * units,), "bias"),
    }


def step(weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """x [B, D], h and c [B, H] → h and c [B, H]."""
    h, c = state
    peep_f, peep_o = weights["V"].unbind(0)
    f, candidate, o = (x @ weights["W"] + h @ weights["U"] + weights["b"]).chunk(3, dim=-1)
    f, candidate = torch.sigmoid(f + peep_f * c), torch.tanh(candidate)
    c = candidate + f * (c - candidate)
    o = torch.sigmoid(o + peep_o * c)
    return o * torch.tanh(c), c
