"""Between a cell's parameters and what its passes in torch or on a GPU read and give: x W + b, U and V of a population.

A population's weights are each [P, *shape]; G columns of x W, R columns of U and k rows of V have H units each.
"""

import torch
from torch import Tensor

from stages.recurrent.derive.adjoints import Adjoints, neighbours
from stages.recurrent.derive.tracing import Equation


def gathered(
    equation: Equation, adjoints: Adjoints, weights: dict[str, Tensor], inputs: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """x W + b [P, T, B, G·H], U [P, H, R·H] and V [P, k, H], for inputs [P, T, B, D]."""
    P, units = len(inputs), next(weights[b.name].shape[-1] // b.count for b in equation.blocks if b.matrix == "U")
    own = {matrix: [weights[b.name] for b in equation.blocks if b.matrix == matrix] for matrix in "WUV"}
    W, U = (parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1) for parts in (own["W"], own["U"]))
    V = torch.cat([inputs.new_zeros(P, 0, units), *(part.reshape(P, -1, units) for part in own["V"])], dim=1)
    columns = {column: node for node, column in adjoints.places.items()}
    biases = [getattr(columns.get(g), "args", (g, -1))[1] for g in range(equation.width("W"))]
    if biases == [*range(biases[0], biases[-1] + 1)] and biases[0] >= 0:
        bias = V[:, biases[0] : biases[-1] + 1].flatten(1)
    else:
        bias = torch.cat([V[:, k] if k >= 0 else inputs.new_zeros(P, units) for k in biases], dim=1)
    projected = torch.baddbmm(bias[:, None], inputs.flatten(1, 2), W).unflatten(1, inputs.shape[1:3])
    return projected, U, V


def recurrent_gradient(
    equation: Equation, adjoints: Adjoints, factors: list[Tensor], delta: Tensor, U: Tensor
) -> Tensor:
    """The gradient at U, from δ [P, T, B, columns·H] and each group of neighbouring products' factor [P, T, B, H]."""
    H, flat, groups, parts = U.shape[1], delta.flatten(1, 2), neighbours(adjoints.products), []
    for group, factor in zip(groups, factors, strict=True):
        left, column = factor.flatten(1, 2).mT, group[0].column
        parts.append(torch.bmm(left, flat[..., column * H : (column + len(group)) * H]))
    if [product.u for group in groups for product in group] == [*range(equation.width("U"))]:
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
    dU = torch.zeros_like(U)  # columns used twice, or never
    for group, part in zip(groups, parts, strict=True):
        dU[..., group[0].u * H : (group[-1].u + 1) * H] += part
    return dU
