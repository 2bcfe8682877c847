"""Matrix products: every tiling gives the bits of one fused multiply-add after another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from stages.population.kernels import products

LANES = [8, 16]  # where the processor has no vectors of 16, LLVM makes each of two


@intrinsic
def fma(typing, a, b, c):
    def generate(context, builder, signature, given):
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType()] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.f32"), given)

    return types.float32(types.float32, types.float32, types.float32), generate


@njit
def in_order(c, a, b, add):
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            total = c[i, j] if add else np.float32(0)
            for k in range(b.shape[0]):
                total = fma(a[i, k], b[k, j], total)
            c[i, j] = total


@pytest.fixture(scope="module")
def built():
    return {lanes: products if lanes == products.LANES else products.build(lanes) for lanes in LANES}


def bits(matrix):
    return np.ascontiguousarray(matrix).view(np.int32)


@pytest.mark.parametrize("lanes", LANES)
@given(
    M=st.integers(1, 70),
    N=st.one_of(st.integers(1, 20), st.integers(1, 150)).map(lambda n: 8 * n),
    K=st.integers(0, 420),
    left=st.sampled_from(["plain", "padded", "transposed"]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_products_have_the_bits_of_a_sum_in_order(built, lanes, M, N, K, left, seed):
    """Inside larger matrices whose other numbers are NaN: none is read, and none of c's is written."""
    generator = np.random.default_rng(seed)
    a, b, c = (generator.standard_normal(size).astype(np.float32) for size in ((M, K), (K, N), (M, N)))
    if left == "padded":
        a = np.pad(a, ((0, 2), (0, 3)), constant_values=np.nan)
    elif left == "transposed":
        a = np.pad(a, ((0, 3), (0, 2)), constant_values=np.nan).T.copy().T
    inside = np.pad(b, ((0, 1), (8, 16)), constant_values=np.nan)[:K, 8 : 8 + N]
    for add in (False, True):
        expected = c.copy()
        in_order(expected, a, b, add)
        frame = np.pad(c, ((1, 1), (8, 24)), constant_values=np.nan)
        for multiply, right in (
            (built[lanes].multiply, inside),
            (built[lanes].multiply_panels, built[lanes].panels(inside)),
        ):
            result = frame.copy()
            multiply(result[1 : 1 + M, 8 : 8 + N], a, right, add)
            np.testing.assert_array_equal(bits(result[1 : 1 + M, 8 : 8 + N]), bits(expected))
            result[1 : 1 + M, 8 : 8 + N] = np.nan
            assert np.isnan(result).all()


def test_panels_hold_each_number_once(built):
    for each in built.values():
        b = np.arange(5 * 136, dtype=np.float32).reshape(5, 136)
        held = each.panels(b)
        assert held.shape == b.shape and sorted(held.ravel()) == sorted(b.ravel())
