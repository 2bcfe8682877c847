"""MIDI files as piano rolls on a grid of fractions of a beat (a quarter note), so that tempo changes move nothing."""

from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

import numpy as np

from stages.corpora import midi_events
from stages.corpora.dataset import Dataset
from stages.corpora.folders import content
from stages.corpora.midi_events import CONTROL, NOTE_ON, Track
from stages.corpora.piano_rolls import MAX_FRAMES, PITCHES
from stages.corpora.pieces import Piece, PieceOptions, read_pieces
from stages.plumbing.errors import InputError

SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".smf")
DRUMS = 9  # the channel of General MIDI's percussion, whose numbers are instruments, not pitches
SUSTAIN_PEDAL, ALL_SOUND_OFF, ALL_NOTES_OFF = 64, 120, 123  # numbers of controllers; a pedal is down from value 64 on
MAX_BYTES = 2**26


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


def read_roll(path: Path, frames_per_beat: int, sustain_pedal: bool = False) -> Piece:
    """One file as [T, PITCHES] uint8: tracks and channels laid over each other, without the drums.

    Starts and ends of notes are rounded to the nearest grid line (halves up), and a note lasts at least one frame, so
    that played timing is not lost between the lines. The roll starts with the file and ends with its last note.

    Raises:
        InputError: not a MIDI file, cut short, damaged where notes or times are told, of type 2 (independent patterns),
            timed in SMPTE frames instead of beats, without notes, with a note of pitch 0, shorter than 2 frames or
            longer than MAX_FRAMES.
    """
    try:
        file = midi_events.parse(content(path, MAX_BYTES))
    except ValueError as error:
        raise InputError(f"{path}: not a readable MIDI file ({error})") from None
    if file.type not in (0, 1):
        raise InputError(f"{path}: expected a MIDI file of type 0 or 1, found type {file.type}")
    if file.division <= 0:
        found = "SMPTE frames" if file.division < 0 else "0 ticks a beat"
        raise InputError(f"{path}: expected time in ticks a beat, found {found}")
    notes, odd = [], file.odd
    for start, end, pitch in _notes(file.tracks, sustain_pedal, odd):
        first = _grid_line(start, file.division, frames_per_beat)
        notes.append((first, max(_grid_line(end, file.division, frames_per_beat), first + 1), pitch))
    if not notes:
        raise InputError(f"{path}: expected notes outside the drum channel, found none")
    if any(pitch == 0 for _, _, pitch in notes):
        raise InputError(f"{path}: expected pitches 1 to {PITCHES}, found pitch 0")
    length = max(end for _, end, _ in notes)
    if not 2 <= length <= MAX_FRAMES:
        raise InputError(f"{path}: expected 2 to {MAX_FRAMES} frames, found {length}")
    first, end, pitch = np.array(notes).T
    changes = np.zeros((length + 1, PITCHES), np.int32)
    np.add.at(changes, (first, pitch - 1), 1)
    np.subtract.at(changes, (end, pitch - 1), 1)
    return Piece((changes.cumsum(axis=0, dtype=np.int32)[:-1] > 0).astype(np.uint8), +odd)


def _grid_line(tick: int, ticks_per_beat: int, frames_per_beat: int) -> int:
    """The number of the grid line nearest to a tick; whole numbers only, so halves are exact and go up."""
    return (2 * tick * frames_per_beat + ticks_per_beat) // (2 * ticks_per_beat)


def _notes(tracks: list[Track], sustain_pedal: bool, odd: Counter[str]) -> list[tuple[int, int, int]]:
    """All notes as (start, end, pitch), in ticks.

    A note-off ends all that sounds of its pitch and channel in its track, as most players have it; so does the same
    pitch struck again, which then sounds anew. Controllers are the channel's in all tracks, as a pianist's hands may be
    two: the pedal, and "all notes off" and "all sound off", which end a channel's notes. What nothing ends lasts until
    its track does, and is counted.
    """
    notes: list[tuple[int, int, int]] = []
    pressed: defaultdict[int, dict[tuple[int, int], int]] = defaultdict(dict)  # starts, by channel, track and pitch
    held: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)  # (start, track, pitch) under the pedal
    pedals: set[int] = set()  # channels whose pedal is down

    def release(channel: int, key: tuple[int, int], tick: int) -> None:
        start = pressed[channel].pop(key, None)
        if start is not None and channel in pedals:
            held[channel].append((start, *key))
        elif start is not None:
            notes.append((start, tick, key[1]))

    events = [(event, own) for own, track in enumerate(tracks) for event in track.events if event.channel != DRUMS]
    for (tick, kind, channel, number, value), own in sorted(events, key=lambda found: found[0].tick):
        if kind != CONTROL:
            release(channel, (own, number), tick)
            if kind == NOTE_ON and value > 0:
                pressed[channel][own, number] = tick
        elif number in (ALL_NOTES_OFF, ALL_SOUND_OFF):
            for key in list(pressed[channel]):
                release(channel, key, tick)
        if sustain_pedal and kind == CONTROL and number == SUSTAIN_PEDAL and value >= 64:
            pedals.add(channel)
        elif kind == CONTROL and number in (SUSTAIN_PEDAL, ALL_SOUND_OFF):
            pedals.discard(channel)
            notes += [(start, tick, pitch) for start, _, pitch in held.pop(channel, [])]
    odd["note that nothing ends"] += sum(map(len, pressed.values()))
    notes += [(start, tracks[own].end, pitch) for of in pressed.values() for (own, pitch), start in of.items()]
    notes += [(start, tracks[own].end, pitch) for of in held.values() for start, own, pitch in of]
    return notes
