"""Clean negative log-likelihood: no noise, no gradient, every scored step of a split."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from stages.recurrent.network import Network
from stages.recurrent.sequences import Sequences, scoring_batches

PADDED_STEPS = 1024  # of a batch, small enough for a CPU's cache; the result depends on it only by rounding
SEQUENCES = 64  # of a batch on a GPU, at least: there a step takes as long for one sequence as for many


class Stopped(Exception):
    """Scoring was asked to stop before it was done."""


@torch.no_grad()
def sequence_sums(
    network: Network, weights: dict[str, Tensor], split: Sequences, stop: Callable[[], bool] = lambda: False
) -> np.ndarray:
    """The NLL of each sequence, summed over its steps, in nats.

    Args:
        weights: the net's parameters, each [P, *shape].
        stop: asked before every batch.

    Raises:
        Stopped: `stop` said so.

    Returns:
        [P, N] float64, sequences in the split's order.
    """
    P = next(iter(weights.values())).shape[0]
    sums = np.empty((P, split.count))
    for sequences in scoring_batches(split.lengths, PADDED_STEPS, 1 if split.device.type == "cpu" else SEQUENCES):
        if stop():
            raise Stopped
        batch = split.gather(sequences[None])
        inputs, targets = (part.expand(P, -1, -1, -1) for part in (batch.inputs, batch.targets))
        nll = network.negative_log_likelihood(weights, inputs, targets, None, batch.lengths.expand(P, -1))
        nll = torch.where(batch.mask > 0, nll, 0.0)  # beyond a sequence's end a state may grow without bound
        sums[:, sequences] = nll.sum(1).double().cpu().numpy()
    return sums


def pooled(sums: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Nats per step over all steps of a split: [P, N] sums, [N] lengths → [P]."""
    return sums.sum(1) / lengths.sum()


def per_sequence(sums: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The mean over sequences of each sequence's nats per step: [P, N] sums, [N] lengths → [P]."""
    return (sums / lengths).mean(1)
