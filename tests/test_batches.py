"""Batches visit every sequence once an epoch, padded, masked, and in an order that is the repeat's own."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.population.batches import epoch_batches
from stages.recurrent.sequences import Sequences, scoring_batches

lengths = st.lists(st.integers(1, 40), min_size=1, max_size=40).map(np.array)


@given(lengths, st.integers(1, 12), st.integers(1, 5), st.lists(st.integers(0, 2**62), min_size=1, max_size=3))
def test_every_sequence_is_visited_once_by_every_repeat(lengths, batch_size, epoch, seeds):
    batches = epoch_batches(lengths, batch_size, 0.1, epoch, 7, seeds)
    assert len(batches) == -(-len(lengths) // batch_size)
    for repeat in range(len(seeds)):
        visited = np.concatenate([batch[repeat] for batch in batches])
        assert sorted(visited) == list(range(len(lengths)))
    assert all(batch.shape[1] <= batch_size for batch in batches)


def test_a_repeats_batches_do_not_depend_on_the_other_repeats():
    lengths = np.random.default_rng(0).integers(5, 50, 33)
    together = epoch_batches(lengths, 4, 0.1, 3, 7, [11, 12, 13])
    alone = epoch_batches(lengths, 4, 0.1, 3, 7, [12])
    assert all((a[1] == b[0]).all() for a, b in zip(together, alone, strict=True))
    assert any((a[0] != a[1]).any() for a in together)


def test_epochs_differ():
    lengths = np.random.default_rng(0).integers(5, 50, 33)
    first, second = (np.concatenate(epoch_batches(lengths, 4, 0.1, e, 7, [11]), axis=1) for e in (1, 2))
    assert (first != second).any()


@settings(deadline=None)
@given(lengths, st.data())
def test_gather_pads_masks_and_keeps_every_number(lengths, data):
    frames = int(lengths.sum())
    inputs = np.arange(frames * 2, dtype=np.float32).reshape(frames, 2) + 1
    sequences = Sequences(inputs, -inputs, lengths, torch.device("cpu"))
    chosen = np.array([data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=2, max_size=2)) for _ in range(2)])
    batch = sequences.gather(chosen)
    starts = np.cumsum(lengths) - lengths
    for repeat in range(2):
        for column in range(2):
            number = chosen[repeat, column]
            length = lengths[number]
            own = inputs[starts[number] : starts[number] + length]
            assert (batch.inputs[repeat, :length, column].numpy() == own).all()
            assert (batch.targets[repeat, :length, column].numpy() == -own).all()
            assert batch.mask[repeat, :, column].sum() == length
            assert batch.mask[repeat, :length, column].all()


@given(lengths, st.integers(1, 100))
def test_scoring_batches_hold_every_sequence_once_within_their_size(lengths, steps):
    batches = scoring_batches(lengths, steps)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert all(len(batch) == 1 or lengths[batch].max() * len(batch) <= steps for batch in batches)
