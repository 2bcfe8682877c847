"""What `prepare` tells of the files that it left out or found odd."""

import os
import sys
from collections import Counter
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from stages import prepare
from stages.corpora.listing import Found
from stages.corpora.listing import told as in_counts
from stages.prepare import REASONS, told

FOLDER = Path("data/raw/mine")
PARAMETERS = """
datasets:
  mine:
    source: mine
    sequences: {reader: %s, fractions: {valid: 0.2, test: 0.2}, skip_unreadable: true}
"""
MIDI, SPEECH = "midi, frames_per_beat: 1", "speech, sample_rate: 8000, samples: 100, window: 20, horizon: 10, hop: 10"


@pytest.fixture
def prepared(tmp_path, monkeypatch, capsys):
    """Prepares what lies in `FOLDER` and gives what is told of it."""

    def run(reader):
        Path("params.yaml").write_text(PARAMETERS % reader)
        monkeypatch.setattr(sys, "argv", ["prepare", "--dataset", "mine"])
        prepare.main()
        return [line.partition("counts.json: ")[2] for line in capsys.readouterr().out.splitlines()[3:]]

    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir(parents=True)
    return run


def tune(path, pitches, *odd):
    messages = [
        mido.Message(kind, note=pitch, time=time)
        for pitch in pitches
        for kind, time in (("note_on", 0), ("note_off", 480))
    ]
    mido.MidiFile(tracks=[mido.MidiTrack([*odd, *messages])]).save(path)
    return path


def test_a_folder_of_music_with_one_of_each_oddity(prepared):
    generator = np.random.default_rng(0)
    names = [
        "a.mid",
        "B.MID",
        "b.kar",
        "c.smf",
        "<b>&.midi",
        "e e.mid",
        "\u00c4.mid",
        "A\u0308.mid",
        "x" * 251 + ".mid",
    ]
    for name in names:
        tune(FOLDER / name, generator.integers(40, 80, 20).tolist())
    tune(FOLDER / "unended.mid", [50, 60, 70], mido.Message("note_on", note=40))
    whole = (FOLDER / "a.mid").read_bytes()
    (FOLDER / "cut.mid").write_bytes(whole[:-9])
    (FOLDER / "type 2.mid").write_bytes(whole[:9] + b"\2" + whole[10:])
    (FOLDER / "link.mid").symlink_to("nowhere")
    os.mkfifo(FOLDER / "pipe.mid")
    (FOLDER / "read me.txt").touch()
    assert sorted(prepared(MIDI)) == [
        "left out, 1 file of other endings: .txt 1",
        "left out, 1 file: expected a MIDI file of type 0 or 1, found type 2",
        "left out, 1 file: expected a file, found a folder, a pipe or a device",
        "left out, 1 file: expected a file, found a link to nothing",
        "left out, 1 file: not a readable MIDI file (it is cut short: its chunk 1 ends early)",
        "odd, but read: note that nothing ends, 1 time in 1 file",
    ]


def test_a_folder_of_recordings_with_one_of_each_oddity(prepared):
    generator = np.random.default_rng(0)
    for ending in ("wav", "flac", "aiff", "ogg", "mp3", "au"):
        for n in range(2):
            loudness = np.repeat(generator.uniform(0.1, 0.9, 40), 50)
            soundfile.write(
                FOLDER / f"{n}.{ending}", loudness * np.sin(np.arange(2000) * 0.3), 8000, format=ending.upper()
            )
    whole = (FOLDER / "0.wav").read_bytes()
    (FOLDER / "again.wav").write_bytes(whole)
    (FOLDER / "cut.wav").write_bytes(whole[:-8])
    (FOLDER / "streamed.wav").write_bytes(whole[:40] + b"\xff" * 4 + whole[44:])
    soundfile.write(FOLDER / "short.wav", generator.uniform(-0.5, 0.5, 50), 8000)
    (FOLDER / "notes").touch()
    assert sorted(prepared(SPEECH)) == [
        "2 recordings sound like another; no sounds lie in two splits",
        "left out, 1 file of other endings: none 1",
        "left out, 1 file: the recording is cut short: its header promises 4000 bytes of sound, it holds 3992",
        "left out, 1 recording: shorter than a sequence",
        "odd, but read: recording without its length in its header, 1 time in 1 file",
    ]


def test_what_was_left_out_is_told_by_reason_and_number():
    left_out = {f"{n}.wav": f"{FOLDER}/{n}.wav: expected samples, found none" for n in range(3)}
    odd = {"a.wav": Counter({"size unknown": 2}), "b.wav": Counter({"size unknown": 1}), "c.wav": Counter()}
    about = {"left_out": left_out | {"x: y.wav": f"{FOLDER}/x: y.wav: cut short"}, "shorter_than_a_sequence": 4}
    about |= in_counts(Found([], Counter({".txt": 2, "none": 1}), {}, 2), odd) | {"equal_recordings": 5}
    assert list(told(about, FOLDER)) == [
        "left out, 3 files: expected samples, found none",
        "left out, 1 file: cut short",
        "left out, 3 files of other endings: .txt 2, none 1",
        "left out, 2 hidden files and folders",
        "left out, 4 recordings: shorter than a sequence",
        "5 recordings sound like another; no sounds lie in two splits",
        "odd, but read: size unknown, 3 times in 2 files",
    ]
    assert list(told({"left_out": {}}, FOLDER)) == []


def test_many_reasons_do_not_fill_the_screen():
    about = {"left_out": {f"{n}.mid": f"{FOLDER}/{n}.mid: found {n}" for n in range(REASONS + 7)}}
    lines = list(told(about, FOLDER))
    assert len(lines) == REASONS + 1 and lines[-1] == "left out, 7 files for 7 further reasons"
    lines = list(told({"left_out": dict([*about["left_out"].items()][: REASONS + 1])}, FOLDER))
    assert len(lines) == REASONS + 1 and lines[-1].startswith("left out, 1 file: found ")
