"""The output layers' losses and their gradients as one Triton kernel each; equations in `recurrent/outputs/`.

    outputs [P, S, O]      h V + c of all steps
    targets [P, S, K]      of which trials may share one
    nll [P, S]             nats per step
    gradients [P, S, O]    of nll at the outputs, written where they are asked for

A step is computed by one program, whose numbers are the same to the bit in any company.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from stages.recurrent.net import Net
from stages.recurrent.network import Losses
from stages.recurrent.outputs import bernoulli, gaussian_mixture

ROWS = 4  # steps of music a program


@triton.jit(do_not_specialize=["S", "stride"])
def bernoulli_loss(
    outputs, targets, nll, gradients, S, stride, K: tl.constexpr, WIDTH: tl.constexpr, ROWS: tl.constexpr,
    GRADIENTS: tl.constexpr,
):  # fmt: skip
    trial, s = tl.program_id(0).to(tl.int64), tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    k = tl.arange(0, WIDTH)
    inside = (s < S)[:, None] & (k < K)[None, :]
    at = (trial * S + s)[:, None] * K + k[None, :]
    x = tl.load(outputs + at, mask=inside, other=0.0)
    y = tl.load(targets + trial * stride + s[:, None] * K + k[None, :], mask=inside, other=0.0)
    e = tl.exp(-tl.abs(x))
    softplus = tl.where(x < 0, 0.0, x) + tl.log(1.0 + e)  # NaN stays NaN
    tl.store(nll + trial * S + s, tl.sum(tl.where(inside, softplus - y * x, 0.0), 1), mask=s < S)
    if GRADIENTS:
        tl.store(gradients + at, tl.where(x < 0, e, 1.0) / (1.0 + e) - y, mask=inside)


@triton.jit(do_not_specialize=["S", "stride"])
def mixture_loss(
    outputs, targets, nll, gradients, S, stride, floor, M: tl.constexpr, K: tl.constexpr, WIDE: tl.constexpr,
    WIDTH: tl.constexpr, GRADIENTS: tl.constexpr,
):  # fmt: skip
    """With q the probability that a component made y; see `kernels/gaussian_mixture.py`."""
    trial, s = tl.program_id(0).to(tl.int64), tl.program_id(1)
    m, k = tl.arange(0, WIDE), tl.arange(0, WIDTH)[None, :]
    inside = (m < M)[:, None] & (k < K)
    row, each = (trial * S + s) * (M + 2 * M * K), M + m[:, None] * K + k
    mixing = tl.load(outputs + row + m, mask=m < M, other=-float("inf"))
    mean = tl.load(outputs + row + each, mask=inside, other=0.0)
    spread = tl.exp(tl.load(outputs + row + M * K + each, mask=inside, other=0.0))
    y = tl.load(targets + trial * stride + s * K + k, mask=k < K, other=0.0)
    variance = floor + spread
    off = mean - y
    square = off * off / variance
    surprise = tl.sum(tl.where(inside, square + tl.log(variance) + 1.8378770664093453, 0.0), 1)  # log 2π
    highest = tl.max(mixing, 0)
    normaliser = highest + tl.log(tl.sum(tl.exp(mixing - highest), 0))
    joint = mixing - normaliser - 0.5 * surprise
    top = tl.max(joint, 0)
    evidence = top + tl.log(tl.sum(tl.exp(joint - top), 0))
    tl.store(nll + trial * S + s, -evidence)
    if GRADIENTS:
        q = tl.exp(joint - evidence)
        tl.store(gradients + row + m, tl.exp(mixing - normaliser) - q, mask=m < M)
        tl.store(gradients + row + each, q[:, None] * off / variance, mask=inside)
        tl.store(gradients + row + M * K + each, q[:, None] * 0.5 * (1.0 - square) * spread / variance, mask=inside)


def music(K: int) -> dict[str, int]:
    """The constants with which `bernoulli_loss` is compiled, but for GRADIENTS."""
    return {"K": K, "WIDTH": triton.next_power_of_2(K), "ROWS": ROWS}


def speech(M: int, K: int) -> dict[str, int]:
    """Those of `mixture_loss`."""
    return {"M": M, "K": K, "WIDE": triton.next_power_of_2(M), "WIDTH": triton.next_power_of_2(K)}


def _launch(net: Net, outputs: Tensor, targets: Tensor, nll: Tensor, gradients: Tensor, wanted: bool) -> None:
    P, S, _ = outputs.shape
    given = outputs, targets, nll, gradients, S, targets.stride(0)
    if net.output is bernoulli:
        bernoulli_loss[P, triton.cdiv(S, ROWS)](*given, **music(net.targets), GRADIENTS=wanted)
    else:
        constants = speech(net.settings.components, net.targets)
        mixture_loss[P, S](*given, net.settings.variance_floor, **constants, GRADIENTS=wanted)


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, outputs: Tensor, targets: Tensor, net: Net) -> Tensor:
        nll, wanted = outputs.new_empty(outputs.shape[:2]), ctx.needs_input_grad[0]
        gradients = torch.empty_like(outputs) if wanted else outputs
        _launch(net, outputs, targets, nll, gradients, wanted)
        ctx.save_for_backward(gradients)
        return nll

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor, None, None]:
        (gradients,) = ctx.saved_tensors
        return gradients * above[..., None], None, None


def losses(net: Net) -> Losses | None:
    """The net's output layer for a population, or None: it is another than those here."""
    if net.output not in (bernoulli, gaussian_mixture):
        return None

    def nll(weights: dict[str, Tensor], h: Tensor, targets: Tensor) -> Tensor:
        outputs = torch.baddbmm(weights["c"][:, None], h, weights["V"])
        shared = targets[:1].contiguous().expand_as(targets) if targets.stride(0) == 0 else targets.contiguous()
        return _Loss.apply(outputs, shared, net)

    return nll
