"""Pieces of the same music, found by the passages they share, so that a split never tests what another one trains."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

CHANGES = 4  # a passage that changes less often (a held chord, one note repeated) says nothing


def same_music(rolls: Mapping[str, np.ndarray], window: int) -> dict[str, int]:
    """Numbers each piece by its music: pieces that share a passage, in any transposition, have the same number.

    A passage is `window` consecutive frames with all their notes, or a whole piece from its first note to its last.
    Sharing is passed on: a piece that shares one passage with a second and another with a third joins all three.

    Args:
        rolls: [T, pitches] uint8 by name.
    """
    first_with: dict[bytes, int] = {}
    pairs = [
        (first_with.setdefault(passage, n), n)
        for n, frames in enumerate(rolls.values())
        for passage in _passages(frames, window)
    ]
    ones, ends = np.ones(len(pairs)), np.array(pairs, int).reshape(-1, 2).T
    graph = coo_array((ones, tuple(ends)), shape=(len(rolls), len(rolls)))
    _, numbers = connected_components(graph, directed=False)
    return {name: int(number) for name, number in zip(rolls, numbers, strict=True)}


def _passages(frames: np.ndarray, window: int) -> Iterator[bytes]:
    """Digests of a roll's passages, equal for transposed ones: each frame above its lowest note, and how that moves."""
    length, pitches = frames.shape
    sounding = frames.any(axis=1)
    latest = np.maximum.accumulate(np.where(sounding, np.arange(length), 0))
    lowest = frames.argmax(axis=1)[latest]  # a rest keeps the lowest note before it
    padded = np.pad(frames, ((0, 0), (0, pitches)))
    above = np.packbits(np.take_along_axis(padded, lowest[:, None] + np.arange(pitches), axis=1), axis=1)
    moves = np.diff(lowest, prepend=lowest[:1]).astype(np.int8)
    moving = np.concatenate([moves.view(np.uint8)[:, None], above], axis=1)
    changes = np.cumsum(np.concatenate([[False], (frames[1:] != frames[:-1]).any(axis=1)]))
    first, last = np.flatnonzero(sounding)[[0, -1]] if sounding.any() else (0, length - 1)
    passages = [(first, last + 1)]
    for start in range(max(length - window, 0) + 1):
        end = min(start + window, length)
        if sounding[start] and changes[end - 1] - changes[start] >= CHANGES:
            passages.append((start, end))
    for start, end in passages:
        yield blake2b(above[start].tobytes() + moving[start + 1 : end].tobytes(), digest_size=16).digest()
