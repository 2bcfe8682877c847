"""exp, log, σ, tanh and the normal distribution in float32, written so that loops over them become vector code.

The machine's library functions take one number at a time, and a sigmoid layer would cost more than its matrix product.
Errors are 1 to 3 units in the last place; NaN stays NaN, so that a broken trial is noticed.
"""

import numpy as np
from llvmlite import ir
from numba import float32, int32, njit, types
from numba.core import cgutils
from numba.core.compiler import Compiler
from numba.extending import intrinsic

LOG2_E, LN2_HIGH, LN2_LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
LN2 = np.float32(0.69314718)


@intrinsic
def _bits(typing, x):
    return types.int32(types.float32), lambda context, builder, _, given: builder.bitcast(given[0], ir.IntType(32))


@intrinsic
def _from_bits(typing, x):
    return types.float32(types.int32), lambda context, builder, _, given: builder.bitcast(given[0], ir.FloatType())


@intrinsic
def _floor(typing, x):
    def generate(context, builder, signature, given):
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType()])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.floor.f32"), given)

    return types.float32(types.float32), generate


def scalar(function):
    """Compiled into its caller, with multiply-adds fused and nothing else reordered."""
    return njit(error_model="numpy", fastmath={"contract"}, forceinline=True)(function)


def once(signature):
    """Compiled for this one signature, which calls are converted to, and not before somebody calls it.

    A signature given to `njit` is compiled when the module is imported, even where all that calls it is in the cache.
    """

    def decorate(function):
        dispatcher = njit(error_model="numpy")(function)

        template = dispatcher.get_call_template

        def compiled():
            if dispatcher._can_compile:
                dispatcher.compile(signature)
                dispatcher.disable_compile()
            (only,) = dispatcher.overloads.values()
            return only.entry_point

        def from_compiled_code(*args):
            compiled()
            return template(*args)

        dispatcher.get_call_template = from_compiled_code
        dispatcher._compile_for_args = lambda *args, **kwargs: compiled()  # from Python, which then calls it
        return dispatcher

    return decorate


class _Apart(Compiler):
    """Compiles a function whose arrays do not overlap: vector code needs no checks before each loop."""

    def define_pipelines(self):
        self.state.flags.noalias = True
        return super().define_pipelines()


def loop(function):
    """A loop over elements of arrays that do not overlap; indices are unsigned, so that none can be negative."""
    return njit(error_model="numpy", fastmath={"contract"}, pipeline_class=_Apart)(function)


@loop
def copied(size, target, source):
    """The first numbers of `source` into `target`, without a check of their shapes: that would be half a module."""
    for i in range(size):
        target[i] = source[i]


@scalar
def exp(x):
    """eˣ = 2ⁿ eʳ with |r| ≤ ln 2 / 2 and Taylor's polynomial for eʳ; +∞ above 88.7, 1.2e-38 at least."""
    x = float32(x)
    clamped = float32(-87.3) if x < float32(-87.3) else (float32(88.7) if x > float32(88.7) else x)
    n = _floor(clamped * LOG2_E + float32(0.5))
    r = clamped - n * LN2_HIGH - n * LN2_LOW
    p = float32(1 / 5040)
    p = p * r + float32(1 / 720)
    p = p * r + float32(1 / 120)
    p = p * r + float32(1 / 24)
    p = p * r + float32(1 / 6)
    p = p * r + float32(1 / 2)
    p = p * r + float32(1)
    p = p * r + float32(1)
    half = int32(n) >> int32(1)  # 2ⁿ in two factors: n = 128 alone is beyond the exponent's range
    rest = int32(n) - half
    value = p * _from_bits((half + int32(127)) << int32(23)) * _from_bits((rest + int32(127)) << int32(23))
    return float32(np.inf) if x > float32(88.7) else value


@scalar
def log(x):
    """ln x = n ln 2 + 2 artanh((m−1)/(m+1)) with m in [√½, √2); for x > 0 and not denormal. ∞ and NaN give NaN."""
    x = float32(x)
    shifted = _bits(x) - int32(0x3F3504F3)  # √½
    n = float32(shifted >> int32(23))
    m = _from_bits((shifted & int32(0x007FFFFF)) + int32(0x3F3504F3))
    s = (m - float32(1)) / (m + float32(1))
    q = s * s
    p = float32(2 / 9)
    p = p * q + float32(2 / 7)
    p = p * q + float32(2 / 5)
    p = p * q + float32(2 / 3)
    p = p * q + float32(2)
    return p * s + n * LN2 + (x - x)


@scalar
def sigmoid(x):
    """σ(x) = 1 / (1 + e⁻ˣ)."""
    return float32(1) / (float32(1) + exp(-x))


@scalar
def tanh(x):
    """1 − 2 / (e²ˣ + 1): exact to 1e-7 in absolute terms."""
    return float32(1) - float32(2) / (exp(float32(2) * x) + float32(1))


@scalar
def sine_of_turns(t):
    """sin 2πt for |t| ≤ ¼, by Taylor's polynomial of degree 11."""
    x = float32(2 * np.pi) * t
    q = x * x
    p = float32(-1 / 39916800)
    p = p * q + float32(1 / 362880)
    p = p * q + float32(-1 / 5040)
    p = p * q + float32(1 / 120)
    p = p * q + float32(-1 / 6)
    p = p * q + float32(1)
    return p * x
