"""A folder of pieces of music, one a file, as a dataset: what the readers of MIDI files and of scores share."""

from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field

from stages.corpora.dataset import Dataset, Options
from stages.corpora.duplicates import same_music
from stages.corpora.folders import read_each
from stages.corpora.listing import find_files, told
from stages.corpora.piano_rolls import PITCHES, Roll, to_dataset
from stages.corpora.splitting import Fractions, by_draw, by_folder
from stages.plumbing.errors import InputError


class Piece(NamedTuple):
    """A piece read from a file: [T, PITCHES] uint8, and what was odd in the file, in words, with how often it was."""

    frames: np.ndarray
    odd: Counter[str] = Counter()


class PieceOptions(Options):
    """How pieces become rolls and splits.

    Attributes:
        frames_per_beat: frames a quarter note.
        width: numbers a frame; the highest pitch of all pieces when left out.
        fractions, seed: how splits are drawn where the files lie in no train, valid and test folders.
        shared_beats: drawn splits keep pieces together that share this many beats of the same music, also transposed.
        skip_unreadable: leave a file out that cannot be used, and list it in counts.json, instead of stopping.
    """

    frames_per_beat: int = Field(ge=1, le=96)
    width: int | None = Field(default=None, ge=1, le=PITCHES)
    fractions: Fractions | None = None
    seed: int = Field(default=0, ge=0)
    shared_beats: int = Field(default=16, ge=1)
    skip_unreadable: bool = False


def read_pieces(
    folder: Path,
    suffixes: Collection[str],
    read_piece: Callable[[Path], Piece | str],
    options: PieceOptions,
    workers: int = 1,
) -> Dataset:
    """Reads each file into a roll, splits by the folders train, valid and test or else by a draw.

    Args:
        read_piece: gives a file's piece, or why it is none of this dataset, which leaves it out.
        workers: processes that read; `read_piece` must then be a function of a module.

    Raises:
        InputError: no such files, one cannot be used, no way to split, or a split would be empty.
    """
    found = find_files(folder, suffixes)
    read, left_out = read_each(folder, found.names, read_piece, options.skip_unreadable, workers, found.unusable)
    pieces = {name: piece for name, piece in read.items() if not isinstance(piece, str)}
    left_out |= {name: reason for name, reason in read.items() if isinstance(reason, str)}
    if not pieces:
        raise InputError(f"{folder}: expected pieces of this dataset, found none; the first: {min(left_out.items())}")
    rolls = {name: piece.frames for name, piece in pieces.items()}
    splits = by_folder(list(rolls), str(folder))
    if splits is None:
        if options.fractions is None:
            raise InputError(f"{folder}: no folders train, valid and test, and no option `fractions` to draw splits by")
        music = same_music(rolls, options.shared_beats * options.frames_per_beat)
        splits = by_draw(music, options.fractions, options.seed, str(folder))
    by_split = {split: [Roll(name, rolls[name]) for name in names] for split, names in splits.items()}
    dataset = to_dataset(by_split, options.width, str(folder))
    dataset.about["left_out"] = dict(sorted(left_out.items()))
    dataset.about.update(told(found, {name: piece.odd for name, piece in pieces.items()}))
    return dataset
