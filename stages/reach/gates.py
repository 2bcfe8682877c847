"""The gates of a cell that names them, computed from a net's weights in the cell's own equation.

A gate's logit is the number before its logistic function; from it the logarithm of a gate near 0 or 1 is exact.
"""

from types import ModuleType

import torch
from torch import Tensor

from stages.reach.windows import State
from stages.recurrent import derive

Logits = dict[str, Tensor]


@torch.no_grad()
def logits(cell: ModuleType, weights: dict[str, Tensor], start: State, inputs: Tensor) -> Logits:
    """Every gate's logits over windows: gate → [T, B, H]; nothing for a cell that names no gates.

    Args:
        weights: the cell's parameters.
        start: the state before each window, each vector [B, H].
        inputs: [T, B, D].
    """
    names = getattr(cell, "GATES", ())
    if not names:
        return {}
    step = derive.gates(cell, inputs.shape[-1], start[0].shape[-1])
    found, state = [], start
    for x in inputs:
        gates, state = step(weights, x, state)
        found.append(gates)
    return {gate: torch.stack([step[at] for step in found]) for at, gate in enumerate(names)}


def unit_half_lives(cell: ModuleType, of: Logits) -> Tensor:
    """Steps after which a unit has kept half of its state, if it keeps its geometric mean share: ln 2 / −ln share.

    Returns:
        [H], above zero.
    """
    gate, sign = cell.KEEPING
    log_share = torch.nn.functional.logsigmoid(sign * of[gate]).mean((0, 1))
    return torch.log(torch.tensor(2.0)) / -log_share
