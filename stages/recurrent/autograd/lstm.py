"""The peephole LSTM over all time steps; equations in `cells/lstm.py`.

Backward, with δ the gradient at a quantity before its squashing function:
    δo = δh ⊙ tanh(c) ⊙ o(1−o);   δc += δh ⊙ o ⊙ (1 − tanh²(c)) + δo ⊙ V_o
    δi = δc ⊙ c̃ ⊙ i(1−i);   δf = δc ⊙ c_{t−1} ⊙ f(1−f);   δc̃ = δc ⊙ i ⊙ (1 − c̃²)
    δc_{t−1} = δc ⊙ f + δi ⊙ V_i + δf ⊙ V_f;   δh_{t−1} = (δi, δf, δc̃, δo) Uᵀ
Everything that δ is multiplied with is known after the forward pass, so it is computed for all steps at once.
"""

import torch
from torch import Tensor

from stages.recurrent.autograd.projection import project


def hidden_states(weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
    return LSTM.apply(project(weights, inputs), weights["U"], weights["V"])


class LSTM(torch.autograd.Function):
    """Projected inputs [P, T, B, 4H], U [P, H, 4H], V [P, 3, H] → h [P, T, B, H]."""

    @staticmethod
    def forward(ctx, projected: Tensor, U: Tensor, V: Tensor) -> Tensor:
        P, T, B, G = projected.shape
        H = G // 4
        gates = torch.empty_like(projected, memory_format=torch.contiguous_format)  # i, f, c̃, o after squashing
        h, c = projected.new_zeros(P, T + 1, B, H), projected.new_zeros(P, T + 1, B, H)
        squashed = projected.new_empty(P, T, B, H)  # tanh(c)
        peep_if, peep_o = V[:, None, :2], V[:, None, 2]
        product = projected.new_empty(P, B, G)
        product_if = product[..., : 2 * H].unflatten(-1, (2, H))
        steps = zip(projected.unbind(1), gates.unbind(1), squashed.unbind(1), strict=True)
        h_moments, c_moments = h.unbind(1), c.unbind(1)
        for t, (a, gate, tanh_c) in enumerate(steps):
            i, f, candidate, o = gate.chunk(4, dim=-1)
            memory = c_moments[t]
            torch.bmm(h_moments[t], U, out=product)
            product.add_(a)
            product_if.addcmul_(memory[:, :, None], peep_if)
            torch.sigmoid(product[..., : 2 * H], out=gate[..., : 2 * H])
            torch.tanh(product[..., 2 * H : 3 * H], out=candidate)
            torch.mul(f, memory, out=c_moments[t + 1]).addcmul_(i, candidate)
            torch.sigmoid(product[..., 3 * H :].addcmul_(c_moments[t + 1], peep_o), out=o)
            torch.tanh(c_moments[t + 1], out=tanh_c)
            torch.mul(o, tanh_c, out=h_moments[t + 1])
        ctx.save_for_backward(gates, h, c, squashed, U, V)
        return h[:, 1:]

    @staticmethod
    def backward(ctx, grad_h: Tensor):
        gates, h, c, squashed, U, V = ctx.saved_tensors
        P, T, B, H = squashed.shape
        i, f, candidate, o = gates.chunk(4, dim=-1)
        to_ifc = torch.stack(  # [P, T, B, 3, H]: δi, δf, δc̃ per δc
            (candidate * i * (1 - i), c[:, :-1] * f * (1 - f), i * (1 - candidate.square())), dim=3
        ).unbind(1)
        to_o = (squashed * o * (1 - o)).unbind(1)
        to_memory = (o * (1 - squashed.square())).unbind(1)
        peep_i, peep_f, peep_o = (V[:, None, gate] for gate in range(3))
        grad_a = torch.empty_like(gates)
        transposed = U.mT.contiguous()
        carry_h, carry_c = grad_h.new_zeros(P, B, H), grad_h.new_zeros(P, B, H)
        moments, upstream, forget = grad_a.unbind(1), grad_h.unbind(1), f.unbind(1)
        for t in reversed(range(T)):
            moment = moments[t]
            carry_h.add_(upstream[t])
            grad_o = torch.mul(carry_h, to_o[t], out=moment[..., 3 * H :])
            carry_c.addcmul_(carry_h, to_memory[t]).addcmul_(grad_o, peep_o)
            grad_ifc = torch.mul(carry_c[:, :, None], to_ifc[t], out=moment[..., : 3 * H].unflatten(-1, (3, H)))
            carry_c.mul_(forget[t]).addcmul_(grad_ifc[:, :, 0], peep_i).addcmul_(grad_ifc[:, :, 1], peep_f)
            torch.bmm(moment, transposed, out=carry_h)
        flat = grad_a.flatten(1, 2)
        grad_U = torch.bmm(h[:, :-1].flatten(1, 2).mT, flat)
        grad_i, grad_f, _, grad_o = grad_a.chunk(4, dim=-1)
        before, after = c[:, :-1], c[:, 1:]
        grad_V = torch.stack([(g * m).sum((1, 2)) for g, m in ((grad_i, before), (grad_f, before), (grad_o, after))], 1)
        return grad_a, grad_U, grad_V
