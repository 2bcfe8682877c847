"""What `prepare` tells of the files that it left out or found odd."""

from collections import Counter
from pathlib import Path

from stages.corpora.folders import told as in_counts
from stages.prepare import REASONS, told

FOLDER = Path("data/raw/mine")


def test_what_was_left_out_is_told_by_reason_and_number():
    left_out = {f"{n}.wav": f"{FOLDER}/{n}.wav: expected samples, found none" for n in range(3)}
    odd = {"a.wav": Counter({"size unknown": 2}), "b.wav": Counter({"size unknown": 1}), "c.wav": Counter()}
    about = {"left_out": left_out | {"x: y.wav": f"{FOLDER}/x: y.wav: cut short"}, "shorter_than_a_sequence": 4}
    about |= in_counts({".txt": 2, "none": 1}, odd) | {"equal_recordings": 5}
    assert list(told(about, FOLDER)) == [
        "left out, 3 files: expected samples, found none",
        "left out, 1 files: cut short",
        "left out, 3 files of other endings: .txt 2, none 1",
        "left out, 4 recordings: shorter than a sequence",
        "5 recordings sound like another; 0 sounds lie in two splits",
        "odd, but read: size unknown, 3 times in 2 files",
    ]
    assert list(told({"left_out": {}}, FOLDER)) == []


def test_many_reasons_do_not_fill_the_screen():
    about = {"left_out": {f"{n}.mid": f"{FOLDER}/{n}.mid: found {n}" for n in range(REASONS + 7)}}
    lines = list(told(about, FOLDER))
    assert len(lines) == REASONS + 1 and lines[-1] == "left out, 7 files for 7 further reasons"
