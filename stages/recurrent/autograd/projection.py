"""x W + b for all time steps at once: the part of a recurrent layer that does not wait for the step before."""

import torch
from torch import Tensor


def project(weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """inputs [P, T, B, D], W [P, D, G], b [P, G] → [P, T, B, G]."""
    flat = torch.baddbmm(weights["b"][:, None], inputs.flatten(1, 2), weights["W"])
    return flat.unflatten(1, inputs.shape[1:3])
