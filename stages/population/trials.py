"""The trials of a study: each repeat draws its own candidates, and a trial is fixed by its seeds alone."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from stages.protocol.protocol import Draw, LogUniform, OneOf, Protocol


@dataclass(frozen=True)
class Trial:
    """One net to train.

    Attributes:
        repeat, candidate: its place in the grid, from 0.
        seed: of its initial weights, its weight noise and its dropout.
        order_seed: of the order in which its repeat sees the data.
        rate: its candidate learning rate, before the schedule.
        weight_noise: the standard deviation of the noise on the recurrent layer's matrices.
        dropout: the share of the hidden units that each step's output does not see in training.
    """

    repeat: int
    candidate: int
    seed: int
    order_seed: int
    rate: float
    weight_noise: float
    dropout: float


def draw(protocol: Protocol, dataset: str, repeats: int, candidates: int) -> list[Trial]:
    """repeats × candidates trials: in the paper exp(U(low, high)) learning rates (Chung et al. 2014, section 4.2).

    Every seed is derived from the study's seed, the dataset's name, the repeat and the candidate, and from nothing
    else: more repeats or candidates leave the earlier ones as they are, the cells of a dataset are compared on the
    same draws and the same order of the data, and what is drawn besides the rate leaves the rate as it is.
    """
    trials = []
    for repeat in range(repeats):
        for candidate in range(candidates):
            stream = np.random.SeedSequence([protocol.seed, crc32(dataset.encode()), repeat, candidate])
            seed, rate, noise, dropout = stream.spawn(4)
            trials.append(
                Trial(
                    repeat=repeat,
                    candidate=candidate,
                    seed=_integer(seed),
                    order_seed=_integer(np.random.SeedSequence([protocol.seed, crc32(dataset.encode()), repeat])),
                    rate=_value(protocol.rate, rate),
                    weight_noise=_value(protocol.weight_noise, noise),
                    dropout=_value(protocol.dropout, dropout),
                )
            )
    return trials


def _value(drawn: float | Draw, stream: np.random.SeedSequence) -> float:
    if isinstance(drawn, float):
        return drawn
    generator = np.random.default_rng(stream)
    if isinstance(drawn, OneOf):
        return drawn.one_of[generator.integers(len(drawn.one_of))]
    if isinstance(drawn, LogUniform):
        return float(np.exp(generator.uniform(*drawn.log_uniform)))
    return float(generator.uniform(*drawn.uniform))


def _integer(stream: np.random.SeedSequence) -> int:
    """A non-negative 63-bit integer: what torch's generators take."""
    return int(stream.generate_state(1, np.uint64)[0] >> np.uint64(1))
