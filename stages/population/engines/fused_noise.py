"""Weight noise and dropout as a Triton kernel each: the numbers of `population/noise.py`, used where they are drawn."""

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 256  # counters of Philox a program, each of which gives four numbers


@triton.jit
def _sine_of_turns(t):
    """sin 2πt for |t| ≤ ¼, by Taylor's polynomial of degree 11: the library's needs memory beside the registers."""
    x = 6.2831853071795864 * t
    q = x * x
    p = q * (1 / 120 + q * (-1 / 5040 + q * (1 / 362880 - q / 39916800)))
    return x * (1.0 + q * (-1 / 6) + q * p)


@triton.jit
def _pair(radius, angle):
    """Box–Muller: two normal numbers from two 32-bit words."""
    u = ((radius >> 8).to(tl.int32).to(tl.float32) + 0.5) * 5.9604644775390625e-08
    r = tl.sqrt(tl.maximum(-2.0 * tl.log(u), 0.0))  # u may round to 1, and the logarithm is an approximation
    turns = angle.to(tl.int32, bitcast=True).to(tl.float32) * 2.3283064365386963e-10  # 2⁻³²
    folded = tl.abs(turns)
    cosine = _sine_of_turns(0.25 - folded)
    sine = _sine_of_turns(tl.where(folded > 0.25, 0.5 - folded, folded))
    return r * cosine, r * tl.where(turns < 0, -sine, sine)


@triton.jit
def _add(perturbed, at, quarter, place, count, deviation, number):
    inside = (at < quarter) & (place < count)
    tl.store(perturbed + place, tl.load(perturbed + place, mask=inside) + deviation * number, mask=inside)


@triton.jit(do_not_specialize=["update"])
def perturb(perturbed, seeds, deviations, update, size, count, BLOCK: tl.constexpr):
    trial = tl.program_id(0).to(tl.int64)
    at, quarter = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK), (count + 3) // 4
    seed, deviation = tl.load(seeds + trial), tl.load(deviations + trial)
    zero = at * 0
    counter, now, none = at.to(tl.uint32), (zero + update).to(tl.uint32), zero.to(tl.uint32)
    w0, w1, w2, w3 = tl.philox(seed, counter, now, none, none)
    n0, n1 = _pair(w0, w1)
    n2, n3 = _pair(w2, w3)
    row = perturbed + trial * size
    _add(row, at, quarter, at, count, deviation, n0)
    _add(row, at, quarter, at + quarter, count, deviation, n1)
    _add(row, at, quarter, at + 2 * quarter, count, deviation, n2)
    _add(row, at, quarter, at + 3 * quarter, count, deviation, n3)


@triton.jit
def _keep(masks, at, inside, place, units, word, share):
    drawn = (word >> 8).to(tl.int32).to(tl.float32) * 5.9604644775390625e-08  # 2⁻²⁴
    tl.store(masks + at + place, tl.where(drawn >= share, 1.0 / (1.0 - share), 0.0), mask=inside & (place < units))


@triton.jit(do_not_specialize=["update", "F"])
def drop(masks, seeds, shares, frames, update, F, units, BLOCK: tl.constexpr):
    trial = tl.program_id(0).to(tl.int64)
    each, quarter = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK), (units + 3) // 4
    f, block = each // quarter, each % quarter
    inside, zero = f < F, each * 0
    seed, share = tl.load(seeds + trial), tl.load(shares + trial)
    frame = tl.load(frames + trial * F + f, mask=inside, other=0).to(tl.uint32)
    counter, now, dropout = block.to(tl.uint32), (zero + update).to(tl.uint32), (zero + 1).to(tl.uint32)
    w0, w1, w2, w3 = tl.philox(seed, counter, now, frame, dropout)
    at = (trial * F + f) * units
    _keep(masks, at, inside, block, units, w0, share)
    _keep(masks, at, inside, block + quarter, units, w1, share)
    _keep(masks, at, inside, block + 2 * quarter, units, w2, share)
    _keep(masks, at, inside, block + 3 * quarter, units, w3, share)


def add_noise(matrix: Tensor, count: int, seeds: Tensor, deviations: Tensor, update: int) -> None:
    """Adds noise of one update to the first `count` numbers of each row of a matrix [P, N], in place.

    Args:
        seeds, deviations: [P] int64 and float32, a trial's each.
    """
    programs = triton.cdiv(-(-count // 4), BLOCK)
    perturb[len(matrix), programs](matrix, seeds, deviations, update & 0xFFFFFFFF, matrix.shape[1], count, BLOCK)


def kept(seeds: Tensor, update: int, frames: Tensor, shares: Tensor, units: int) -> Tensor:
    """The masks of dropout, as `noise.kept` gives them: [P, …, units] for frames [P, …]."""
    frames = frames.contiguous()
    masks = torch.empty(*frames.shape, units, device=frames.device)
    F = frames[0].numel()
    programs = triton.cdiv(F * -(-units // 4), BLOCK)
    drop[len(frames), programs](masks, seeds, shares, frames, update & 0xFFFFFFFF, F, units, BLOCK)
    return masks
