"""Scores in MusicXML as piano rolls, and music21's chorales as a dataset."""

import shutil
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from stages.corpora.chorales import ChoraleOptions, read, read_roll
from stages.corpora.duplicates import same_music
from stages.corpora.splitting import Fractions
from stages.plumbing.errors import InputError

BACH = Path(find_spec("music21").submodule_search_locations[0], "corpus/bach")


def note(step, octave, duration, extra=""):
    """A note of so many eighths; `extra` stands for chords, ties and grace notes."""
    head = "" if duration is None else f"<duration>{duration}</duration>"
    grace = "<grace/>" if duration is None else ""
    chord = "<chord/>" if extra == "chord" else ""
    tie = f'<tie type="{extra}"/>' if extra in ("start", "stop") else ""
    return f"<note>{grace}{chord}<pitch><step>{step}</step><octave>{octave}</octave></pitch>{head}{tie}</note>"


def rest(duration):
    return f"<note><rest/><duration>{duration}</duration></note>"


def score(*parts):
    """MusicXML of parts, each a list of measures; two divisions, so eighths, a quarter note."""
    listed = "".join(f'<score-part id="P{n}"><part-name>{n}</part-name></score-part>' for n in range(len(parts)))
    attributes = "<attributes><divisions>2</divisions></attributes>"
    music = "".join(
        f'<part id="P{n}">'
        + "".join(
            f'<measure number="{m}">{attributes if m == 0 else ""}{measure}</measure>' for m, measure in enumerate(part)
        )
        + "</part>"
        for n, part in enumerate(parts)
    )
    return f'<score-partwise version="3.0"><part-list>{listed}</part-list>{music}</score-partwise>'


def roll_of(*arguments, **options):
    return read_roll(*arguments, **options).frames


def sounding(roll):
    return [(np.flatnonzero(frame) + 1).tolist() for frame in roll]


def test_a_frame_holds_what_sounds_at_its_start(tmp_path):
    upper = note("C", 5, 1) + note("D", 5, 2) + note("E", 5, 1)  # eighth, quarter off the beat, eighth
    lower = note("D", 4, None) + note("C", 4, 2) + rest(1) + note("G", 4, 1)
    chord = rest(2) + note("C", 3, 2, "start") + note("G", 3, 2, "chord")
    path = tmp_path / "a.xml"
    path.write_text(score([upper, note("F", 5, 2)], [lower, rest(2)], [chord, note("C", 3, 2, "stop")]))
    assert sounding(roll_of(path, 1, parts=3)) == [[60, 72], [48, 55, 74], [48, 77]]
    halves = [[60, 72], [60, 74], [48, 55, 74], [48, 55, 67, 76], [48, 77], [48, 77]]
    assert sounding(roll_of(path, 2, parts=3)) == halves
    assert read_roll(path, 1, parts=4) == "3 parts instead of 4"
    with zipfile.ZipFile(tmp_path / "a.mxl", "w") as archive:
        archive.write(path, "a.xml")
    np.testing.assert_array_equal(roll_of(tmp_path / "a.mxl", 1, parts=3), roll_of(path, 1, parts=3))


def test_transposing_instruments_are_read_as_they_sound_and_cue_notes_left_out(tmp_path):
    transpose = "<attributes><transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose></attributes>"
    cue = note("G", 5, 2).replace("<note>", "<note><cue/>")
    (tmp_path / "a.xml").write_text(score([transpose + note("D", 4, 2) + cue + note("E", 4, 2)]))
    piece = read_roll(tmp_path / "a.xml", 1, parts=1)
    assert sounding(piece.frames) == [[60], [], [62]] and piece.odd == {"cue note (left out)": 1}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not a readable MusicXML score"),
        (b"<score-partwise><part-list>", "not a readable MusicXML score"),
        (score([rest(4)]).encode(), "expected notes, found none"),
        (score([note("C", 4, 1)]).encode(), "expected 2 to 200000 frames, found 1"),
    ],
)
def test_unusable_scores_are_refused_by_name(tmp_path, content, expected):
    (tmp_path / "bad.xml").write_bytes(content)
    with pytest.raises(InputError, match=f"bad.xml: {expected}"):
        read_roll(tmp_path / "bad.xml", 1, parts=1)


def test_a_packed_score_that_would_fill_the_memory_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("a.xml", "w") as member:
            for _ in range(65):
                member.write(bytes(2**20))
    with pytest.raises(InputError, match="bomb.mxl: expected at most 67108864 bytes unpacked, found 68157440"):
        read_roll(tmp_path / "bomb.mxl", 1, parts=1)


def test_a_chorale_of_the_corpus_is_read_in_four_voices():
    roll = roll_of(BACH / "bwv66.6.mxl", 1, parts=4)
    # Upbeat: A3 (tenor and bass) E4 C♯5; first bar: F♯3 C♯4 F♯4 A4, then G♯3 B3 E4 B4.
    assert sounding(roll)[:3] == [[57, 64, 73], [54, 61, 66, 69], [56, 59, 64, 71]]
    assert len(roll) == 36 and set(roll.sum(axis=1)) <= {2, 3, 4}


def test_known_copies_under_two_numbers_are_found_and_different_chorales_are_not():
    # BWV 244.15 and 244.17 are one chorale in two keys, 10.7 and 323 the same setting; 253 and 254 have nothing to do
    # with each other.
    names = ["bwv244.15", "bwv244.17", "bwv10.7", "bwv323", "bwv253", "bwv254"]
    music = same_music({name: roll_of(BACH / f"{name}.mxl", 1, parts=4) for name in names}, 16)
    assert music["bwv244.15"] == music["bwv244.17"]
    assert music["bwv10.7"] == music["bwv323"]
    assert len(set(music.values())) == 4


def test_a_folder_of_scores_is_read_by_several_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # music21 keeps its settings there, when it does
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    for folder in ("home", "temporary", "raw"):
        (tmp_path / folder).mkdir()
    names = ["bwv244.15", "bwv244.17", "bwv253", "bwv254", "bwv255", "bwv256", "bwv846"]
    for name in names:
        shutil.copy(BACH / f"{name}.mxl", tmp_path / "raw")
    given = {"reader": "music21", "frames_per_beat": 1, "fractions": Fractions(valid=0.34, test=0.34), "seed": 1}
    dataset = read(tmp_path / "raw", ChoraleOptions(**given))
    assert {split: counts["sequences"] for split, counts in dataset.counts.items()} == dict(train=2, valid=2, test=2)
    assert dataset.about["left_out"] == {"bwv846.mxl": "2 parts instead of 4"}
    together = [{"bwv244.15.mxl", "bwv244.17.mxl"} <= set(part.names.tolist()) for part in dataset.splits.values()]
    assert sum(together) == 1
    assert not list((tmp_path / "home").iterdir()) and not list((tmp_path / "temporary").iterdir())
    (tmp_path / "raw/broken.mxl").write_bytes(b"no score")
    with pytest.raises(InputError, match="broken.mxl: not a readable MusicXML score"):
        read(tmp_path / "raw", ChoraleOptions(**given))
    dataset = read(tmp_path / "raw", ChoraleOptions(**given, skip_unreadable=True))
    assert list(dataset.about["left_out"]) == ["broken.mxl", "bwv846.mxl"]
