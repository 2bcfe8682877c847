"""From the gradients of a population to its new weights as one Triton kernel: norm, rescaling, optimiser, cap.

A row is one program's, from its norm to its last weight: its bits do not depend on its company. The kernel is written
here out of an optimiser's equation in `population/optimisers.py`.
"""

from functools import cache
from inspect import signature
from math import inf
from os import environ
from typing import Any

import triton
import triton.language as tl
from torch import Tensor

from stages.population.optimisers import RULES
from stages.population.population import Population
from stages.protocol.protocol import Protocol
from stages.recurrent.derive.triton_passes import module

BLOCK, WARPS = 1024, 8  # numbers of a row at once

TEXT = '''"""The kernel of the optimiser `{name}`, written from its equation; not by hand."""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["N"])
def move(
    weights, gradients, states, rates, losses, finite, N, gradient_norm, step_norm, {numbers},
    SHRINK: tl.constexpr, CAPPED: tl.constexpr, BLOCK: tl.constexpr,
):
    trial, at = tl.program_id(0).to(tl.int64), tl.arange(0, BLOCK)
    weights, gradients, states = weights + trial * N, gradients + trial * N, states + trial * N * {count}
    rate, loss, fine = tl.load(rates + trial), tl.load(losses + trial), tl.load(finite + trial)
    norm = length(gradients, N, BLOCK)
    broken = ~(norm < float("inf"))
    factor = tl.minimum(gradient_norm / tl.where(broken, 1.0, norm), 1.0).to(tl.float32)
    if SHRINK:
        norm = tl.where(broken, length(weights, N, BLOCK), norm)
    else:
        broken = broken & False
        fine = fine & (tl.abs(loss) < float("inf"))
    fine = fine & (norm < float("inf"))
    tl.store(finite + trial, fine)
    if fine:
        start, taken = N * 0, tl.zeros([BLOCK], tl.float64)
        while start < N:
            here = start + at
            inside = here < N
            w = tl.load(weights + here, mask=inside, other=0.0)
            g = tl.load(gradients + here, mask=inside, other=0.0)
            g = tl.where(broken, 0.1 * w, factor * g)
{loads}
            step, {after} = equation(w, g, rate, {numbers}, {before})
{stores}
            if CAPPED:
                tl.store(gradients + here, step, mask=inside)
                taken += tl.where(inside, step.to(tl.float64) * step.to(tl.float64), 0.0)
            else:
                tl.store(weights + here, w + step, mask=inside)
            start += BLOCK
        if CAPPED:
            scale = tl.minimum(step_norm / tl.sqrt(tl.sum(taken, 0)), 1.0).to(tl.float32)
            start = N * 0
            while start < N:
                here = start + at
                inside = here < N
                w = tl.load(weights + here, mask=inside, other=0.0)
                step = tl.load(gradients + here, mask=inside, other=0.0)
                tl.store(weights + here, w + scale * step, mask=inside)
                start += BLOCK
'''


@triton.jit
def root(x):
    return tl.sqrt(x)


@triton.jit
def larger(a, b):
    return tl.maximum(a, b)


@triton.jit
def length(row, N, BLOCK: tl.constexpr):
    """The Euclidean norm of a row, in float64: a wide tanh net's gradient can have squares beyond float32."""
    at, start, total = tl.arange(0, BLOCK), N * 0, tl.zeros([BLOCK], tl.float64)
    while start < N:
        x = tl.load(row + start + at, mask=start + at < N, other=0.0).to(tl.float64)
        total += x * x
        start += BLOCK
    return tl.sqrt(tl.sum(total, 0))


@cache
def kernel(optimiser: str) -> Any:
    """An optimiser's `move`, compiled at its first launch."""
    rule, plain = RULES[optimiser], environ.get("TRITON_INTERPRET") == "1"
    equation, count = rule.equation(root, larger), len(rule.state)
    numbers = [f"number{n}" for n in range(len(signature(equation).parameters) - 3 - count)]
    loads = [f"before{i} = tl.load(states + {i} * N + here, mask=inside, other=0.0)" for i in range(count)]
    stores = [f"tl.store(states + {i} * N + here, after{i}, mask=inside)" for i in range(count)]
    text = TEXT.format(
        name=optimiser,
        count=count,
        numbers=", ".join(numbers),
        before=", ".join(f"before{i}" for i in range(count)),
        after=", ".join(f"after{i}" for i in range(count)),
        loads="\n".join(f"            {line}" for line in loads),
        stores="\n".join(f"            {line}" for line in stores),
    )
    return module(text, length=length, equation=equation if plain else triton.jit(equation))["move"]


def constants(protocol: Protocol) -> dict[str, Any]:
    """Those with which it is compiled."""
    return {"SHRINK": protocol.not_finite == "shrink", "CAPPED": protocol.step_norm is not None, "BLOCK": BLOCK}


def move(
    population: Population, gradients: Tensor, losses: Tensor, rates: Tensor, update: int, rules: Protocol
) -> None:
    """One update of every row, in place; the gradients [P, N] are used up. Losses and rates are [P]."""
    P, N = gradients.shape
    norms = (inf if norm is None else norm for norm in (rules.gradient_norm, rules.step_norm))
    numbers = map(float, population.optimiser.numbers(update))
    tensors = population.weights, gradients, population.optimiser.rows, rates, losses, population.finite
    kernel(population.optimiser.name)[(P,)](*tensors, N, *norms, *numbers, **constants(rules), num_warps=WARPS)
