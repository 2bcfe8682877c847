"""A cell's two passes over all time steps of a population as Triton kernels, a launch each.

Every sequence is a program of its own: its hidden states and what it hands back are the same to the bit whatever its
company, and padding costs nothing.
"""

import linecache
from hashlib import sha256
from typing import Any

import torch
import triton
from torch import Tensor

from stages.recurrent.derive import matrices
from stages.recurrent.derive.adjoints import neighbours
from stages.recurrent.derive.triton_source import Kernels

REGISTERS = 2**15  # numbers of recurrent matrices that one program can hold: half of a multiprocessor's registers
PER_THREAD = 64  # of them in each thread, 255 being all that it can address
NARROWEST, MOST_WARPS = 16, 16


def width(units: int) -> int:
    """Units with those that pad them to a power of two."""
    return max(NARROWEST, triton.next_power_of_2(units))


class Passes:
    """The kernels of one cell, ready to be launched."""

    def __init__(self, kernels: Kernels):
        self.kernels, self.groups = kernels, neighbours(kernels.adjoints.products)
        names = module(kernels.text)
        self.forward, self.backward = names["forward"], names["backward"]

    def numbers(self, units: int) -> int:
        """How many numbers of recurrent matrices a program holds."""
        return len({product.u for product in self.kernels.adjoints.products}) * width(units) ** 2

    def options(self, units: int) -> dict[str, Any]:
        """How the kernels are compiled: groups of 32 threads for a program, multiply-adds fused."""
        warps = max(1, self.numbers(units) // (32 * PER_THREAD))
        return {"num_warps": min(MOST_WARPS, triton.next_power_of_2(warps)), "enable_fp_fusion": True}

    def hidden_states(self, weights: dict[str, Tensor], inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """A population's hidden states: weights each [P, *shape], inputs [P, T, B, D] → h_1 … h_T [P, T, B, H].

        `lengths` [P, B] int32 are the sequences' own, from 1 to T, by default T; beyond them states are zero.
        """
        if lengths is None:
            lengths = inputs.new_full((len(inputs), inputs.shape[2]), inputs.shape[1], dtype=torch.int32)
        projected, U, V = matrices.gathered(self.kernels.equation, self.kernels.adjoints, weights, inputs)
        return _Fused.apply(projected, U, V, lengths.contiguous(), self)

    def run(self, projected: Tensor, U: Tensor, V: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """`states` and `saved`; see `triton_source`."""
        (P, T, B, _), H = projected.shape, U.shape[1]
        states = projected.new_zeros(len(self.kernels.states), P, T + 1, B, H)
        saved = projected.new_zeros(len(self.kernels.saved), P, T, B, H)
        given = projected, U, V, lengths, states, saved
        self.forward[P, B](*given, T, B, H, width(H), **self.options(H))
        return states, saved

    def gradients(
        self, dh: Tensor, U: Tensor, V: Tensor, lengths: Tensor, states: Tensor, saved: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Those at x W + b, U and V, from dh [P, T, B, H] and what `run` gave."""
        (P, T, B, H), kernels = dh.shape, self.kernels
        delta = dh.new_zeros(P, T, B, H * len(kernels.adjoints.columns))
        dV = dh.new_zeros(P, B, *V.shape[1:])
        given = states, saved, U, V, lengths, dh, delta, dV
        self.backward[P, B](*given, T, B, H, width(H), **self.options(H))
        known = dict(zip(kernels.saved, saved, strict=True))
        known |= {out: every[:, 1:] for out, every in zip(kernels.outs, states, strict=True)}
        known |= {state: every[:, :-1] for state, every in zip(kernels.states, states, strict=True)}
        factors = [known[group[0].factor] for group in self.groups]
        dU = matrices.recurrent_gradient(kernels.equation, kernels.adjoints, factors, delta, U)
        return delta[..., : kernels.equation.width("W") * H], dU, dV.sum(1)


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor, U: Tensor, V: Tensor, lengths: Tensor, passes: Passes) -> Tensor:
        U, V = U.contiguous(), V.contiguous()
        states, saved = passes.run(projected.contiguous(), U, V, lengths)
        ctx.passes = passes
        ctx.save_for_backward(U, V, lengths, states, saved)
        return states[0, :, 1:]

    @staticmethod
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        return *ctx.passes.gradients(dh.contiguous(), *ctx.saved_tensors), None, None


def module(source: str, **given: Any) -> dict[str, Any]:
    """What a module with this source defines, in which these names are known.

    Triton asks for the source again, by its file's name.
    """
    file = f"<kernels {sha256(source.encode()).hexdigest()[:16]}>"
    linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
    names: dict[str, Any] = {"__name__": "stages.recurrent.derive.kernels"} | given
    exec(compile(source, file, "exec"), names)
    return names
