"""The tanh unit over all time steps; equations in `cells/tanh.py`.

Backward, with δh_t the gradient at h_t: δa_t = δh_t ⊙ (1 − h_t²); δh_{t−1} += δa_t Uᵀ; δU = Σ_t h_{t−1}ᵀ δa_t.
"""

import torch
from torch import Tensor

from stages.recurrent.autograd.projection import project


def hidden_states(weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
    return Tanh.apply(project(weights, inputs), weights["U"])


class Tanh(torch.autograd.Function):
    """Projected inputs [P, T, B, H], U [P, H, H] → h [P, T, B, H]."""

    @staticmethod
    def forward(ctx, projected: Tensor, U: Tensor) -> Tensor:
        P, T, B, H = projected.shape
        h = projected.new_zeros(P, T + 1, B, H)
        moments = h.unbind(1)
        product = projected.new_empty(P, B, H)
        for t, a in enumerate(projected.unbind(1)):
            torch.bmm(moments[t], U, out=product)
            torch.tanh(product.add_(a), out=moments[t + 1])
        ctx.save_for_backward(h, U)
        return h[:, 1:]

    @staticmethod
    def backward(ctx, grad_h: Tensor):
        h, U = ctx.saved_tensors
        slope = (1 - h[:, 1:].square()).unbind(1)
        grad_a = torch.empty_like(grad_h, memory_format=torch.contiguous_format)
        moments, upstream = grad_a.unbind(1), grad_h.unbind(1)
        transposed = U.mT.contiguous()
        carry = grad_h.new_zeros(h.shape[0], *h.shape[2:])
        for t in reversed(range(len(moments))):
            torch.mul(carry.add_(upstream[t]), slope[t], out=moments[t])
            torch.bmm(moments[t], transposed, out=carry)
        return grad_a, torch.bmm(h[:, :-1].flatten(1, 2).mT, grad_a.flatten(1, 2))
