"""Piano rolls: which notes sound in each frame; and the four public sets, kept as rolls in `.mat` files.

Index = MIDI pitch − 1 throughout, so that the widths of the four sets, 93, 96, 105 and 108, are their highest pitches.
"""

import io
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field
from scipy.io import loadmat
from scipy.sparse import issparse

from stages.corpora.apart import read_apart
from stages.corpora.dataset import Dataset, Options
from stages.corpora.folders import opened
from stages.corpora.listing import find_files
from stages.corpora.split import SPLITS, Split
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import shortened

PITCHES = 127  # MIDI pitches 1 to 127; pitch 0 has no index
MAX_FRAMES = 200_000  # of a piece; more comes from a damaged file, and would fill the memory
VARIABLES = {"train": "traindata", "valid": "validdata", "test": "testdata"}


class Roll(NamedTuple):
    """A piece: its name, and [T, PITCHES] uint8, 1 where a note sounds in a frame."""

    name: str
    frames: np.ndarray


class PianoRollOptions(Options):
    """`width`: numbers a frame. `first_pitch`: the MIDI pitch of the file's first column (21 on a piano)."""

    width: int = Field(ge=1, le=PITCHES)
    first_pitch: int = Field(default=21, ge=1, le=PITCHES)


def read(folder: Path, options: PianoRollOptions) -> Dataset:
    """Reads the folder's one `.mat` file with its own splits: `traindata`, `validdata`, `testdata`, cells of [T, keys].

    Raises:
        InputError: no such file or not exactly one, not a `.mat` file, or not rolls of zeros and ones.
    """
    names = find_files(folder, [".mat"]).names
    if len(names) != 1:
        raise InputError(f"{folder}: expected one .mat file, found {', '.join(names)}")
    path = folder / names[0]
    with np.load(io.BytesIO(read_apart(partial(_placed_cells, first_pitch=options.first_pitch), path))) as placed:
        rolls = {
            split: [Roll(name, placed[name]) for name in placed if name.startswith(variable)]
            for split, variable in VARIABLES.items()
        }
    return to_dataset(rolls, options.width, str(path))


def _placed_cells(path: Path, first_pitch: int) -> bytes:
    """Every cell of the splits at its pitches, as an `.npz` by names such as `traindata[0]`.

    Some damaged files make SciPy's reader (1.17.1) leave its memory, which no exception tells: see `apart`.
    """
    try:
        with opened(path) as file:
            variables = loadmat(file)  # arrays only: functions and objects in the file stay opaque bytes
    except (InputError, MemoryError):
        raise
    except Exception as error:  # a damaged file breaks the reader in many ways
        said = shortened(" ".join(str(error).split()), 200)
        raise InputError(f"{path}: not a readable .mat file ({type(error).__name__}: {said})") from None
    placed = {}
    for variable in VARIABLES.values():
        cells = variables.get(variable)
        if not isinstance(cells, np.ndarray) or cells.dtype != object:
            found = shortened(", ".join(sorted(variables)), 200)
            raise InputError(f"{path}: expected the cells {variable}, found {found}")
        for n, keys in enumerate(cells.ravel()):
            placed[f"{variable}[{n}]"] = _placed(keys, first_pitch, f"{path}: {variable}[{n}]")
    buffer = io.BytesIO()
    np.savez(buffer, **placed)
    return buffer.getvalue()


def _placed(keys: np.ndarray, first_pitch: int, where: str) -> np.ndarray:
    """[T, keys] zeros and ones of any type, also sparse, put at their pitches: [T, PITCHES] uint8."""
    if issparse(keys):
        if keys.shape[0] > MAX_FRAMES:
            raise InputError(f"{where}: expected at most {MAX_FRAMES} frames, found {keys.shape[0]}")
        keys = keys.toarray() if keys.shape[1] <= PITCHES else keys
    highest = first_pitch + (keys.shape[1] if keys.ndim == 2 else 0) - 1
    if keys.ndim != 2 or highest > PITCHES:
        raise InputError(f"{where}: expected [frames, at most {PITCHES - first_pitch + 1} keys], found {keys.shape}")
    if keys.dtype.kind not in "buif" or not np.isin(keys, (0, 1)).all():
        raise InputError(f"{where}: expected zeros and ones, found other values of type {keys.dtype}")
    frames = np.zeros((len(keys), PITCHES), np.uint8)
    frames[:, first_pitch - 1 : highest] = keys
    return frames


def to_dataset(rolls: dict[str, list[Roll]], width: int | None, where: str) -> Dataset:
    """Makes frames t the inputs and frames t + 1 the targets; `width` None means the highest pitch of all splits.

    Raises:
        InputError: a split is empty, a piece has fewer than 2 frames, nothing sounds, or a pitch exceeds `width`.
    """
    highest = 0
    for split in SPLITS:
        if not rolls.get(split):
            raise InputError(f"{where}: expected at least one piece in the {split} split, found none")
        for name, frames in rolls[split]:
            if len(frames) < 2:
                raise InputError(f"{where}: {name}: expected at least 2 frames, found {len(frames)}")
            sounding = np.flatnonzero(frames.any(axis=0))
            if sounding.size and (highest := max(highest, int(sounding[-1]) + 1)) > (width or PITCHES):
                raise InputError(f"{where}: {name}: expected pitches up to {width}, the width, found {highest}")
    if highest == 0:
        raise InputError(f"{where}: expected notes, found silence only")
    width = width or highest
    return Dataset(
        splits={split: _split(rolls[split], width) for split in SPLITS},
        counts={split: _counts(rolls[split]) for split in SPLITS},
    )


def _split(rolls: list[Roll], width: int) -> Split:
    return Split(
        inputs=np.concatenate([frames[:-1, :width] for _, frames in rolls]),
        targets=np.concatenate([frames[1:, :width] for _, frames in rolls]),
        lengths=np.array([len(frames) - 1 for _, frames in rolls], np.int64),
        names=np.array([name for name, _ in rolls], np.str_),
        output="bernoulli",
    )


def _counts(rolls: list[Roll]) -> dict[str, int | float]:
    """Frames include each piece's first, which is an input and never a target."""
    frames = sum(len(frames) for _, frames in rolls)
    notes = sum(int(frames.sum()) for _, frames in rolls)
    return {"sequences": len(rolls), "frames": frames, "notes_per_frame": round(notes / frames, 6)}
