"""MIDI files as piano rolls, compared with the plain definition; and folders of them as datasets."""

import struct
from collections import Counter
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.corpora import midi_events
from stages.corpora.duplicates import same_music
from stages.corpora.midi import MidiOptions, read, read_roll
from stages.corpora.midi import _notes as notes_of
from stages.corpora.piano_rolls import PITCHES
from stages.corpora.splitting import Fractions, by_draw, by_folder
from stages.plumbing.errors import InputError

TICKS = 24  # a beat, in these tests


def on(note, time=0, velocity=64, channel=0):
    return mido.Message("note_on", note=note, velocity=velocity, time=time, channel=channel)


def off(note, time=0, channel=0):
    return mido.Message("note_off", note=note, time=time, channel=channel)


def write(path, *tracks, kind=1, ticks=TICKS):
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    file.tracks[:] = [mido.MidiTrack(track) for track in tracks]
    file.save(path)
    return path


def tune(path, pitches):
    """A tune of one frame a note, at 1 frame a beat."""
    return write(path, [message for pitch in pitches for message in (on(pitch), off(pitch, TICKS))])


def roll_of(*arguments, **options):
    return read_roll(*arguments, **options).frames


def sounding(roll):
    """The pitches that sound in each frame."""
    assert roll.dtype == np.uint8 and roll.shape[1] == PITCHES and roll.max() <= 1
    return [(np.flatnonzero(frame) + 1).tolist() for frame in roll]


# A file's roll


@st.composite
def note_lists(draw):
    """Notes (track, channel, pitch, start, end) in ticks; those of one track, channel and pitch do not overlap."""
    notes = []
    voices = st.tuples(st.integers(0, 2), st.sampled_from([0, 1, 9, 15]), st.integers(1, 127))
    for voice in draw(st.lists(voices, min_size=1, max_size=6, unique=True)):
        tick = 0
        for _ in range(draw(st.integers(1, 4))):
            start = tick + draw(st.integers(0, 40))
            tick = start + draw(st.integers(1, 60))
            notes.append((*voice, start, tick))
    return notes


@settings(max_examples=150, deadline=None)
@given(
    notes=note_lists(),
    frames_per_beat=st.sampled_from([1, 2, 3, 4, 6]),
    zero_velocity=st.booleans(),
    one_track=st.booleans(),
    tempo=st.integers(1, 2**24 - 1),
)
def test_random_notes_come_back_as_defined(tmp_path_factory, notes, frames_per_beat, zero_velocity, one_track, tempo):
    events = [[], [], []]
    for track, channel, pitch, start, end in notes:
        end_of = on(pitch, velocity=0, channel=channel) if zero_velocity else off(pitch, channel=channel)
        events[0 if one_track else track] += [(start, 1, on(pitch, channel=channel)), (end, 0, end_of)]
    events[0] += [
        (7, 0, mido.MetaMessage("set_tempo", tempo=tempo)),
        (9, 0, mido.MetaMessage("time_signature", numerator=7, denominator=8)),
        (11, 0, mido.Message("program_change", program=3)),
    ]
    tracks = []
    for timed in events[: 1 if one_track else 3]:
        timed.sort(key=lambda event: event[:2])  # where two meet, the end comes before the next start
        ticks = [0] + [tick for tick, _, _ in timed]
        tracks.append([event.copy(time=tick - last) for last, (tick, _, event) in zip(ticks, timed, strict=False)])
    path = write(tmp_path_factory.mktemp("midi") / "a.mid", *tracks, kind=0 if one_track else 1)

    # The definition, note by note, in fractions of a frame; the drum channel (the tenth) has no pitches. Where
    # both tracks are laid into one, a note of the same channel and pitch may overlap itself: the first end ends all.
    frame = lambda tick: int(np.floor(tick * frames_per_beat / TICKS + 0.5))  # noqa: E731
    expected = [set() for _ in range(2000)]
    voices = {}
    for track, channel, pitch, start, end in notes:
        if channel != 9:
            voices.setdefault((0 if one_track else track, channel, pitch), []).append((start, end))
    for (_, _, pitch), spans in voices.items():
        ends = sorted(end for _, end in spans)
        for start in sorted(start for start, _ in spans):
            end = next(end for end in ends if end > start)
            for t in range(frame(start), max(frame(end), frame(start) + 1)):
                expected[t].add(pitch)
    while expected and not expected[-1]:
        expected.pop()
    if len(expected) < 2:
        with pytest.raises(InputError, match="expected notes outside the drum channel|expected 2 to"):
            read_roll(path, frames_per_beat)
    else:
        assert sounding(roll_of(path, frames_per_beat)) == [sorted(pitches) for pitches in expected]


@settings(max_examples=60, deadline=None)
@given(notes=note_lists())
def test_an_independent_reader_finds_the_same_notes(tmp_path_factory, notes):
    """pretty_midi's rule agrees where a note is not struck again before its end; its times are seconds, at 120 bpm."""
    tracks = []
    for number in range(3):
        timed = []
        for track, channel, pitch, start, end in notes:
            if track == number:
                timed += [(start, 1, on(pitch, channel=channel)), (end, 0, off(pitch, channel=channel))]
        timed.sort(key=lambda event: event[:2])
        ticks = [0] + [tick for tick, _, _ in timed]
        tracks.append([event.copy(time=tick - last) for last, (tick, _, event) in zip(ticks, timed, strict=False)])
    path = write(tmp_path_factory.mktemp("midi") / "a.mid", *tracks)
    file = pretty_midi.PrettyMIDI(str(path))
    heard = sorted(
        (round(note.start * 2 * TICKS), round(note.end * 2 * TICKS), note.pitch)
        for instrument in file.instruments
        if not instrument.is_drum
        for note in instrument.notes
    )
    parsed = midi_events.parse(path.read_bytes())
    assert heard == sorted(notes_of(parsed.tracks, False, Counter()))


def test_a_note_off_ends_all_that_sounds_of_its_pitch(tmp_path):
    track = [on(60), on(60, TICKS), off(60, TICKS), off(60, TICKS), on(62), off(62, TICKS)]
    assert sounding(roll_of(write(tmp_path / "a.mid", track), 1)) == [[60], [60], [], [62]]
    missing_off = [on(60), on(60, TICKS), off(60, TICKS), on(62), off(62, 4 * TICKS)]
    assert sounding(roll_of(write(tmp_path / "b.mid", missing_off), 1)) == [[60], [60], [62], [62], [62], [62]]


def test_what_nothing_ends_lasts_until_its_track_does_and_is_counted(tmp_path):
    controller = lambda number, time: mido.Message("control_change", control=number, value=0, time=time)  # noqa: E731
    track = [on(48), on(60, TICKS), on(60, TICKS), controller(123, TICKS), on(62), off(62, TICKS)]
    piece = read_roll(write(tmp_path / "a.mid", track), 1)
    assert sounding(piece.frames) == [[48], [48, 60], [48, 60], [62]] and not piece.odd
    piece = read_roll(write(tmp_path / "b.mid", [on(48), on(60, TICKS), off(60, TICKS)]), 1)
    assert sounding(piece.frames) == [[48], [48, 60]] and piece.odd == {"note that nothing ends": 1}


def test_many_notes_that_nothing_ends_are_read_in_linear_time(tmp_path):
    track = b"".join(bytes([1, 0x90, 1 + n % 127, 64]) for n in range(100_000)) + bytes([0, 0xFF, 0x2F, 0])
    piece = read_roll(raw(tmp_path / "a.mid", TICKS, [track]), 4)
    assert piece.odd == {"note that nothing ends": 127} and piece.frames[-2].all()


def test_one_pitch_in_two_tracks_and_channels_ends_on_its_own(tmp_path):
    long, short = [on(60), off(60, 4 * TICKS)], [on(60), off(60, TICKS)]
    assert len(roll_of(write(tmp_path / "a.mid", long, short), 1)) == 4
    mixed = [on(60), on(60, channel=1), off(60, TICKS, channel=1), off(60, 3 * TICKS)]
    assert len(roll_of(write(tmp_path / "b.mid", mixed, kind=0), 1)) == 4


def test_notes_are_held_to_the_end_and_rests_stay_empty(tmp_path):
    track = [on(48), on(60, TICKS), off(60, TICKS), on(64, TICKS), off(64, TICKS)]  # 48 is never ended
    assert sounding(roll_of(write(tmp_path / "a.mid", track), 1)) == [[48], [48, 60], [48], [48, 64]]
    rest = [on(60, TICKS), off(60, TICKS), on(60, TICKS), off(60, TICKS)]
    assert sounding(roll_of(write(tmp_path / "b.mid", rest), 1)) == [[], [60], [], [60]]


def test_the_sustain_pedal_lengthens_notes_if_asked(tmp_path):
    pedal = lambda value, time: mido.Message("control_change", control=64, value=value, time=time)  # noqa: E731
    track = [pedal(127, 0), on(60), off(60, TICKS), on(62), pedal(0, TICKS), off(62, TICKS), on(64), off(64, TICKS)]
    path = write(tmp_path / "a.mid", track)
    assert sounding(roll_of(path, 1)) == [[60], [62], [62], [64]]
    assert sounding(roll_of(path, 1, sustain_pedal=True)) == [[60], [60, 62], [62], [64]]


def test_a_pedal_in_one_track_holds_its_channel_in_all(tmp_path):
    """A pianist's hands in two tracks, the pedal in the first; another channel is not held."""
    down, up = (mido.Message("control_change", control=64, value=value) for value in (127, 0))
    right, left = [down, on(72), off(72, TICKS), up.copy(time=3 * TICKS)], [on(48), off(48, TICKS)]
    path = write(tmp_path / "a.mid", right, left, [on(36, channel=1), off(36, 2 * TICKS, channel=1)])
    assert sounding(roll_of(path, 1)) == [[36, 48, 72], [36]]
    assert sounding(roll_of(path, 1, sustain_pedal=True)) == [[36, 48, 72], [36, 48, 72], [48, 72], [48, 72]]


def test_short_and_unsteady_notes_are_rounded_to_the_grid(tmp_path):
    track = [on(60, 1), off(60, TICKS - 3), on(62, 1), off(62, TICKS), on(64, TICKS // 2 + 1), off(64, 1)]
    assert sounding(roll_of(write(tmp_path / "a.mid", track), 1)) == [[60], [62], [], [64]]


def raw(path, division, tracks, kind=0):
    content = b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division)
    path.write_bytes(content + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks))
    return path


RUNNING = bytes([0, 0x90, 60, 64, TICKS, 60, 0, 0, 62, 64, TICKS, 62, 0, 0, 0xFF, 0x2F, 0])  # one status byte for four


# What the pitches C, D and E make of a file, each a beat long, with oddities between them, and how those are counted.
def oddities():
    def three(*between):
        track = b"".join(
            bytes([0, 0x90, pitch, 64, TICKS, 0x80, pitch, 0]) + odd
            for pitch, odd in zip((60, 62, 64), (*between, b"", b"", b""), strict=False)
        )
        return track + bytes([0, 0xFF, 0x2F, 0])

    def meta(kind, data, time=0):
        return bytes([time, 0xFF, kind, len(data)]) + data

    nothing, notes = {}, [[60], [62], [64]]
    yield "no oddity", [three()], notes, nothing
    yield "an unknown meta event takes time", [three(meta(0x08, b"", TICKS))], [[60], [], [62], [64]], nothing
    yield "a damaged key signature", [three(meta(0x59, b"\x7f\x09"))], notes, {"damaged key signature": 1}
    yield "a short time signature", [three(meta(0x58, b"\x04"))], notes, {"damaged time signature": 1}
    yield "a short tempo", [three(meta(0x51, b"\x07\xa1"))], notes, {"damaged tempo": 1}
    yield "a short SMPTE offset", [three(meta(0x54, b"\xff"))], notes, {"damaged SMPTE offset": 1}
    yield "a sound key signature and tempo", [three(meta(0x59, b"\xf9\x01") + meta(0x51, b"abc"))], notes, nothing
    yield "text that is no text", [three(meta(0x01, b"\xff\xfe\x00\n"))], notes, nothing
    yield "a system message with FF", [three(bytes([0, 0xF0, 3, 0x43, 0xFF, 0xF7]))], notes, nothing
    controller = "controller, program or pressure above 127"
    yield "a controller of 255", [three(bytes([0, 0xB0, 7, 0xFF]))], notes, {controller: 1}
    yield "a clock message", [three(bytes([0, 0xF8]))], notes, {"system message that no file should hold": 1}
    running = bytes([0, 0x90, 60, 64, TICKS, 60, 0]) + meta(0x01, b"la") + bytes([0, 62, 64, TICKS, 62, 0, 0, 64, 64])
    running += bytes([TICKS, 64, 0, 0, 0xFF, 0x2F, 0])
    yield "running status over a meta event", [running], notes, nothing
    yield "no end event", [three()[:-4]], notes, {"track without its end event": 1}
    yield "bytes after the end event", [three() + bytes(5)], notes, {"byte after a track's end event": 5}


@pytest.mark.parametrize(
    ("tracks", "expected", "odd"), [each[1:] for each in oddities()], ids=[e[0] for e in oddities()]
)
def test_an_odd_ornament_costs_neither_music_nor_time(tmp_path, tracks, expected, odd):
    piece = read_roll(raw(tmp_path / "a.mid", TICKS, tracks), 1)
    assert (sounding(piece.frames), piece.odd) == (expected, odd)


def test_alien_chunks_and_further_tracks(tmp_path):
    path = tmp_path / "a.mid"
    plain = raw(path, TICKS, [RUNNING, RUNNING], kind=1).read_bytes()
    alien, later = b"XFIH" + struct.pack(">I", 3) + b"abc", b"MTrk" + struct.pack(">I", 4) + bytes([0, 0xFF, 0x2F, 0])
    path.write_bytes(plain[:14] + alien + plain[14:] + alien + later + b"\0" * 3)
    piece = read_roll(path, 1)
    assert sounding(piece.frames) == [[60], [62]]
    counted = {"chunk that is no track": 2, "track beyond the declared number": 1, "byte after the last track": 3}
    assert piece.odd == counted
    riff = b"RMID" + b"DISP" + struct.pack("<I", 1) + b"x\0" + b"data" + struct.pack("<I", len(plain)) + plain
    path.write_bytes(b"RIFF" + struct.pack("<I", len(riff)) + riff)
    assert sounding(roll_of(path, 1)) == [[60], [62]]


def test_a_track_beyond_the_declared_number_is_heard_also_behind_a_chunk_of_another_name(tmp_path):
    path = raw(tmp_path / "a.mid", TICKS, [RUNNING], kind=1)
    bass = bytes([0, 0x90, 40, 64, TICKS, 40, 0, 0, 0xFF, 0x2F, 0])
    behind = b"XFIH" + struct.pack(">I", 3) + b"abc" + b"MTrk" + struct.pack(">I", len(bass)) + bass
    path.write_bytes(path.read_bytes() + behind)
    assert sounding(roll_of(path, 1)) == [[40, 60], [62]]


def test_the_time_before_an_unknown_meta_event_counts(tmp_path):
    track = bytes.fromhex("00903c4018803c0030ff08000090 3e4018803e0000ff2f00")
    assert sounding(roll_of(raw(tmp_path / "a.mid", TICKS, [track]), 1)) == [[60], [], [], [62]]


def test_running_status(tmp_path):
    assert sounding(roll_of(raw(tmp_path / "a.mid", TICKS, [RUNNING]), 1)) == [[60], [62]]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path.write_bytes(b""), "not a readable MIDI file"),
        (lambda path: path.write_bytes(b"RIFF....WAVE" * 9), "not a readable MIDI file"),
        (lambda path: path.write_bytes(raw(path, TICKS, [RUNNING]).read_bytes()[:-5]), "not a readable MIDI file"),
        (lambda path: raw(path, TICKS, [RUNNING], kind=2), "expected a MIDI file of type 0 or 1, found type 2"),
        (lambda path: raw(path, 0xE728, [RUNNING]), "expected time in ticks a beat, found SMPTE frames"),
        (lambda path: raw(path, 0, [RUNNING]), "expected time in ticks a beat, found 0 ticks a beat"),
        (
            lambda path: path.write_bytes(raw(path, TICKS, [RUNNING] * 2).read_bytes()[: 14 + 8 + len(RUNNING)]),
            r"not a "
            r"readable MIDI file \(it is cut short: expected 2 tracks, found 1\)",
        ),
        (lambda path: raw(path, TICKS, [RUNNING[:-5]]), r"not a .* \(track 1 ends within an event\)"),
        (lambda path: raw(path, TICKS, [bytes([0, 0x90, 200, 64])]), "not a .*pitch and velocity to be at most 127"),
        (lambda path: raw(path, TICKS, [bytes([0, 60, 64])]), "not a .*expected a message's status, found data"),
        (lambda path: raw(path, TICKS, [b"\xff" * 5]), "not a .*expected a number of at most 4 bytes"),
        (lambda path: write(path, []), "expected notes outside the drum channel, found none"),
        (lambda path: write(path, [on(36, channel=9), off(36, 99, channel=9)]), "expected notes outside the drum"),
        (lambda path: write(path, [on(0), off(0, 99)]), "expected pitches 1 to 127, found pitch 0"),
        (lambda path: write(path, [on(60), off(60, TICKS)]), "expected 2 to 200000 frames, found 1"),
        (lambda path: write(path, [on(60), off(60, 2**27)], ticks=1), "expected 2 to 200000 frames, found 134217728"),
    ],
)
def test_unusable_files_are_refused_by_name(tmp_path, make, expected):
    make(tmp_path / "bad.mid")
    with pytest.raises(InputError, match=f"bad.mid: {expected}") as error:
        read_roll(tmp_path / "bad.mid", 1)
    assert "\n" not in str(error.value)


# A folder of files


def options(**given):
    return MidiOptions(reader="midi", frames_per_beat=1, **given)


def test_folders_split_and_frames_become_steps(tmp_path):
    for split, pitches in {"train": [60, 62, 64], "valid": [65, 60], "test": [59, 72]}.items():
        (tmp_path / "set" / split).mkdir(parents=True)
        tune(tmp_path / "set" / split / "a.MID", pitches)
    (tmp_path / "set" / "README.txt").write_text("not a tune")
    dataset = read(tmp_path, options())
    train = dataset.splits["train"]
    assert sounding(np.pad(train.inputs, ((0, 0), (0, PITCHES - 72)))) == [[60], [62]]
    assert sounding(np.pad(train.targets, ((0, 0), (0, PITCHES - 72)))) == [[62], [64]]
    assert train.inputs.shape == (2, 72), "without the option, the width is the highest pitch of all splits"
    assert train.names.tolist() == ["set/train/a.MID"]
    assert dataset.counts["train"] == {"sequences": 1, "frames": 3, "notes_per_frame": 1.0}
    with pytest.raises(InputError, match="set/test/a.MID: expected pitches up to 70, the width, found 72"):
        read(tmp_path, options(width=70))
    (tmp_path / "set/test/a.MID").unlink()
    with pytest.raises(InputError, match="expected files in train, valid and test; found none in test"):
        read(tmp_path, options())


def test_one_unreadable_file_stops_or_is_listed(tmp_path, capsys):
    generator = np.random.default_rng(1)
    for n in range(10):
        tune(tmp_path / f"{n}.mid", generator.integers(40, 80, 12).tolist())
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    third = Fractions(valid=0.3, test=0.3)
    with pytest.raises(InputError, match="broken.mid: not a readable MIDI file .*skip_unreadable"):
        read(tmp_path, options(fractions=third))
    dataset = read(tmp_path, options(fractions=third, skip_unreadable=True))
    assert {split: counts["sequences"] for split, counts in dataset.counts.items()} == dict(train=4, valid=3, test=3)
    assert list(dataset.about["left_out"]) == ["broken.mid"]
    assert "broken.mid" in capsys.readouterr().err
    with pytest.raises(InputError, match="no option `fractions` to draw splits by"):
        read(tmp_path, options(skip_unreadable=True))
    for n in range(10):
        (tmp_path / f"{n}.mid").unlink()
    with pytest.raises(InputError, match="none of its 1 files can be read"):
        read(tmp_path, options(fractions=third, skip_unreadable=True))
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="expected files ending in .mid or .midi or .kar or .rmi or .smf, found none"):
        read(empty, options())


def test_a_draw_is_seeded_and_keeps_transposed_copies_together(tmp_path):
    generator = np.random.default_rng(2)
    for n in range(20):
        pitches = generator.integers(40, 80, 24)
        tune(tmp_path / f"{n:02}.mid", pitches.tolist())
        tune(tmp_path / f"{n:02} again, higher, later.mid", [50, 51, *(pitches + 5)])
    drawn = options(fractions=Fractions(valid=0.2, test=0.2), seed=3, shared_beats=16)
    names = {split: part.names.tolist() for split, part in read(tmp_path, drawn).splits.items()}
    assert {split: len(part) for split, part in names.items()} == {"train": 24, "valid": 8, "test": 8}
    for part in names.values():
        assert {name[:2] for name in part if "again" in name} == {name[:2] for name in part if "again" not in name}
    assert names == {split: part.names.tolist() for split, part in read(tmp_path, drawn).splits.items()}
    other = drawn.model_copy(update={"seed": 4})
    assert names != {split: part.names.tolist() for split, part in read(tmp_path, other).splits.items()}


def roll(*frames):
    filled = np.zeros((len(frames), PITCHES), np.uint8)
    for t, pitches in enumerate(frames):
        filled[t, [pitch - 1 for pitch in pitches]] = 1
    return filled


def test_same_music_is_a_shared_passage_of_all_notes_with_changes():
    melody = [[60, 72], [62, 71], [60, 69], [59, 67], [60, 72], [62, 74]]
    higher = [[pitch + 3 for pitch in frame] for frame in melody]
    other_bass = [[frame[0] - 12, frame[1]] for frame in melody]
    held = [[60, 72]] * 6
    rolls = {
        "melody": roll(*melody),
        "higher": roll([50], [51], *higher, [40]),
        "other_bass": roll(*other_bass[:3], *melody[3:]),
        "held": roll(*held, [61], [65], [63]),
        "held_too": roll(*held, [67], [61], [69]),
        "bridge": roll([40], *higher[:6], [33], [35], [36], [38], [40], [41]),
        "far": roll([33], [35], [36], [38], [40], [41]),
    }
    music = same_music(rolls, 6)
    assert music["melody"] == music["higher"] == music["bridge"] == music["far"]
    assert len({music[name] for name in ("melody", "other_bass", "held", "held_too")}) == 4


def test_equal_pieces_are_the_same_music_however_slow_and_whatever_rest_they_begin_with():
    slow = [[60, 64]] * 5 + [[62, 65]] * 5 + [[59, 62]] * 5
    rolls = {
        "slow": roll(*slow),
        "again": roll(*slow),
        "higher, after a rest": roll([], [], *[[pitch + 2 for pitch in frame] for frame in slow], []),
        "another": roll(*slow[:10], *[[57, 62]] * 5),
        "short": roll([], [60], [62]),
        "short, higher": roll([65], [67]),
    }
    music = same_music(rolls, 6)
    assert music["slow"] == music["again"] == music["higher, after a rest"] != music["another"]
    assert music["short"] == music["short, higher"] != music["slow"]


@settings(deadline=None)
@given(
    kinds=st.lists(st.integers(0, 20), min_size=3, max_size=60),
    valid=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
    seed=st.integers(0, 99),
)
def test_a_draw_gives_every_piece_once_and_equal_kinds_together(kinds, valid, test, seed):
    named = {f"{n:03}": kind for n, kind in enumerate(kinds)}
    try:
        splits = by_draw(named, Fractions(valid=valid, test=test), seed, "here")
    except InputError as error:
        assert "here: expected pieces for every split, found none for" in str(error)
        return
    assert sorted(sum(splits.values(), [])) == sorted(named)
    for kind in set(kinds):
        assert sum(any(named[name] == kind for name in names) for names in splits.values()) == 1
    assert 1 <= len(splits["valid"]) <= round(valid * len(kinds))
    assert 1 <= len(splits["test"]) <= round(test * len(kinds))
    turned = dict(reversed(named.items()))
    assert splits == by_draw(turned, Fractions(valid=valid, test=test), seed, "here")


def test_folders_decide_only_where_all_three_are_there():
    assert by_folder(["a.mid", "b/c.mid"], "here") is None
    found = by_folder(["x/train/a", "x/valid/b", "x/test/deep/c"], "here")
    assert found == {"train": ["x/train/a"], "valid": ["x/valid/b"], "test": ["x/test/deep/c"]}
    with pytest.raises(InputError, match="here: .* found none in valid, test"):
        by_folder(["train/a"], "here")
    with pytest.raises(InputError, match="here: .* found z beside them"):
        by_folder(["train/a", "valid/b", "test/c", "z"], "here")


def test_the_nottingham_files_where_they_are():
    folder = Path(__file__).parents[2] / "data/raw/nottingham_midi/MIDI"
    if not folder.is_dir():
        pytest.skip("data/raw/nottingham_midi is not downloaded")
    tunes = sorted(folder.glob("*.mid"))
    assert len(tunes) == 1034
    # Read on the grid of the study, a tune has about as many frames as one of the 2012 set: 257.
    frames = [len(roll_of(path, 2)) for path in tunes[::20]]
    assert 200 < np.mean(frames) < 320
