"""Scores in MusicXML, read by music21, as piano rolls: the four-part chorales of its bundled corpus."""

import math
import os
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import Field

from stages.corpora.dataset import Dataset
from stages.corpora.piano_rolls import PITCHES
from stages.corpora.pieces import PieceOptions, read_pieces
from stages.plumbing.errors import InputError

SUFFIXES = (".mxl", ".xml", ".musicxml")


class ChoraleOptions(PieceOptions):
    """`parts`: a score with another number of parts is left out and listed in counts.json."""

    parts: int = Field(default=4, ge=1)


def read(folder: Path, options: ChoraleOptions) -> Dataset:
    """Reads all scores below `folder`, in several processes, as music21 needs about a tenth of a second a score.

    Raises:
        InputError: there are no scores, one cannot be used, or a split would be empty.
    """
    read_one = partial(read_roll, frames_per_beat=options.frames_per_beat, parts=options.parts)
    return read_pieces(folder, SUFFIXES, read_one, options, workers=min(4, os.cpu_count() or 1))


def read_roll(path: Path, frames_per_beat: int, parts: int) -> np.ndarray | str:
    """One score as [T, PITCHES] uint8, or that it has another number of parts.

    A frame holds the notes that sound at its start: with one frame a beat, the chord on each quarter note. Repeats are
    not played out, fermatas not held, grace notes (which last no time) left out.

    Raises:
        InputError: not a readable MusicXML file, without notes, or shorter than 2 frames.
    """
    # Imported here: it takes a second, and only this reader needs it. The importer is used bare, as music21's
    # `converter.parse` and `corpus.parse` keep a cache of pickles outside the project.
    from music21.converter import ArchiveManager
    from music21.musicxml.xmlToM21 import MusicXMLImporter

    try:
        importer = MusicXMLImporter()
        archive = ArchiveManager(path)
        importer.xmlText = archive.getData() if archive.isArchive() else path.read_bytes()
        importer.parseXMLText()
        score = importer.stream
        notes = [
            (note.offset * frames_per_beat, (note.offset + note.quarterLength) * frames_per_beat, pitch.midi)
            for part in score.parts
            for note in part.flatten().notes
            for pitch in note.pitches
        ]
    except Exception as error:  # damaged scores break the parser in many ways
        raise InputError(f"{path}: not a readable MusicXML score ({type(error).__name__}: {error})") from None
    if len(score.parts) != parts:
        return f"{len(score.parts)} parts instead of {parts}"
    if not notes:
        raise InputError(f"{path}: expected notes, found none")
    if not all(1 <= pitch <= PITCHES for _, _, pitch in notes):
        raise InputError(f"{path}: expected pitches 1 to {PITCHES}, found others")
    length = math.ceil(max(end for _, end, _ in notes))
    if length < 2:
        raise InputError(f"{path}: expected at least 2 frames, found {length}")
    frames = np.zeros((length, PITCHES), np.uint8)
    for start, end, pitch in notes:
        frames[math.ceil(start) : math.ceil(end), pitch - 1] = 1
    return frames
