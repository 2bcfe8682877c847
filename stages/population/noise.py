"""Weight noise and dropout as functions of a trial's seed and the number of the update alone.

There is no generator whose state would have to be kept, copied or restored: a training that was interrupted, one that
runs among others and one on another device draw the same noise, up to rounding.
"""

import torch
from torch import Tensor

LOW = 0xFFFFFFFF
MULTIPLIERS, KEY_STEPS = (0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85)


def normals(seeds: Tensor, update: int, count: int) -> Tensor:
    """Standard normal numbers for one update.

    Args:
        seeds: [P] int64, a trial's each.
        update: from 0.

    Returns:
        [P, count] float32. Number i of a row comes from word i // q of block i % q, q = ⌈count/4⌉: Philox 4×32 with 10
        rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), then Box–Muller on words 0, 1 and
        on words 2, 3.
    """
    blocks = -(-count // 4)
    block, zero = torch.arange(blocks, device=seeds.device), torch.zeros((), dtype=torch.int64, device=seeds.device)
    words = _philox(seeds[:, None], block, zero + update, zero, zero)
    return torch.cat([*_pair(words[0], words[1]), *_pair(words[2], words[3])], dim=1)[:, :count]


def kept(seeds: Tensor, update: int, frames: Tensor, shares: Tensor, units: int) -> Tensor:
    """The masks of inverted dropout for one update: 1/(1−p) where a unit is seen, 0 where it is not.

    Args:
        seeds: [P] int64, a trial's each.
        update: from 0.
        frames: [P, …] int64, the number in the split of each frame: a step's mask does not depend on its batch.
        shares: [P] float32, p.

    Returns:
        [P, …, units] float32. Unit i comes from word i // q of block i % q, q = ⌈units/4⌉, as the noise does, which
        other counters keep apart from it; it is seen if the word's upper 24 bits, a share of 2²⁴, are at least p.
    """
    rows = (-1, *[1] * frames.dim())
    blocks = -(-units // 4)
    zero = torch.zeros((), dtype=torch.int64, device=seeds.device)
    block = torch.arange(blocks, device=seeds.device)
    words = _philox(seeds.view(rows), block, zero + update, frames[..., None], zero + 1)
    drawn = (torch.cat(words, dim=-1)[..., :units] >> 8).float() * 2.0**-24
    shares = shares.view(rows)
    return (drawn >= shares) / (1 - shares)


def _philox(seeds: Tensor, *counter: Tensor) -> list[Tensor]:
    """Four words of 32 bits, int64, from a counter of four and a key of 64 bits, all broadcast."""
    words = list(torch.broadcast_tensors(*(word & LOW for word in counter), seeds)[:4])
    keys = [seeds & LOW, (seeds >> 32) & LOW]
    for _ in range(10):
        product0, product1 = MULTIPLIERS[0] * words[0], MULTIPLIERS[1] * words[2]  # the low 64 bits, sign ignored
        high0, high1 = (product0 >> 32) & LOW, (product1 >> 32) & LOW
        words = [high1 ^ words[1] ^ keys[0], product1 & LOW, high0 ^ words[3] ^ keys[1], product0 & LOW]
        keys = [(key + step) & LOW for key, step in zip(keys, KEY_STEPS, strict=True)]
    return words


def _pair(radius: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Two normal numbers from two 32-bit words: Box–Muller with u = (24 bits + ½) / 2²⁴ and an angle in [−π, π)."""
    u = ((radius >> 8).float() + 0.5) * 2.0**-24
    r = torch.sqrt(-2 * torch.log(u))
    turns = (angle - ((angle >> 31) << 32)).float() * 2.0**-32
    return r * torch.cos(2 * torch.pi * turns), r * torch.sin(2 * torch.pi * turns)
