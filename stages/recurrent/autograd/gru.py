"""The GRU with the reset before the product, over all time steps; equations in `cells/gru.py`.

Backward, with δ the gradient at a quantity before its squashing function:
    δh̃ = δh ⊙ z ⊙ (1 − h̃²);   δ(r⊙h) = δh̃ U_hᵀ
    δz = δh ⊙ (h̃ − h_{t−1}) ⊙ z(1−z);   δr = δ(r⊙h) ⊙ h_{t−1} ⊙ r(1−r)
    δh_{t−1} = δh ⊙ (1 − z) + δ(r⊙h) ⊙ r + (δz, δr) (U_z, U_r)ᵀ
Everything that δ is multiplied with is known after the forward pass, so it is computed for all steps at once.
"""

import torch
from torch import Tensor

from stages.recurrent.autograd.projection import project


def hidden_states(weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
    return GRU.apply(project(weights, inputs), weights["U"])


class GRU(torch.autograd.Function):
    """Projected inputs [P, T, B, 3H], U [P, H, 3H] → h [P, T, B, H]."""

    @staticmethod
    def forward(ctx, projected: Tensor, U: Tensor) -> Tensor:
        P, T, B, G = projected.shape
        H = G // 3
        U_zr, U_h = U[..., : 2 * H].contiguous(), U[..., 2 * H :].contiguous()
        gates, candidates = projected.new_empty(P, T, B, 2 * H), projected.new_empty(P, T, B, H)
        h, reset = projected.new_zeros(P, T + 1, B, H), projected.new_empty(P, T, B, H)  # reset: r ⊙ h_{t−1}
        product_zr, product_h = projected.new_empty(P, B, 2 * H), projected.new_empty(P, B, H)
        steps = zip(projected.unbind(1), gates.unbind(1), candidates.unbind(1), reset.unbind(1), strict=True)
        moments = h.unbind(1)
        for t, (a, gate, candidate, reset_h) in enumerate(steps):
            torch.bmm(moments[t], U_zr, out=product_zr)
            torch.sigmoid(product_zr.add_(a[..., : 2 * H]), out=gate)
            z, r = gate.chunk(2, dim=-1)
            torch.mul(r, moments[t], out=reset_h)
            torch.bmm(reset_h, U_h, out=product_h)
            torch.tanh(product_h.add_(a[..., 2 * H :]), out=candidate)
            torch.lerp(moments[t], candidate, z, out=moments[t + 1])
        ctx.save_for_backward(gates, candidates, h, reset, U_zr, U_h)
        return h[:, 1:]

    @staticmethod
    def backward(ctx, grad_h: Tensor):
        gates, candidates, h, reset, U_zr, U_h = ctx.saved_tensors
        P, T, B, H = candidates.shape
        z, r = gates.chunk(2, dim=-1)
        before = h[:, :-1]
        to_candidate = (z * (1 - candidates.square())).unbind(1)
        to_z = ((candidates - before) * z * (1 - z)).unbind(1)
        to_r = (before * r * (1 - r)).unbind(1)
        kept, resets = (1 - z).unbind(1), r.unbind(1)
        grad_a = grad_h.new_empty(P, T, B, 3 * H)
        transposed_zr, transposed_h = U_zr.mT.contiguous(), U_h.mT.contiguous()
        carry, product, grad_reset = (grad_h.new_zeros(P, B, H) for _ in range(3))
        moments, upstream = grad_a.unbind(1), grad_h.unbind(1)
        for t in reversed(range(T)):
            grad_zr, grad_candidate = moments[t].split([2 * H, H], dim=-1)
            carry.add_(upstream[t])
            torch.mul(carry, to_candidate[t], out=grad_candidate)
            torch.bmm(grad_candidate, transposed_h, out=grad_reset)
            torch.mul(carry, to_z[t], out=grad_zr[..., :H])
            torch.mul(grad_reset, to_r[t], out=grad_zr[..., H:])
            torch.bmm(grad_zr, transposed_zr, out=product)
            carry.mul_(kept[t]).addcmul_(grad_reset, resets[t]).add_(product)
        flat = grad_a.flatten(1, 2)
        grad_U = torch.cat(
            (
                torch.bmm(before.flatten(1, 2).mT, flat[..., : 2 * H]),
                torch.bmm(reset.flatten(1, 2).mT, flat[..., 2 * H :]),
            ),
            dim=-1,
        )
        return grad_a, grad_U
