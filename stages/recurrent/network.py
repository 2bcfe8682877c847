"""A population of nets: hidden states by the cell's passes, losses by the output layer, every row on its own."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.recurrent.derive import HiddenStates, hidden_states
from stages.recurrent.net import Net

Losses = Callable[[dict[str, Tensor], Tensor, Tensor], Tensor]  # output layer, h [P, S, H], y [P, S, K] → [P, S]


@dataclass(frozen=True)
class Network:
    """Runs a `Net` for many rows of weights at once.

    Attributes:
        losses: another way to compute the output layer's than its equation.
    """

    net: Net
    recurrence: HiddenStates
    losses: Losses | None = None

    @classmethod
    def of(cls, net: Net) -> "Network":
        return cls(net, hidden_states(net.cell, net.inputs, net.units))

    def negative_log_likelihood(
        self,
        weights: dict[str, Tensor],
        inputs: Tensor,
        targets: Tensor,
        kept: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> Tensor:
        """NLL of every step.

        Args:
            weights: the net's parameters, each [P, *shape].
            inputs: [P, T, B, D].
            targets: [P, T, B, K].
            kept: [P, T, B, H], by which h is multiplied on its way to the output layer: dropout's masks.
            lengths: [P, B] int32, of the sequences, if they are known; a step beyond them has no meaning.

        Returns:
            [P, T, B], nats per step.
        """
        h = self.recurrence(_layer(weights, "recurrent"), inputs, lengths)
        h = h if kept is None else h * kept

        def readout(weights: dict[str, Tensor], h: Tensor, y: Tensor) -> Tensor:
            return self.net.output.negative_log_likelihood(weights, h, y, self.net.settings)

        losses = self.losses or torch.vmap(readout)
        nll = losses(_layer(weights, "output"), h.flatten(1, 2), targets.flatten(1, 2))
        return nll.unflatten(1, inputs.shape[1:3])


def _layer(weights: dict[str, Tensor], layer: str) -> dict[str, Tensor]:
    return {name.partition(".")[2]: w for name, w in weights.items() if name.startswith(f"{layer}.")}
