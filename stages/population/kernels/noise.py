"""Weight noise of one update; as `population/noise.py` draws it, up to rounding."""

import numpy as np
from numba import float32, int32, njit, uint32, uint64

from stages.population.kernels.elementary import log, scalar, sine_of_turns

LOW = np.uint64(0xFFFFFFFF)


@njit(error_model="numpy", fastmath={"contract"})
def normals(seed, update, out):
    """Fills `out`, its size a multiple of 4, with standard normal numbers that depend on nothing but (seed, update).

    Philox 4×32 with 10 rounds (Salmon et al. 2011) on the counter (block, update), and Box–Muller; block i gives the
    numbers i, i + n/4, i + n/2 and i + 3n/4.
    """
    quarter = out.size // 4
    first, second, third, fourth = (
        out[:quarter],
        out[quarter : 2 * quarter],
        out[2 * quarter : 3 * quarter],
        out[3 * quarter :],
    )
    for block in range(quarter):
        w0, w1, w2, w3 = uint64(block) & LOW, uint64(update) & LOW, uint64(0), uint64(0)
        key0, key1 = uint64(seed) & LOW, uint64(seed) >> uint64(32)
        for _ in range(10):
            product0, product1 = uint64(0xD2511F53) * w0, uint64(0xCD9E8D57) * w2
            w0, w1, w2, w3 = (
                (product1 >> uint64(32)) ^ w1 ^ key0,
                product1 & LOW,
                (product0 >> uint64(32)) ^ w3 ^ key1,
                product0 & LOW,
            )
            key0, key1 = (key0 + uint64(0x9E3779B9)) & LOW, (key1 + uint64(0xBB67AE85)) & LOW
        first[block], second[block] = _pair(w0, w1)
        third[block], fourth[block] = _pair(w2, w3)


@scalar
def _pair(radius, angle):
    """Two normal numbers from two 32-bit words: Box–Muller with u = (24 bits + ½) / 2²⁴ and an angle in [−π, π)."""
    u = (float32(int32(uint32(radius) >> uint32(8))) + float32(0.5)) * float32(2.0**-24)
    r = np.sqrt(float32(-2) * log(u))
    turns = float32(int32(uint32(angle))) * float32(2.0**-32)
    folded = abs(turns)
    cosine = sine_of_turns(float32(0.25) - folded)
    folded = float32(0.5) - folded if folded > float32(0.25) else folded
    sine = sine_of_turns(folded)
    return r * cosine, r * (-sine if turns < float32(0) else sine)
