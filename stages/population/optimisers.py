"""Optimisers over the population matrix: each one equation for one weight, which both engines compute.

A rule is given here once, in plain arithmetic: torch runs it over the whole population, and `kernels/updating.py`
compiles it into the loop over a row. A further optimiser is a `Rule` here and its numbers in `protocol/protocol.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Rule:
    """An optimiser.

    Attributes:
        state: the names of the numbers that it keeps of each weight, all 0 at first.
        numbers: its settings and the number of the update, from 0 → what the equation needs besides, float32.
        equation: (√, larger of two) → the equation:
            (weight, gradient, rate, *numbers, *state) -> (step, *state), the step to be added to the weight.
    """

    state: tuple[str, ...]
    numbers: Callable[[Any, int], tuple[np.float32, ...]]
    equation: Callable[[Callable, Callable], Callable]


def _rmsprop_numbers(of, update):
    decay = np.float32(of.decay)
    return decay, np.float32(1) - decay, np.float32(of.floor), np.float32(of.momentum)


def _rmsprop(root, larger):
    """As in the authors' code (pylearn2): s ← ρ s + (1−ρ) g²; v ← μ v − η g / max(√s, floor); w ← w + v.

    The floor matters: a gradient of norm 1 spread over 24,000 weights lies below 0.01 each, so for most weights this is
    momentum descent with steps of about 100·η·g.
    """

    def step(w, g, rate, decay, rest, floor, momentum, square, velocity):
        square = decay * square + rest * (g * g)
        velocity = momentum * velocity - rate * g / larger(root(square), floor)
        return velocity, square, velocity

    return step


def _adam_numbers(of, update):
    corrections = [1 - beta ** (update + 1) for beta in (of.beta1, of.beta2)]
    numbers = of.beta1, 1 - of.beta1, of.beta2, 1 - of.beta2, *corrections, of.epsilon, of.decay
    return tuple(map(np.float32, numbers))


def _adam(root, larger):
    """Kingma & Ba 2015; with `decay` the weights decay apart from the gradient (Loshchilov & Hutter 2019)."""

    def step(w, g, rate, beta1, rest1, beta2, rest2, correction1, correction2, epsilon, decay, first, second):
        first = beta1 * first + rest1 * g
        second = beta2 * second + rest2 * (g * g)
        direction = (first / correction1) / (root(second / correction2) + epsilon) + decay * w
        return -rate * direction, first, second

    return step


RULES = {
    "rmsprop": Rule(("square", "velocity"), _rmsprop_numbers, _rmsprop),
    "adam": Rule(("first", "second"), _adam_numbers, _adam),
}


class Optimiser:
    """An optimiser of P rows.

    Attributes:
        name: of its rule.
        rows: what it keeps, [P, S, N]: a row's state is one block.
    """

    def __init__(self, settings: Any, rows: Tensor):
        self.name, self.settings, self.rows = settings.name, settings, rows
        self.rule = RULES[self.name]
        self._equation = self.rule.equation(torch.sqrt, lambda tensor, least: tensor.clamp(min=least))

    @classmethod
    def at_rest(cls, settings: Any, weights: Tensor) -> "Optimiser":
        """For weights [P, N] that have not moved yet."""
        return cls(settings, weights.new_zeros(len(weights), len(RULES[settings.name].state), weights.shape[1]))

    @property
    def state(self) -> dict[str, Tensor]:
        """Each state by its name, views [P, N]."""
        return dict(zip(self.rule.state, self.rows.unbind(1), strict=True))

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes over what `state` gave.

        Raises:
            KeyError: one is missing.
        """
        for name, own in self.state.items():
            own.copy_(state[name])

    def numbers(self, update: int) -> tuple[np.float32, ...]:
        """What the rule's equation needs at an update, from 0."""
        return self.rule.numbers(self.settings, update)

    def step(self, weights: Tensor, gradient: Tensor, rates: Tensor, update: int) -> Tensor:
        """The step [P, N] that the weights [P, N] are to make at rates [P]; the state moves on."""
        numbers, state = map(float, self.numbers(update)), self.rows.unbind(1)
        step, *after = self._equation(weights, gradient, rates[:, None], *numbers, *state)
        for own, new in zip(state, after, strict=True):
            own.copy_(new)
        return step

    def keep(self, rows: Tensor) -> None:
        """Drops the rows not named."""
        self.rows = self.rows[rows]


def rescale(matrix: Tensor, norm: float | None) -> Tensor:
    """Rescales each row [P, N] to `norm` where it is above, in place; returns the norms before, [P] float64.

    The gradient of a wide tanh net on a long sequence reaches 1e30: finite, while its squares are beyond float32.
    """
    before = torch.linalg.vector_norm(matrix, dim=1, dtype=torch.float64)
    if norm is not None:
        matrix.mul_((norm / before).clamp_(max=1.0)[:, None].float())
    return before
