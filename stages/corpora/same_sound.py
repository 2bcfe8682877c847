"""Recordings of the same sound, so that a split never tests what another one trains: equal samples, or nearly so."""

from collections.abc import Mapping

import numpy as np
from scipy.signal import resample
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

SILENT = 0.01  # of the loudest sample: what is quieter at both ends does not count
BINS = 200  # of the fingerprint: loudness over time
ALIKE = 0.9995  # correlation of two fingerprints, of recordings whose lengths differ by less than `LENGTHS`
LENGTHS = 0.02
BLOCK = 1000  # fingerprints compared at a time


def same_sound(recordings: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Numbers each recording by its sound: those that are the same, louder, resampled or coded anew have one number.

    Compared is how loud they are over time, silence at both ends left out. Likeness is passed on: a recording that is
    like two others joins them.

    Args:
        recordings: [n] samples by name.
    """
    found = [_fingerprint(samples) for samples in recordings.values()]
    lengths = np.array([length for length, _ in found], float)
    prints = np.array([fingerprint for _, fingerprint in found]).reshape(-1, BINS)
    pairs = [np.arange(len(found))[:, None].repeat(2, axis=1)]
    for start in range(0, len(found), BLOCK):
        block = slice(start, start + BLOCK)
        close = np.abs(lengths[block, None] - lengths) <= LENGTHS * np.maximum(lengths[block, None], lengths)
        pairs.append(np.argwhere((prints[block] @ prints.T >= ALIKE) & close) + [start, 0])
    ends = np.concatenate(pairs).T
    graph = coo_array((np.ones(ends.shape[1]), tuple(ends)), shape=(len(found), len(found)))
    _, numbers = connected_components(graph, directed=False)
    return {name: int(number) for name, number in zip(recordings, numbers, strict=True)}


def _fingerprint(samples: np.ndarray) -> tuple[int, np.ndarray]:
    """The length without silent ends, and the loudness in BINS equal times, its mean taken off, of norm 1."""
    loud = np.flatnonzero(np.abs(samples) > SILENT * np.abs(samples).max(initial=0))
    if loud.size == 0:
        return 0, np.full(BINS, BINS**-0.5)  # all silences are the same
    sound = samples[loud[0] : loud[-1] + 1]
    if len(sound) < BINS:
        sound = resample(sound, BINS)
    cuts = np.linspace(0, len(sound), BINS + 1).round().astype(int)
    powers = np.add.reduceat(sound**2, cuts[:-1]) / np.diff(cuts)
    loudness = np.sqrt(powers)
    loudness -= loudness.mean()
    norm = np.linalg.norm(loudness)
    return len(sound), loudness / norm if norm > 0 else np.full(BINS, BINS**-0.5)
