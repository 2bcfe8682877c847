"""RMSProp with momentum over the population matrix, a learning rate per row.

As in the authors' code (pylearn2): s ← ρ s + (1−ρ) g²; v ← μ v − η g / max(√s, floor); w ← w + v. The floor matters: a
gradient of norm 1 spread over 24,000 weights lies below 0.01 each, so for most weights this is momentum descent with
steps of about 100·η·g.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class RMSProp:
    """The optimiser's state: `square` (s) and `velocity` (v), each [P, N] like the weights; `rate` [P, 1]."""

    rate: Tensor
    decay: float
    floor: float
    momentum: float
    square: Tensor
    velocity: Tensor

    def step(self, weights: Tensor, gradient: Tensor) -> None:
        """Updates the weights in place."""
        self.square.mul_(self.decay).addcmul_(gradient, gradient, value=1 - self.decay)
        direction = gradient / self.square.sqrt().clamp_(min=self.floor)
        self.velocity.mul_(self.momentum).sub_(direction.mul_(self.rate))
        weights.add_(self.velocity)

    def keep(self, rows: Tensor) -> None:
        """Drops the rows not named."""
        self.rate, self.square, self.velocity = self.rate[rows], self.square[rows], self.velocity[rows]


def rescale(gradient: Tensor, norm: float) -> Tensor:
    """Rescales each row [P, N] to `norm` where it is above, in place; returns the norms before, [P] float64.

    The gradient of a wide tanh net on a long sequence reaches 1e30: finite, while its squares are beyond float32.
    """
    before = torch.linalg.vector_norm(gradient, dim=1, dtype=torch.float64)
    gradient.mul_((norm / before).clamp_(max=1.0)[:, None].float())
    return before
