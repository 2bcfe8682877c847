"""The batches of an epoch: similar lengths together, every sequence once."""

import numpy as np


def epoch_batches(
    lengths: np.ndarray, batch_size: int, jitter: float, epoch: int, schedule_seed: int, order_seeds: list[int]
) -> list[np.ndarray]:
    """The batches of one epoch, each the sequence numbers [R, B] of all repeats.

    A repeat sorts its sequences by length times exp(U(−jitter, jitter)) and cuts them into batches of at most
    `batch_size`, as even as can be: no sequence is dropped, and padding stays small. Which sequences share a batch is
    the repeat's own draw. The order in which the length classes come up is one draw for all repeats, so that the
    batches of a population's rows have similar lengths at every update.
    """
    count = len(lengths)
    updates = -(-count // batch_size)
    cuts = []
    for seed in order_seeds:
        generator = np.random.default_rng([seed, epoch])
        jittered = np.log(lengths) + generator.uniform(-jitter, jitter, count)
        ties = generator.permutation(count)
        cuts.append(np.array_split(np.lexsort((ties, jittered)), updates))
    order = np.random.default_rng([schedule_seed, epoch]).permutation(updates)
    return [np.stack([cut[update] for cut in cuts]) for update in order]
