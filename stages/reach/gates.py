"""The gates of the paper's cells, computed from a net's weights in the equations of `cells/`.

A gate's logit is the number before its logistic function; from it the logarithm of a gate near 0 or 1 is exact.
"""

from collections.abc import Callable
from types import ModuleType

import torch
from torch import Tensor

from stages.reach.windows import State

Weights = dict[str, Tensor]
Logits = dict[str, Tensor]


def gru(weights: Weights, x: Tensor, state: State) -> Logits:
    """z_t = σ(x_t W_z + h_{t−1} U_z + b_z), r_t = σ(x_t W_r + h_{t−1} U_r + b_r)."""
    (h,) = state
    z, r, _ = (x @ weights["W"] + h @ weights["U"] + weights["b"]).chunk(3, dim=-1)
    return {"update": z, "reset": r}


def lstm(weights: Weights, x: Tensor, state: State) -> Logits:
    """i_t, f_t, and o_t, which sees the new memory c_t = f_t ⊙ c_{t−1} + i_t ⊙ c̃_t."""
    h, c = state
    peep_i, peep_f, peep_o = weights["V"]
    i, f, candidate, o = (x @ weights["W"] + h @ weights["U"] + weights["b"]).chunk(4, dim=-1)
    i, f = i + peep_i * c, f + peep_f * c
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(candidate)
    return {"input": i, "forget": f, "output": o + peep_o * c}


# A cell's gates; a cell that is not here has none that this study knows of.
GATES: dict[str, Callable[[Weights, Tensor, State], Logits]] = {"gru": gru, "lstm": lstm}

# The gate that says which share of a unit's state is kept, and the sign of its logit in that share's:
# 1 − z_t = σ(−logit) in the GRU, f_t = σ(logit) in the LSTM.
KEEPING = {"gru": ("update", -1), "lstm": ("forget", 1)}


@torch.no_grad()
def logits(cell: ModuleType, name: str, weights: Weights, start: State, inputs: Tensor) -> Logits:
    """Every gate's logits over windows: gate → [T, B, H]; nothing for a cell without known gates.

    Args:
        weights: the cell's parameters.
        start: the state before each window, each vector [B, H].
        inputs: [T, B, D].
    """
    if name not in GATES:
        return {}
    found, state = [], start
    for x in inputs:
        found.append(GATES[name](weights, x, state))
        state = cell.step(weights, x, state)
    return {gate: torch.stack([step[gate] for step in found]) for gate in found[0]}


def unit_half_lives(name: str, of: Logits) -> Tensor:
    """Steps after which a unit has kept half of its state, if it keeps its geometric mean share: ln 2 / −ln share.

    Returns:
        [H], above zero.
    """
    gate, sign = KEEPING[name]
    log_share = torch.nn.functional.logsigmoid(sign * of[gate]).mean((0, 1))
    return torch.log(torch.tensor(2.0)) / -log_share
