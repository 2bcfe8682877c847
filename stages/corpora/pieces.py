"""A folder of pieces of music, one a file, as a dataset: what the readers of MIDI files and of scores share."""

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
from pydantic import Field

from stages.corpora.dataset import Dataset, Options
from stages.corpora.duplicates import same_music
from stages.corpora.folders import find_files, read_each
from stages.corpora.piano_rolls import PITCHES, Roll, to_dataset
from stages.corpora.splitting import Fractions, by_draw, by_folder
from stages.plumbing.errors import InputError


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
    read_roll: Callable[[Path], np.ndarray | str],
    options: PieceOptions,
    workers: int = 1,
) -> Dataset:
    """Reads each file into a roll, splits by the folders train, valid and test or else by a draw.

    Args:
        read_roll: gives a file's [T, PITCHES] uint8, or why it is no piece of this dataset, which leaves it out.
        workers: processes that read; `read_roll` must then be a function of a module.

    Raises:
        InputError: no such files, one cannot be used, no way to split, or a split would be empty.
    """
    read, left_out = read_each(folder, find_files(folder, suffixes), read_roll, options.skip_unreadable, workers)
    rolls = {name: roll for name, roll in read.items() if not isinstance(roll, str)}
    left_out |= {name: reason for name, reason in read.items() if isinstance(reason, str)}
    if not rolls:
        raise InputError(f"{folder}: expected pieces of this dataset, found none; the first: {min(left_out.items())}")
    splits = by_folder(list(rolls), str(folder))
    if splits is None:
        if options.fractions is None:
            raise InputError(f"{folder}: no folders train, valid and test, and no option `fractions` to draw splits by")
        music = same_music(rolls, options.shared_beats * options.frames_per_beat)
        splits = by_draw(music, options.fractions, options.seed, str(folder))
    by_split = {split: [Roll(name, rolls[name]) for name in names] for split, names in splits.items()}
    dataset = to_dataset(by_split, options.width, str(folder))
    dataset.about["left_out"] = dict(sorted(left_out.items()))
    return dataset
