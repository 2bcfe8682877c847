"""The gradient of one step's loss with respect to the states and inputs before it: backpropagation through time.

loss_T is the negative log-likelihood of step T alone. The state s_t is all that a cell hands from step t to step t + 1:
h for tanh units and the GRU, (h, c) for the LSTM. What is measured is ∂loss_T/∂δ_t at δ = 0, where δ_t is added to
s_t after it is computed and before anyone reads it, to every vector on its own. So for an LSTM the gradient at h_t is
that of all that later steps read from h_t, and the gradient at c_t that of all that later steps read from c_t, while
h_t = o_t ⊙ tanh(c_t) stays as it was. The output layer reads h_T alone, so at lag 0 the gradient at c_T is zero.

By the chain rule ∂loss_T/∂s_{T−k} = ∂loss_T/∂s_T · J_T … J_{T−k+1}, with J_t = ∂s_t/∂s_{t−1}: the product whose norm
vanishes or explodes (Bengio et al. 1994; Chung et al. 2014, section 2).
"""

import torch
from torch import Tensor

from stages.reach.windows import State
from stages.recurrent.net import Net

Weights = dict[str, Tensor]


def norms(
    net: Net, recurrent: Weights, readout: Weights, start: State, inputs: Tensor, targets: Tensor
) -> dict[str, Tensor]:
    """Euclidean norms of ∂loss_T/∂· by lag, for one net.

    Args:
        recurrent, readout: the cell's and the output layer's parameters.
        start: the state before each window, each vector [B, H].
        inputs: [L + 1, B, D], the steps T − L … T.
        targets: [B, K], those of step T.

    Returns:
        variable → [L + 1, B], lag 0 first. `state` and `input` for every cell; for one that carries more than h also
        `hidden`, the gradient at h alone, and `memory`, that at the rest.
    """
    steps, cases = inputs.shape[:2]
    inputs = inputs.clone().requires_grad_()
    nudges = inputs.new_zeros(steps, net.cell.STATES, cases, net.units, requires_grad=True)
    state = start
    for x, nudge in zip(inputs, nudges, strict=True):
        state = tuple(part + added for part, added in zip(net.cell.step(recurrent, x, state), nudge, strict=True))
    loss = net.output.negative_log_likelihood(readout, state[0], targets, net.settings)
    to_states, to_inputs = (part.flip(0) for part in torch.autograd.grad(loss.sum(), (nudges, inputs)))
    found = {"state": to_states.square().sum((1, 3)).sqrt(), "input": to_inputs.square().sum(2).sqrt()}
    if net.cell.STATES > 1:
        found["hidden"] = to_states[:, 0].square().sum(2).sqrt()
        found["memory"] = to_states[:, 1:].square().sum((1, 3)).sqrt()
    return found
