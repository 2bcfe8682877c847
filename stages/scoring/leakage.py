"""Melodies of the test split that training has heard: pieces of music that are on both sides of a published split.

A window of consecutive frames in which the top voice (each frame's highest note) never rests and takes at least some
number of pitches is leaked if the same intervals, so the same melody in any transposition, occur in a training piece.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from stages.corpora.split import Split
from stages.plumbing.parameters import Section

SETTINGS = Path("stages/scoring/settings.yaml")


class Rule(Section):
    """`leakage` in settings.yaml beside this file.

    Attributes:
        window: frames that must agree.
        pitches: different notes that the top voice must take in them; a held or repeated note says nothing.
    """

    window: Annotated[int, Field(ge=2)]
    pitches: Annotated[int, Field(ge=1)]


def leaked_frames(train: Split, test: Split, rule: Rule) -> np.ndarray:
    """How many frames of each test piece lie in a leaked window: [N] int64, of `lengths` + 1 frames each.

    A piece shorter than the window has none. Both splits hold piano rolls (output `bernoulli`).
    """
    heard = {melody for voice in _top_voices(train) for _, melody in _melodies(voice, rule)}
    counts = []
    for voice in _top_voices(test):
        leaked = np.zeros(len(voice), bool)
        for start, melody in _melodies(voice, rule):
            if melody in heard:
                leaked[start : start + rule.window] = True
        counts.append(leaked.sum())
    return np.array(counts, np.int64)


def _top_voices(split: Split) -> Iterator[np.ndarray]:
    """Each piece's highest note by frame, −1 where it rests: [T] int16; the last frame is a target only."""
    for start, end in zip(split.offsets, split.offsets[1:], strict=False):
        frames = np.concatenate([split.inputs[start:end], split.targets[end - 1 : end]])
        highest = frames.shape[1] - 1 - frames[:, ::-1].argmax(axis=1)
        yield np.where(frames.any(axis=1), highest, -1).astype(np.int16)


def _melodies(voice: np.ndarray, rule: Rule) -> Iterator[tuple[int, bytes]]:
    """The first frame and the intervals of every window that says something."""
    if len(voice) < rule.window:
        return
    windows = np.lib.stride_tricks.sliding_window_view(voice, rule.window)
    pitches = 1 + (np.diff(np.sort(windows, axis=1), axis=1) != 0).sum(axis=1)
    for start in np.flatnonzero((windows.min(axis=1) >= 0) & (pitches >= rule.pitches)):
        yield int(start), np.diff(windows[start]).tobytes()
