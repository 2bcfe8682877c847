"""Whether a recording holds the sound that its header promises, no less and no more.

libsndfile 1.2.2 reads what there is of a WAV, AIFF, AU, Ogg or MP3 file that was cut short, and says nothing. Where a
header promises less sound than there is, it leaves out the rest, of a FLAC file too.
"""

import os
import struct
from typing import IO, NamedTuple

UNKNOWN = (0, 0xFFFFFFFF)  # sizes written by a recorder that streams and does not come back to its header
_PAGE = 27  # bytes of an Ogg page before its table of segments
_LAST_PAGE = 0x04  # flag of the last page of a stream
_FLAC_TOTAL, _FLAC_BITS = 21, 36  # where a FLAC file has its number of samples: these bits at the end of 5 bytes
_REST = 2**16  # bytes looked at to see whether they are silence
CUT = "the recording is cut short: "
STREAMED, BEHIND, BEYOND = (
    "recording without its length in its header",
    "recording with other bytes behind its end",
    "recording whose envelope ends beyond its file",
)
# MPEG audio by the two bits of a frame's header: rates in Hz at version 1, and kbit/s by (version 1, layer).
_MPEG_RATES = (44_100, 48_000, 32_000)
_MPEG_BITS = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_BITS[False, 3] = _MPEG_BITS[False, 2]
_MPEG_TAILS = (b"TAG", b"APE", b"LYR", b"ID3", b"\0")  # titles, words and padding behind the sound


class Length(NamedTuple):
    """What a file says of its length.

    Attributes:
        wrong: why what it promises is not what it holds, in words; empty if it is.
        odd: what is odd of its length, in words, where it is whole all the same.
        correction: what libsndfile needs to read it all: a place, how many bytes to take out there, and what to put in.
        samples: how many a channel must then be found; None: as many as libsndfile says.
    """

    wrong: str = ""
    odd: str = ""
    correction: tuple[int, int, bytes] | None = None
    samples: int | None = None


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
            more = promised + 1 < size - begin
            return _compared(promised, size - begin) or Length(_promised(promised, size - begin) if more else "")
        if kind == b"OggS":
            return Length(_ogg(file, size))
        if kind == b"fLaC":
            return _flac(file)
        return _mp3(file, size)
    except struct.error:
        return Length(f"{CUT}it ends within its header")


def _promised(promised: int, held: int) -> str:
    return f"its header promises {promised} bytes of sound, it holds {max(held, 0)}"


def _compared(promised: int, held: int) -> Length | None:
    """None where there is as much as was promised, or more."""
    if promised in UNKNOWN and held > 0:
        return Length(odd=STREAMED)
    return Length(CUT + _promised(promised, held)) if promised > held else None


def _flac(file: IO[bytes]) -> Length:
    """Read as if it were streamed, as libsndfile stops where the header says."""
    file.seek(_FLAC_TOTAL)
    head = int.from_bytes(file.read(5), "big")
    if (total := head % 2**_FLAC_BITS) == 0:
        return Length(odd=STREAMED)
    return Length(correction=(_FLAC_TOTAL, 5, (head - total).to_bytes(5, "big")), samples=total)


def _chunks(file: IO[bytes], size: int, wanted: bytes, order: str) -> Length:
    """WAV and AIFF: an envelope that holds a chunk after another, the one with the sound among them."""
    file.seek(4)
    envelope = struct.unpack(f"{order}I", file.read(4))[0]
    ends = size if envelope in UNKNOWN else 8 + envelope
    at, of_64_bits, least = 12, None, 0
    while at + 8 <= size:
        file.seek(at)
        name, promised = struct.unpack(f"{order}4sI", file.read(8))
        if name == b"ds64":  # RF64: the true sizes
            of_64_bits = struct.unpack("<QQ", file.read(16))[1]
        elif name == b"COMM" and wanted == b"SSND" and promised == 18:  # AIFF that is not compressed
            channels, frames, bits = struct.unpack(">HIH", file.read(8))
            least = 8 + channels * frames * -(-bits // 8)
        elif name == wanted:
            if promised == 0xFFFFFFFF and of_64_bits is not None:
                promised = of_64_bits
            found = _compared(max(promised, least), size - at - 8)
            if found and found.odd and promised == 0:
                put_in = struct.pack(f"{order}I", min(size - at - 8, 2**32 - 2))
                return found._replace(correction=(at + 4, 4, put_in))
            return found or _within(file, size, at + 8, promised, ends, order)
        at += 8 + promised + promised % 2
    return Length(f"{CUT}it ends before its sound begins")


def _within(file: IO[bytes], size: int, begin: int, promised: int, ends: int, order: str) -> Length:
    """A whole chunk of sound, held against the end of its envelope and against what follows, which are chunks."""
    at, padded = begin + promised, promised % 2
    if at > ends:
        return Length(f"its sound ends at byte {at}, its envelope at byte {ends}: one of its lengths is wrong")
    last = min(ends, size)
    while at < last:
        file.seek(at)
        rest = file.read(min(9, last - at))
        found = [at + n + 8 + length for n in (padded, 0) if (length := _chunk(rest[n : n + 8], order)) is not None]
        if not found or min(found) > ends:
            file.seek(at)
            rest = file.read(min(_REST, last - at))
            if rest.strip(b"\0"):
                return Length(f"{_promised(promised, last - begin)}, or what follows its sound is damaged")
            break
        at, padded = min(found), 0
    return Length(odd=BEYOND if ends > size + 1 else BEHIND if ends + 1 < size else "")


def _chunk(head: bytes, order: str) -> int | None:
    """How long the chunk is that begins with these 8 bytes; None if none does."""
    named = len(head) == 8 and all(0x20 <= letter < 0x7F for letter in head[:4])
    return struct.unpack(f"{order}I", head[4:])[0] if named else None


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
                return "" if page[5] & _LAST_PAGE else f"{CUT}its last page is missing"
            if ends > len(page):
                return f"{CUT}its last page is not whole"
        at = tail.rfind(b"OggS", 0, at)
    return f"{CUT}its last page is not whole"


def _mp3(file: IO[bytes], size: int) -> Length:
    """Of an MP3 only the frame that most encoders write first says how many bytes there are; else the last is whole."""
    file.seek(0)
    head = file.read(10)
    begin = 0
    if head[:3] == b"ID3" and len(head) == 10:
        begin = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    file.seek(begin)
    first = file.read(256)
    if _mpeg_frame(first[:4]) == 0:
        return Length()
    promised = None
    for mark in (b"Xing", b"Info"):
        at = first.find(mark)
        if at >= 0:
            flags, *numbers = struct.unpack(">III", first[at + 4 : at + 16])
            promised = numbers.pop(0) if flags & 1 else None
            if flags & 2 and (found := _compared(numbers[0], size - begin)) and found.wrong:
                return found
            if promised is None:
                return Length()
    at, frames, header = begin, 0, first[:4]
    while length := _mpeg_frame(header):
        at, frames = at + length, frames + 1
        file.seek(at)
        header = file.read(4)
    if at > size or (len(header) < 4 and header[:1] == b"\xff"):
        return Length(f"{CUT}its last frame is not whole")
    behind = at < size and not header.startswith(_MPEG_TAILS)
    if promised is not None:  # the first frame, which says so, is not counted
        wrong = f"its header promises {promised} frames, it holds {frames - 1}" if promised != frames - 1 else ""
        return Length(wrong, BEHIND if behind else "")
    if behind:
        return Length(f"{CUT}its frames break off at byte {at}")
    put_in = _xing(first[:4], frames, size - begin)
    return Length(odd=STREAMED, correction=(begin, 0, put_in) if put_in else None)


def _xing(header: bytes, frames: int, size: int) -> bytes:
    """A first frame that says how many follow; without it libsndfile 1.2.2 guesses, and reads a part for the whole."""
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    if layer != 3:
        return b""
    header = bytes([header[0], header[1] | 1, *header[2:]])  # without a checksum
    mono = header[3] >> 6 == 3
    beside = (17 if mono else 32) if version == 3 else (9 if mono else 17)
    length = _mpeg_frame(header)
    told = header + bytes(beside) + b"Xing" + struct.pack(">III", 3, frames, size + length)
    return told + bytes(length - len(told)) if len(told) <= length else b""


def _mpeg_frame(header: bytes) -> int:
    """Bytes of the frame with this header, [4]; 0 if it is none, or one of a free bit rate."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)  # version 3 is MPEG 1, 2 MPEG 2, 0 MPEG 2.5
    bits, rate, padded = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
        return 0
    hertz = _MPEG_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    thousands = 1000 * _MPEG_BITS[version == 3, layer][bits]
    if layer == 1:
        return 4 * (12 * thousands // hertz + padded)
    return (72 if layer == 3 and version != 3 else 144) * thousands // hertz + padded
