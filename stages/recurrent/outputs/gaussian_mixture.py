"""A mixture of Gaussians with diagonal covariance over the next K samples: the paper's output for speech.

    p(y_t) = Σ_m π_m ∏_k N(y_t,k; μ_mk, σ²_mk),   (log π, μ, log σ² before the floor) = h_t V + c

π by softmax, σ² = floor + exp(s). The paper does not state the covariance's form: diagonal is our choice. The floor
keeps a component from collapsing on one value (a density has no lower bound on its negative logarithm).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter


@dataclass(frozen=True)
class Settings:
    """components: M, Gaussians in the mixture; variance_floor: the least variance, in squared units of y."""

    components: int
    variance_floor: float


def parameters(units: int, targets: int, settings: Settings) -> dict[str, Parameter]:
    """(H + 1)·M(1 + 2K) numbers: 20 components over 10 samples have 420 outputs."""
    outputs = settings.components * (1 + 2 * targets)
    return {"V": Parameter((units, outputs), "output"), "c": Parameter((outputs,), "bias")}


def negative_log_likelihood(weights: dict[str, Tensor], h: Tensor, y: Tensor, settings: Settings) -> Tensor:
    """h [S, H], y [S, K] → [S], nats per step: the full density, with its log 2π."""
    K, M = y.shape[-1], settings.components
    outputs = h @ weights["V"] + weights["c"]
    mixing, mean, spread = outputs.split([M, M * K, M * K], dim=-1)
    mean = mean.unflatten(-1, (M, K))
    variance = settings.variance_floor + torch.exp(spread.unflatten(-1, (M, K)))
    square = (y.unsqueeze(-2) - mean).square() / variance
    component = -0.5 * (square + torch.log(variance) + math.log(2 * math.pi)).sum(-1)  # [S, M]
    return -torch.logsumexp(torch.log_softmax(mixing, dim=-1) + component, dim=-1)
