"""The trials of a study: each repeat draws its own candidates, and a trial is fixed by its seeds alone."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from stages.protocol.protocol import Protocol


@dataclass(frozen=True)
class Trial:
    """One net to train.

    Attributes:
        repeat, candidate: its place in the grid, from 0.
        learning_rate: its candidate learning rate.
        seed: of its initial weights and its weight noise.
        order_seed: of the order in which its repeat sees the data.
    """

    repeat: int
    candidate: int
    learning_rate: float
    seed: int
    order_seed: int


def draw(protocol: Protocol, dataset: str, repeats: int, candidates: int) -> list[Trial]:
    """repeats × candidates trials: exp(U(low, high)) learning rates, as in Chung et al. 2014, section 4.2.

    Every seed is derived from the study's seed, the dataset's name, the repeat and the candidate, and from nothing
    else: more repeats or candidates leave the earlier ones as they are, and the cells of a dataset are compared on the
    same learning rates and the same order of the data.
    """
    trials = []
    for repeat in range(repeats):
        for candidate in range(candidates):
            stream = np.random.SeedSequence([protocol.seed, crc32(dataset.encode()), repeat, candidate])
            seed, rate = stream.spawn(2)
            low, high = protocol.learning_rate_log_low, protocol.learning_rate_log_high
            trials.append(
                Trial(
                    repeat=repeat,
                    candidate=candidate,
                    learning_rate=float(np.exp(np.random.default_rng(rate).uniform(low, high))),
                    seed=_integer(seed),
                    order_seed=_integer(np.random.SeedSequence([protocol.seed, crc32(dataset.encode()), repeat])),
                )
            )
    return trials


def _integer(stream: np.random.SeedSequence) -> int:
    """A non-negative 63-bit integer: what torch's generators take."""
    return int(stream.generate_state(1, np.uint64)[0] >> np.uint64(1))
