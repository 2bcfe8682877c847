"""Weight noise and dropout of one update; as `population/noise.py` draws it, up to rounding."""

import numpy as np
from numba import float32, int32, njit, uint32, uint64

from .elementary import log, scalar, sine_of_turns

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
        w0, w1, w2, w3 = _philox(seed, uint64(block), uint64(update), uint64(0), uint64(0))
        first[block], second[block] = _pair(w0, w1)
        third[block], fourth[block] = _pair(w2, w3)


@njit(error_model="numpy", fastmath={"contract"})
def drop(seed, update, frames, share, units, h, masks, seen):
    """What the output layer sees of h [S, H padded] under inverted dropout, a view of `seen`; fills the masks."""
    quarter, whole = (units + 3) // 4, float32(1) / (float32(1) - share)
    for s in range(h.shape[0]):
        mask, before, after = masks[s], h[s], seen[s]
        for block in range(quarter):
            w0, w1, w2, w3 = _philox(seed, uint64(block), uint64(update), uint64(frames[s]), uint64(1))
            mask[block] = whole if _share(w0) >= share else float32(0)
            mask[quarter + block] = whole if _share(w1) >= share else float32(0)
            mask[2 * quarter + block] = whole if _share(w2) >= share else float32(0)
            mask[3 * quarter + block] = whole if _share(w3) >= share else float32(0)
        mask[units:] = float32(1)
        for j in range(mask.size):
            after[j] = before[j] * mask[j]
    return seen[: h.shape[0]]


@scalar
def _philox(seed, block, update, frame, stream):
    w0, w1, w2, w3 = block & LOW, update & LOW, frame & LOW, stream
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
    return w0, w1, w2, w3


@scalar
def _share(word):
    return float32(int32(uint32(word) >> uint32(8))) * float32(2.0**-24)


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
