"""Files of every format that is read, whole and damaged, and what must be true of each reading.

Whatever a file holds, the answer is a reading or one line that names the file: no other exception, no reading of a part
for the whole, bounded time and memory. `python tests/endurance_inputs.py` draws thousands; the tests draw some.
"""

import io
import resource
import signal
import struct
import sys
import tempfile
import wave
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from scipy.io import savemat

from stages.corpora import audio, midi, piano_rolls
from stages.corpora.split import Split
from stages.corpora.unpacking import unpack
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import load

SECONDS, BYTES = 20, 3 * 2**30  # of processor time for one file, and for a process beyond what it holds at its start
HANGS = 600  # seconds after which a reader waits for something that never comes, however busy the machine is
TICKS = 24
CODED = [("FLAC", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "ULAW"), ("WAV", "MS_ADPCM"), ("OGG", "VORBIS"), ("MP3", "")]
WORDS = st.from_regex(r"[a-z]{1,5}", fullmatch=True)


# Whole files, each with what it must be read as


@st.composite
def midi_files(draw):
    """A tune of notes that do not overlap, and its pitches frame by frame at one frame a beat."""
    pitches = draw(st.lists(st.integers(0, 127), min_size=2, max_size=12))  # 0 stands for a rest
    track, rest, running = b"", 0, draw(st.booleans())
    for n, pitch in enumerate(pitches):
        if pitch == 0:
            rest += TICKS
            continue
        status = b"" if running and n and b"\x90" in track else b"\x90"
        track += _number(rest) + status + bytes([pitch, 64]) + _number(TICKS) + (b"" if running else b"\x90")
        track += bytes([pitch, 0])
        rest = 0
    odd = draw(st.sampled_from([b"", b"\x00\xff\x08\x00", b"\x00\xff\x59\x01\x7f", b"\x00\xf0\x02\xff\xf7"]))
    track = odd + track + b"\x00\xff\x2f\x00"
    while pitches and pitches[-1] == 0:
        pitches.pop()
    content = b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS) + b"MTrk" + struct.pack(">I", len(track)) + track
    return content, [[pitch] if pitch else [] for pitch in pitches]


def _number(value: int) -> bytes:
    """Of variable length, as MIDI has them."""
    found = bytes([value & 0x7F])
    while value := value >> 7:
        found = bytes([value & 0x7F | 0x80]) + found
    return found


@st.composite
def wav_files(draw):
    samples = draw(st.lists(st.integers(-32768, 32767), min_size=1, max_size=300))
    buffer = io.BytesIO()
    soundfile.write(buffer, np.array(samples, np.int16), 8000, format="WAV", subtype="PCM_16")
    return buffer.getvalue(), samples


@st.composite
def other_recordings(draw):
    """A tone in another format, and its samples where the format loses nothing."""
    form, subtype = draw(st.sampled_from(CODED))
    samples = np.sin(np.arange(draw(st.integers(100, 3000))) * draw(st.floats(0.01, 1)))
    samples, buffer = np.rint(2**14 * samples).astype(np.int16), io.BytesIO()
    soundfile.write(buffer, samples, 8000, format=form, subtype=subtype or None)
    return buffer.getvalue(), samples.tolist() if subtype == "PCM_16" else None


@st.composite
def zip_files(draw):
    methods = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    members = draw(
        st.dictionaries(st.from_regex(r"[a-z]{1,8}\.mid", fullmatch=True), st.binary(max_size=300), min_size=1)
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", draw(methods)) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue(), members


@st.composite
def yaml_files(draw):
    value = st.recursive(
        st.none() | st.booleans() | st.integers(-9999, 9999) | st.text(st.characters(codec="ascii"), max_size=12),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner),
        max_leaves=8,
    )
    content = draw(st.dictionaries(WORDS, value, min_size=1, max_size=4))
    buffer = io.BytesIO()
    YAML(typ="safe").dump(content, buffer)
    return buffer.getvalue(), content


@st.composite
def mat_files(draw):
    rolls = draw(st.lists(st.lists(st.integers(0, 87), min_size=2, max_size=6), min_size=1, max_size=3))
    cells = np.empty(len(rolls), object)
    for n, pitches in enumerate(rolls):
        cells[n] = np.zeros((len(pitches), 88))
        cells[n][np.arange(len(pitches)), pitches] = 1
    buffer = io.BytesIO()
    savemat(buffer, {"traindata": cells, "validdata": cells, "testdata": cells}, do_compression=draw(st.booleans()))
    return buffer.getvalue(), rolls


@st.composite
def npz_files(draw):
    steps = draw(st.integers(1, 20))
    frames = np.array(draw(st.lists(st.integers(0, 1), min_size=3 * steps, max_size=3 * steps)), np.uint8).reshape(
        -1, 3
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.npz")
        Split(frames, frames, np.array([steps]), np.array(["a"]), "bernoulli").save(path)
        return path.read_bytes(), frames


# What is done to them


@st.composite
def damages(draw, content: bytes):
    """One to three damages, and the kind of the last: a cut, bytes turned, put in, left out, or repeated."""
    kind, content = "", bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["cut", "turned", "put in", "left out", "number", "repeated"]))
        at = draw(st.integers(0, max(0, len(content) - 1)))
        if kind == "cut":
            del content[at:]
        elif kind == "turned" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "put in":
            content[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "left out":
            del content[at : at + draw(st.integers(1, 8))]
        elif kind == "number":
            size = draw(st.sampled_from([1, 2, 4, 8]))
            content[at : at + size] = draw(st.sampled_from([b"\xff", b"\x00", b"\x7f", b"\x80"])) * size
        else:
            content[at:at] = content[at : at + draw(st.integers(1, 40))]
    return bytes(content)


# How they are read, and what must be true


def read_midi(path: Path) -> list[list[int]]:
    frames = midi.read_roll(path, 1).frames
    return [(np.flatnonzero(frame) + 1).tolist() for frame in frames]


def read_wav(path: Path) -> list[int]:
    recording = audio.read_recording(path, 8000)
    found = np.rint(recording.samples * 2**15).astype(int).tolist()
    if not recording.odd:
        try:
            with wave.open(str(path)) as file:
                promised = file.getnframes() if file.getframerate() == 8000 else len(found)
        except (wave.Error, EOFError, struct.error, OverflowError, ValueError):
            promised = len(found)
        assert len(found) >= promised, f"a part was read for the whole: {len(found)} of {promised} samples"
    return found


def read_recording(path: Path) -> list[int]:
    return np.rint(audio.read_recording(path, 8000).samples * 2**15).astype(int).tolist()


def read_zip(path: Path) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        names = unpack(path, Path(folder), lambda name: True, max_bytes=2**24)
        outside = [
            file for file in Path(folder).rglob("*") if not file.resolve().is_relative_to(Path(folder).resolve())
        ]
        assert not outside
        return {name: Path(folder, name).read_bytes() for name in names}


def read_mat(path: Path) -> list[list[int]]:
    dataset = piano_rolls.read(path.parent, piano_rolls.PianoRollOptions(reader="piano_roll", width=108))
    part = dataset.splits["train"]
    starts = part.offsets
    return [
        [int(part.inputs[a].argmax()) - 20, *(part.targets[a:b].argmax(1) - 20).tolist()]
        for a, b in zip(starts, starts[1:], strict=False)
    ]


def read_npz(path: Path) -> np.ndarray:
    return Split.load(path).inputs


@dataclass(frozen=True)
class Format:
    ending: str
    files: st.SearchStrategy
    read: Callable


FORMATS = {
    "MIDI": Format(".mid", midi_files(), read_midi),
    "WAV": Format(".wav", wav_files(), read_wav),
    "FLAC, AIFF, AU, Ogg, MP3": Format(".wav", other_recordings(), read_recording),
    "zip": Format(".zip", zip_files(), read_zip),
    "YAML": Format(".yaml", yaml_files(), load),
    "mat": Format(".mat", mat_files(), read_mat),
    "npz": Format(".npz", npz_files(), read_npz),
}


@dataclass
class Outcome:
    """How many cases there were, how many of them damaged, how many of these refused, the slowest one's seconds."""

    format: str
    whole: int = 0
    damaged: int = 0
    refused: int = 0
    slowest: float = 0.0


class Hangs(BaseException):
    """No reader takes it for one of its own errors."""


def spent() -> float:
    """Seconds of processor time so far, with those of the processes that have ended."""
    own, of_others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + of_others.ru_utime + of_others.ru_stime


def check(name: str, cases: int, number: int = 0) -> Outcome:
    """Draws so many cases of a format, half of them damaged.

    Raises:
        AssertionError, or whatever a reader should not have raised.
    """
    form, outcome = FORMATS[name], Outcome(name)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{form.ending}")

        def attempt(content: bytes) -> object:
            path.write_bytes(content)
            signal.alarm(HANGS)
            begun = spent()
            try:
                return form.read(path)
            finally:
                signal.alarm(0)
                outcome.slowest = max(outcome.slowest, spent() - begun)
                assert outcome.slowest < SECONDS, f"{SECONDS} seconds for one file"

        @seed(number)
        @settings(max_examples=cases // 2, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(data=st.data())
        def draw(data) -> None:
            content, expected = data.draw(form.files)
            outcome.whole += 1
            try:
                found = attempt(content)
            except InputError as error:  # a tune of rests alone, or of one frame, is no tune
                assert name == "MIDI" and len(expected) < 2, error
            else:
                assert expected is None or np.array_equal(found, expected) or found == expected
            outcome.damaged += 1
            try:
                attempt(data.draw(damages(content)))
            except InputError as error:
                outcome.refused += 1
                text = str(error)
                assert str(path) in text and text.isprintable() and len(text) < 2000, text

        draw()
    return outcome


def _in_child(name: str, cases: int, number: int, pipe) -> None:
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + BYTES, held + BYTES))

    def hangs(*_):
        raise Hangs(f"{HANGS} seconds for one file")

    signal.signal(signal.SIGALRM, hangs)
    sys.stderr = open("/dev/null", "w")
    try:
        pipe.send(vars(check(name, cases, number)))
    except BaseException as error:
        notes = "\n".join(getattr(error, "__notes__", []))
        pipe.send(f"{name}: {type(error).__name__}: {error}\n{notes}")


def bounded(name: str, cases: int, number: int = 0) -> Outcome:
    """`check` in a process of its own, with bounds on time and memory.

    Raises:
        AssertionError: a case failed; the message says which.
    """
    context = get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_in_child, args=(name, cases, number, theirs))
    process.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        found = f"{name}: the process died"
    process.join()
    assert isinstance(found, dict), found
    return Outcome(**found)
