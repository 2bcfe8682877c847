"""Notes of a piano roll, and MIDI files of them."""

from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np

from stages.plumbing.files import whole

TICKS_PER_FRAME = 480
VELOCITY = 80


class Note(NamedTuple):
    """A MIDI pitch that sounds from frame `start` until frame `end`."""

    start: int
    end: int
    pitch: int


def notes_of(roll: np.ndarray) -> list[Note]:
    """The notes of a roll [T, K], index = MIDI pitch − 1, by start and pitch.

    A roll does not tell a held note from one struck again in the next frame: it is held.
    """
    padded = np.pad(roll.astype(np.int8), ((1, 1), (0, 0)))
    change = np.diff(padded, axis=0).T  # [K, T + 1]: 1 where a note starts, −1 where it has ended
    starts, ends = np.argwhere(change == 1), np.argwhere(change == -1)  # both by pitch, then by time
    return sorted(Note(int(start), int(end), int(k) + 1) for (k, start), (_, end) in zip(starts, ends, strict=True))


def write_midi(path: Path, notes: list[Note], given: int, seconds_per_frame: float, name: str) -> None:
    """Writes a MIDI file of one track: a beat a frame, a marker where the net goes on by itself after `given` frames.

    Raises:
        InputError: the file cannot be written.
    """
    events = [
        (0, 0, mido.MetaMessage("track_name", name=name)),
        (0, 0, mido.MetaMessage("set_tempo", tempo=round(seconds_per_frame * 1e6))),
        (given, 0, mido.MetaMessage("marker", text="the net goes on")),
    ]
    for start, end, pitch in notes:
        events.append((end, 1, mido.Message("note_off", note=pitch, velocity=0)))
        events.append((start, 2, mido.Message("note_on", note=pitch, velocity=VELOCITY)))
    track, now = mido.MidiTrack(), 0
    for frame, _, message in sorted(events, key=lambda event: event[:2]):  # at a frame: ends before starts
        track.append(message.copy(time=(frame - now) * TICKS_PER_FRAME))
        now = frame
    with whole(path) as temporary:
        mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_FRAME, tracks=[track]).save(temporary)
