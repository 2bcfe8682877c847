"""Any cell's hidden states, from its plain `step`: what is derived must equal it, and the path for the rest."""

from types import ModuleType

import torch
from torch import Tensor


def hidden_states(
    cell: ModuleType, units: int, weights: dict[str, Tensor], inputs: Tensor, lengths: Tensor | None = None
) -> Tensor:
    """Runs `cell.step` over time, for a population.

    Args:
        units: H.
        weights: the cell's parameters, each [P, *shape].
        inputs: [P, T, B, D].
        lengths: not looked at: padding is computed like all else.

    Returns:
        [P, T, B, H], h_1 … h_T from zero states.
    """

    def one_model(weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
        state = tuple(inputs.new_zeros(inputs.shape[1], units) for _ in range(cell.STATES))
        hidden = []
        for x in inputs:
            state = cell.step(weights, x, state)
            hidden.append(state[0])
        return torch.stack(hidden)

    return torch.vmap(one_model)(weights, inputs)
