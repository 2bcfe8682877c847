"""The LSTM without its output gate: the memory is always shown (Greff et al. 2017, NOG).

    i_t = σ(x_t W_i + h_{t−1} U_i + V_i ⊙ c_{t−1} + b_i)        input gate
    f_t = σ(x_t W_f + h_{t−1} U_f + V_f ⊙ c_{t−1} + b_f)        forget gate
    c̃_t = tanh(x_t W_c + h_{t−1} U_c + b_c)                     candidate memory
    c_t = f_t ⊙ c_{t−1} + i_t ⊙ c̃_t                             memory
    h_t = tanh(c_t),   h_0 = c_0 = 0

Columns of W, U and b: i, f, c̃. Rows of V: i, f.
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 2
GATES = ("input", "forget")
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
    peep_i, peep_f = weights["V"].unbind(0)
    i, f, candidate = (x @ weights["W"] + h @ weights["U"] + weights["b"]).chunk(3, dim=-1)
    i = torch.sigmoid(i + peep_i * c)
    f = torch.sigmoid(f + peep_f * c)
    c = f * c + i * torch.tanh(candidate)
    return torch.tanh(c), c
