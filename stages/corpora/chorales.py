"""Scores in MusicXML, read by music21, as piano rolls: the four-part chorales of its bundled corpus."""

import math
import os
import zipfile
from collections import Counter
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from pydantic import Field

from stages.corpora.dataset import Dataset
from stages.corpora.folders import content
from stages.corpora.piano_rolls import MAX_FRAMES, PITCHES
from stages.corpora.pieces import Piece, PieceOptions, read_pieces
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import shortened

SUFFIXES = (".mxl", ".xml", ".musicxml")
MAX_BYTES = 2**26


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


def _require_bounds(path: Path) -> None:
    """A packed score unpacks to a bounded size: no more than its directory says is ever read of a member."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            largest = max((member.file_size for member in archive.infolist()), default=0)
        if largest > MAX_BYTES:
            raise InputError(f"{path}: expected at most {MAX_BYTES} bytes unpacked, found {largest}")


def _without_cues(text: str | bytes) -> tuple[str | bytes, int]:
    """A score with rests in the place of its cue notes, which music21 10.5.1 reads like all others; and how many."""
    if ("<cue" if isinstance(text, str) else b"<cue") not in text:
        return text, 0
    root, cues = ElementTree.fromstring(text), 0
    for parent in root.iter():
        for note in parent.findall("note"):
            if note.find("cue") is None:
                continue
            cues += 1
            if note.find("chord") is not None:
                parent.remove(note)  # the first note of a chord keeps its time
            for child in list(note):
                if child.tag in ("pitch", "unpitched", "rest"):
                    child.tag, child[:] = "rest", []
                elif child.tag not in ("duration", "voice", "type", "dot", "staff"):
                    note.remove(child)
    return ElementTree.tostring(root), cues


def read_roll(path: Path, frames_per_beat: int, parts: int) -> Piece | str:
    """One score as [T, PITCHES] uint8, or that it has another number of parts.

    A frame holds the notes that sound at its start: with one frame a beat, the chord on each quarter note. Instruments
    that transpose are read as they sound. Repeats are not played out, fermatas not held, grace notes (which last no
    time) and cue notes (which another part plays) left out.

    Raises:
        InputError: not a readable MusicXML file, without notes, shorter than 2 frames or longer than MAX_FRAMES.
    """
    # Imported here: it takes a second, and only this reader needs it. The importer is used bare, as music21's
    # `converter.parse` and `corpus.parse` keep a cache of pickles outside the project.
    from music21.converter import ArchiveManager
    from music21.musicxml.xmlToM21 import MusicXMLImporter

    try:
        _require_bounds(path)
        importer = MusicXMLImporter()
        archive = ArchiveManager(path)
        text = archive.getData() if archive.isArchive() else content(path, MAX_BYTES)
        importer.xmlText, cues = _without_cues(text)
        importer.parseXMLText()
        score = importer.stream.toSoundingPitch()
        notes = [
            (note.offset * frames_per_beat, (note.offset + note.quarterLength) * frames_per_beat, pitch.midi)
            for part in score.parts
            for note in part.flatten().notes
            for pitch in note.pitches
        ]
    except InputError:
        raise
    except Exception as error:  # damaged scores break the parser in many ways
        said = shortened(f"{type(error).__name__}: {' '.join(str(error).split())}", 200)
        raise InputError(f"{path}: not a readable MusicXML score ({said})") from None
    if len(score.parts) != parts:
        return f"{len(score.parts)} parts instead of {parts}"
    if not notes:
        raise InputError(f"{path}: expected notes, found none")
    if not all(1 <= pitch <= PITCHES for _, _, pitch in notes):
        raise InputError(f"{path}: expected pitches 1 to {PITCHES}, found others")
    length = math.ceil(max(end for _, end, _ in notes))
    if not 2 <= length <= MAX_FRAMES:
        raise InputError(f"{path}: expected 2 to {MAX_FRAMES} frames, found {length}")
    frames = np.zeros((length, PITCHES), np.uint8)
    for start, end, pitch in notes:
        frames[math.ceil(start) : math.ceil(end), pitch - 1] = 1
    return Piece(frames, +Counter({"cue note (left out)": cues}))
