"""Long short-term memory with diagonal peepholes (Graves 2013; Chung et al. 2014, section 3.1).

    i_t = σ(x_t W_i + h_{t−1} U_i + V_i ⊙ c_{t−1} + b_i)        input gate
    f_t = σ(x_t W_f + h_{t−1} U_f + V_f ⊙ c_{t−1} + b_f)        forget gate
    c̃_t = tanh(x_t W_c + h_{t−1} U_c + b_c)                     candidate memory
    c_t = f_t ⊙ c_{t−1} + i_t ⊙ c̃_t                             memory
    o_t = σ(x_t W_o + h_{t−1} U_o + V_o ⊙ c_t + b_o)            output gate: it sees the new memory
    h_t = o_t ⊙ tanh(c_t),   h_0 = c_0 = 0

Columns of W, U and b: i, f, c̃, o. Rows of V: i, f, o. The usual library LSTM has no V and two biases.
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 2
GATES = ("input", "forget", "output")
KEEPING = ("forget", 1)  # c_{t−1} is kept by f = σ(logit)


def parameters(inputs: int, units: int) -> dict[str, Parameter]:
    """4(D·H + H² + H) + 3H numbers."""
    return {
        "W": Parameter((inputs, 4 * units), "input"),
        "U": Parameter((units, 4 * units), "recurrent"),
        "V": Parameter((3, units), "peephole"),
        "b": Parameter((4 * units,), "bias"),
    }


def step(weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """x [B, D], h and c [B, H] → h and c [B, H]."""
    h, c = state
    peep_i, peep_f, peep_o = weights["V"].unbind(0)
    i, f, candidate, o = (x @ weights["W"] + h @ weights["U"] + weights["b"]).chunk(4, dim=-1)
    i = torch.sigmoid(i + peep_i * c)
    f = torch.sigmoid(f + peep_f * c)
    c = f * c + i * torch.tanh(candidate)
    o = torch.sigmoid(o + peep_o * c)
    return o * torch.tanh(c), c
