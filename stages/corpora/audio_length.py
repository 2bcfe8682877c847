"""Whether a recording holds as much sound as its header promises.

libsndfile 1.2.2 reads what there is of a WAV, AIFF, AU, Ogg or MP3 file that was cut short, and says nothing. FLAC it
refuses by itself.
"""

import os
import struct
from typing import IO, NamedTuple

UNKNOWN = (0, 0xFFFFFFFF)  # sizes written by a recorder that streams and does not come back to its header
_PAGE = 27  # bytes of an Ogg page before its table of segments
_LAST_PAGE = 0x04  # flag of the last page of a stream


class Length(NamedTuple):
    """What a file says of its length.

    Attributes:
        missing: what it promises and does not hold, in words; empty if it holds all.
        streamed: it says nowhere how long it is, and is whole as it stands.
        correction: the place of a size that libsndfile would believe to be 0, and the bytes to write there.
    """

    missing: str = ""
    streamed: bool = False
    correction: tuple[int, bytes] | None = None


def said(file: IO[bytes]) -> Length:
    """The length that a recording's header states, held against the file's."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(12)
    kind, form = start[:4], start[8:12]
    try:
        if kind in (b"RIFF", b"RF64", b"RIFX") and form == b"WAVE":
            return _chunks(file, size, b"data", ">" if kind == b"RIFX" else "<")
        if kind == b"FORM" and form in (b"AIFF", b"AIFC"):
            return _chunks(file, size, b"SSND", ">")
        if kind in (b".snd", b"dns."):
            begin, promised = struct.unpack(">II" if kind == b".snd" else "<II", start[4:12])
            return _compared(promised, size - begin)
        if kind == b"OggS":
            return Length(_ogg(file, size))
        return Length(_mp3(file, size))
    except struct.error:
        return Length("it ends within its header")


def _compared(promised: int, held: int) -> Length:
    if promised in UNKNOWN and held > 0:
        return Length(streamed=True)
    return Length(f"its header promises {promised} bytes of sound, it holds {max(held, 0)}" if promised > held else "")


def _chunks(file: IO[bytes], size: int, wanted: bytes, order: str) -> Length:
    """WAV and AIFF: a chunk after another, the one with the sound among them."""
    at, of_64_bits = 12, None
    while at + 8 <= size:
        file.seek(at)
        name, promised = struct.unpack(f"{order}4sI", file.read(8))
        if name == b"ds64":  # RF64: the true sizes
            of_64_bits = struct.unpack("<QQ", file.read(16))[1]
        elif name == wanted:
            if promised == 0xFFFFFFFF and of_64_bits is not None:
                promised = of_64_bits
            found = _compared(promised, size - at - 8)
            if found.streamed and promised == 0:
                return found._replace(correction=(at + 4, struct.pack(f"{order}I", min(size - at - 8, 2**32 - 2))))
            return found
        at += 8 + promised + promised % 2
    return Length("it ends before its sound begins")


def _ogg(file: IO[bytes], size: int) -> str:
    """The last page is whole and says that it is the last. A page has at most 65,307 bytes."""
    file.seek(max(0, size - 2 * 65_307))
    tail = file.read()
    at = tail.rfind(b"OggS")
    while at >= 0:
        page = tail[at:]
        if len(page) > _PAGE and page[4] == 0 and len(page) >= _PAGE + page[26]:
            ends = _PAGE + page[26] + sum(page[_PAGE : _PAGE + page[26]])
            if ends == len(page):
                return "" if page[5] & _LAST_PAGE else "its last page is missing"
            if ends > len(page):
                return "its last page is not whole"
        at = tail.rfind(b"OggS", 0, at)
    return "its last page is not whole"


def _mp3(file: IO[bytes], size: int) -> str:
    """Of an MP3 only the frame that most encoders write first says how many bytes there are."""
    file.seek(0)
    head = file.read(10)
    begin = 0
    if head[:3] == b"ID3" and len(head) == 10:
        begin = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    file.seek(begin)
    first = file.read(256)
    for mark in (b"Xing", b"Info"):
        at = first.find(mark)
        if at >= 0 and first[:1] == b"\xff":
            flags = struct.unpack(">I", first[at + 4 : at + 8])[0]
            place = at + 8 + 4 * (flags & 1)
            if flags & 2:
                return _compared(struct.unpack(">I", first[place : place + 4])[0], size - begin).missing
    return ""
