"""What derived Triton kernels are made of: squashing, recurrent products, and where learned numbers lie.

Vectors are [WIDTH], H units and zeros up to a power of two; matrices [WIDTH, WIDTH]. They stay in registers: a product
with a vector is a multiplication and a sum. NaN stays NaN, so that a broken trial is noticed.
"""

import triton
import triton.language as tl


@triton.jit
def sigmoid(x):
    return 1.0 / (1.0 + tl.exp(-x))


@triton.jit
def tanh(x):
    """Exact to 1e-7 in absolute terms."""
    return 1.0 - 2.0 / (tl.exp(2.0 * x) + 1.0)


@triton.jit
def exp(x):
    return tl.exp(x)


@triton.jit
def relu(x):
    return tl.where(x < 0, 0.0, x)


@triton.jit
def mask(d, x):
    """d where x is above 0."""
    return tl.where(x <= 0, 0.0, d)


@triton.jit
def times(e, U):
    """e U."""
    return tl.sum(e[:, None] * U, 0)


@triton.jit
def spread(d, U):
    """What d Uᵀ is the sum of over its last axis."""
    return d[None, :] * U


@triton.jit
def matrix(U, trial, columns, at, H: tl.constexpr, WIDTH: tl.constexpr):
    """Column `at` of U [P, H, columns·H]."""
    k, j = tl.arange(0, WIDTH)[:, None], tl.arange(0, WIDTH)[None, :]
    return tl.load(U + (trial * H + k) * (columns * H) + at * H + j, mask=(k < H) & (j < H), other=0.0)


@triton.jit
def vector(V, trial, rows, at, H: tl.constexpr, WIDTH: tl.constexpr):
    """Row `at` of V [P, rows, H]."""
    j = tl.arange(0, WIDTH)
    return tl.load(V + (trial * rows + at) * H + j, mask=j < H, other=0.0)
