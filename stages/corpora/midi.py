"""MIDI files as piano rolls on a grid of fractions of a beat (a quarter note), so that tempo changes move nothing."""

from collections import defaultdict
from functools import partial
from pathlib import Path

import mido
import numpy as np

from stages.corpora.dataset import Dataset
from stages.corpora.piano_rolls import PITCHES
from stages.corpora.pieces import PieceOptions, read_pieces
from stages.plumbing.errors import InputError

SUFFIXES = (".mid", ".midi")
DRUMS = 9  # the channel of General MIDI's percussion, whose numbers are instruments, not pitches
SUSTAIN_PEDAL = 64  # its controller number; values from 64 are "down"
MAX_FRAMES = 200_000  # more comes from a damaged file, and would fill the memory


class MidiOptions(PieceOptions):
    """`sustain_pedal`: a note lasts until the pedal is up, not only until its key is."""

    sustain_pedal: bool = False


def read(folder: Path, options: MidiOptions) -> Dataset:
    """Reads all MIDI files below `folder`; splits by the folders train, valid, test, or else by a seeded draw.

    Raises:
        InputError: there are no MIDI files, one cannot be used (see `read_roll`), or a split would be empty.
    """
    read_one = partial(read_roll, frames_per_beat=options.frames_per_beat, sustain_pedal=options.sustain_pedal)
    return read_pieces(folder, SUFFIXES, read_one, options)


def read_roll(path: Path, frames_per_beat: int, sustain_pedal: bool = False) -> np.ndarray:
    """One file as [T, PITCHES] uint8: tracks and channels laid over each other, without the drums.

    Starts and ends of notes are rounded to the nearest grid line (halves up), and a note lasts at least one frame, so
    that played timing is not lost between the lines. The roll starts with the file and ends with its last note.

    Raises:
        InputError: not a MIDI file, truncated, of type 2 (independent patterns), timed in SMPTE frames instead of
            beats, without notes, with a note of pitch 0, shorter than 2 frames or longer than MAX_FRAMES.
    """
    try:
        file = mido.MidiFile(path)
    except Exception as error:  # damaged bytes break the parser in many ways
        raise InputError(f"{path}: not a readable MIDI file ({type(error).__name__}: {error})") from None
    if file.type not in (0, 1):
        raise InputError(f"{path}: expected a MIDI file of type 0 or 1, found type {file.type}")
    if file.ticks_per_beat <= 0:
        found = "SMPTE frames" if file.ticks_per_beat < 0 else "0 ticks a beat"
        raise InputError(f"{path}: expected time in ticks a beat, found {found}")
    notes = []
    for track in file.tracks:
        for start, end, pitch in _notes(track, sustain_pedal):
            first = _grid_line(start, file.ticks_per_beat, frames_per_beat)
            notes.append((first, max(_grid_line(end, file.ticks_per_beat, frames_per_beat), first + 1), pitch))
    if not notes:
        raise InputError(f"{path}: expected notes outside the drum channel, found none")
    if any(pitch == 0 for _, _, pitch in notes):
        raise InputError(f"{path}: expected pitches 1 to {PITCHES}, found pitch 0")
    length = max(end for _, end, _ in notes)
    if not 2 <= length <= MAX_FRAMES:
        raise InputError(f"{path}: expected 2 to {MAX_FRAMES} frames, found {length}")
    frames = np.zeros((length, PITCHES), np.uint8)
    for first, end, pitch in notes:
        frames[first:end, pitch - 1] = 1
    return frames


def _grid_line(tick: int, ticks_per_beat: int, frames_per_beat: int) -> int:
    """The number of the grid line nearest to a tick; whole numbers only, so halves are exact and go up."""
    return (2 * tick * frames_per_beat + ticks_per_beat) // (2 * ticks_per_beat)


def _notes(track: mido.MidiTrack, sustain_pedal: bool) -> list[tuple[int, int, int]]:
    """A track's notes as (start, end, pitch), in ticks.

    Where one pitch of a channel is struck again while it sounds, each note-off ends the note struck first. A note that
    is never ended lasts until the track's end.
    """
    notes: list[tuple[int, int, int]] = []
    sounding: defaultdict[tuple[int, int], list[int]] = defaultdict(list)  # starts, by channel and pitch
    held: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)  # released under the pedal, by channel
    pedals: set[int] = set()  # channels whose pedal is down
    tick = 0
    for message in track:
        tick += message.time
        if message.is_meta or getattr(message, "channel", DRUMS) == DRUMS:
            continue
        channel = message.channel
        if message.type == "note_on" and message.velocity > 0:
            sounding[channel, message.note].append(tick)
        elif message.type in ("note_on", "note_off"):
            if starts := sounding[channel, message.note]:
                start = starts.pop(0)
                if channel in pedals:
                    held[channel].append((start, message.note))
                else:
                    notes.append((start, tick, message.note))
        elif sustain_pedal and message.type == "control_change" and message.control == SUSTAIN_PEDAL:
            if message.value >= 64:
                pedals.add(channel)
            else:
                pedals.discard(channel)
                notes += [(start, tick, pitch) for start, pitch in held.pop(channel, [])]
    notes += [(start, tick, pitch) for pressed in held.values() for start, pitch in pressed]
    notes += [(start, tick, pitch) for (_, pitch), starts in sounding.items() for start in starts]
    return notes
