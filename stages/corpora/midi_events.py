"""The events of a MIDI file that make notes, with their times; all else is passed over, and what is odd is counted.

The format is that of the Standard MIDI Files 1.0. A library for it would be mido, but mido 1.3.3 loses the time before
a meta event that it does not know, reads no more tracks than the header declares, and refuses a whole file for a key
signature, a tempo, a controller value or a system message that is damaged. None of these says when a note sounds.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

NOTE_OFF, NOTE_ON, CONTROL = 0x8, 0x9, 0xB
_DATA = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}  # bytes after the status, by its upper half
_SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # of the system messages that have no business in a file; others have none
_META, _END_OF_TRACK, _SYSEX = 0xFF, 0x2F, (0xF0, 0xF7)
_LONGEST_NUMBER = 4  # bytes of a variable-length number
# Of the meta events whose form is fixed, what they are and how many bytes they hold. None of them moves a note.
_FIXED = {0x51: ("tempo", 3), 0x54: ("SMPTE offset", 5), 0x58: ("time signature", 4), 0x59: ("key signature", 2)}
_KEY_SIGNATURE, _ACCIDENTALS = 0x59, 7


class Event(NamedTuple):
    """A message of a channel: `kind` is NOTE_OFF, NOTE_ON or CONTROL, and `tick` counts from the file's beginning."""

    tick: int
    kind: int
    channel: int
    number: int
    value: int


@dataclass(frozen=True)
class Track:
    """A track's events in their order, and the tick of its end."""

    events: list[Event]
    end: int


@dataclass(frozen=True)
class MidiEvents:
    """What a file holds.

    Attributes:
        type: 0 to 2; type 2 is a collection of patterns that do not sound together.
        division: ticks a quarter note; negative where time is counted in SMPTE frames.
        odd: how often what was passed over, in words.
    """

    type: int
    division: int
    tracks: list[Track]
    odd: Counter[str] = field(default_factory=Counter)


class _CutShort(ValueError):
    pass


class _Bytes:
    """A part of a file, read from its beginning on."""

    def __init__(self, content: memoryview):
        self.content, self.at = content, 0

    @property
    def left(self) -> int:
        return len(self.content) - self.at

    def take(self, size: int) -> memoryview:
        if size > self.left:
            raise _CutShort
        self.at += size
        return self.content[self.at - size : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def whole(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def variable(self) -> int:
        number = 0
        for _ in range(_LONGEST_NUMBER):
            byte = self.byte()
            number = number << 7 | byte & 0x7F
            if byte < 0x80:
                return number
        raise ValueError(f"expected a number of at most {_LONGEST_NUMBER} bytes, found a longer one")


def parse(content: bytes) -> MidiEvents:
    """The events of a file's bytes, also of a file that is wrapped in RIFF (.rmi).

    Chunks that are no tracks are passed over, and tracks beyond the declared number are read.

    Raises:
        ValueError: no MIDI file, one cut short, or damaged where notes or times are told.
    """
    file = _Bytes(memoryview(content))
    if content[:4] == b"RIFF":
        file = _Bytes(_unwrapped(file))
    if file.left < 4 or file.take(4) != b"MThd":
        raise ValueError("expected MThd at its beginning; it is no MIDI file")
    try:
        header = _Bytes(file.take(file.whole(4)))
        found = MidiEvents(header.whole(2), int.from_bytes(header.take(4)[2:], "big", signed=True), [])
        declared = int.from_bytes(header.content[2:4], "big")
    except _CutShort:
        raise ValueError("it is cut short: its header ends early") from None
    while file.left and (len(found.tracks) < declared or _chunk_follows(file)):
        try:
            name, chunk = bytes(file.take(4)), _Bytes(file.take(file.whole(4)))
        except _CutShort:
            raise ValueError(f"it is cut short: its chunk {len(found.tracks) + 1} ends early") from None
        if name == b"MTrk":
            try:
                found.tracks.append(_track(chunk, found.odd))
            except _CutShort:
                raise ValueError(f"track {len(found.tracks) + 1} ends within an event") from None
            except ValueError as error:
                raise ValueError(f"track {len(found.tracks) + 1}, byte {chunk.at}: {error}") from None
        else:
            found.odd["chunk that is no track"] += 1
    if len(found.tracks) < declared:
        raise ValueError(f"it is cut short: expected {declared} tracks, found {len(found.tracks)}")
    found.odd["track beyond the declared number"] = len(found.tracks) - declared
    found.odd["byte after the last track"] = file.left
    return MidiEvents(found.type, found.division, found.tracks, +found.odd)


def _chunk_follows(file: _Bytes) -> bool:
    """Whether a track follows, or a whole chunk of another name; else what follows is rubbish at the file's end."""
    head = bytes(file.content[file.at : file.at + 8])
    name, size = head[:4], int.from_bytes(head[4:], "big")
    return name == b"MTrk" or (len(head) == 8 and name.isalnum() and size <= file.left - 8)


def _unwrapped(file: _Bytes) -> memoryview:
    """The chunk `data` of a RIFF file of the kind RMID."""
    try:
        file.take(8)
        if file.take(4) != b"RMID":
            raise ValueError("expected a RIFF file of the kind RMID; it is no MIDI file")
        while True:
            name, size = bytes(file.take(4)), int.from_bytes(file.take(4), "little")
            content = file.take(size)
            if name == b"data":
                return content
            file.take(min(size % 2, file.left))
    except _CutShort:
        raise ValueError("it is cut short: its RIFF chunks end early") from None


def _track(chunk: _Bytes, odd: Counter[str]) -> Track:
    events, tick, ended = [], 0, False
    for tick, kind, channel, number, value in _messages(chunk, odd):
        if kind == _META:
            ended = True
            break
        if kind in (NOTE_OFF, NOTE_ON):
            if number > 127 or value > 127:
                raise ValueError(f"expected a note's pitch and velocity to be at most 127, found {number} and {value}")
        elif number > 127 or value > 127:
            odd["controller, program or pressure above 127"] += 1
        if kind in (NOTE_OFF, NOTE_ON, CONTROL):
            events.append(Event(tick, kind, channel, number, value))
    odd.update({"byte after a track's end event": chunk.left} if ended else {"track without its end event": 1})
    return Track(events, tick)


def _messages(chunk: _Bytes, odd: Counter[str]) -> Iterator[tuple[int, int, int, int, int]]:
    """(tick, kind, channel, number, value) of every message of a channel; the kind _META is the track's end."""
    tick, running = 0, 0
    while chunk.left:
        tick += chunk.variable()
        status = chunk.byte()
        if status == _META:
            kind = chunk.byte()
            data = chunk.take(chunk.variable())
            if damaged := _damaged(kind, data):
                odd[damaged] += 1
            if kind == _END_OF_TRACK:
                yield tick, _META, 0, 0, 0
        elif status in _SYSEX:
            chunk.take(chunk.variable())
        elif status > 0xF0:
            chunk.take(_SYSTEM.get(status, 0))
            odd["system message that no file should hold"] += 1
        else:
            if status >= 0x80:
                running, first = status, chunk.byte()
            elif running:
                first = status
            else:
                raise ValueError("expected a message's status, found data")
            kind, channel = running >> 4, running & 0xF
            yield tick, kind, channel, first, chunk.byte() if _DATA[kind] == 2 else 0


def _damaged(kind: int, data: memoryview) -> str:
    """What a meta event fails to be, in words; empty if it holds what its kind should, or its form is free."""
    name, size = _FIXED.get(kind, ("", len(data)))
    sound = len(data) == size
    if sound and kind == _KEY_SIGNATURE:
        sharps, minor = int.from_bytes(data[:1], signed=True), data[1]
        sound = abs(sharps) <= _ACCIDENTALS and minor <= 1
    return "" if sound else f"damaged {name}"
