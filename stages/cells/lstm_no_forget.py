"""The LSTM of 1997, without a forget gate: the memory only ever adds up (Hochreiter and Schmidhuber 1997).

    i_t = σ(x_t W_i + h_{t−1} U_i + V_i ⊙ c_{t−1} + b_i)        input gate
    c̃_t = tanh(x_t W_c + h_{t−1} U_c + b_c)                     candidate memory
    c_t = c_{t−1} + i_t ⊙ c̃_t                                   memory
    o_t = σ(x_t W_o + h_{t−1} U_o + V_o ⊙ c_t + b_o)            output gate
    h_t = o_t ⊙ tanh(c_t),   h_0 = c_0 = 0

Columns of W, U and b: i, c̃, o. Rows of V: i, o; the unit of 1997 had no peepholes.
"""

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter

STATES = 2
GATES = ("input", "output")


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
    peep_i, peep_o = weights["V"].unbind(0)
    i, candidate, o = (x @ weights["W"] + h @ weights["U"] + weights["b"]).chunk(3, dim=-1)
    i = torch.sigmoid(i + peep_i * c)
    c = c + i * torch.tanh(candidate)
    o = torch.sigmoid(o + peep_o * c)
    return o * torch.tanh(c), c
