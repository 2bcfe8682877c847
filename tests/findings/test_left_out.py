"""What counts.json says of files left out, as sentences of a report."""

from stages.findings.records.left_out import sentences


def test_reasons_endings_short_recordings_and_oddities_are_told_with_numbers():
    counts = {
        "left_out": {
            "a.mid": "data/raw/x/a.mid: not a readable MIDI file (it is cut short: its header ends early)",
            "b.mid": "data/raw/x/b.mid: expected notes outside the drum channel, found none",
            "sub/c.wav": "data/raw/x/sub/c.wav: the recording is cut short: its last frame is not whole",
            "d.mxl": "5 parts instead of 4",
        },
        "other_endings": {".txt": 2, "none": 1},
        "shorter_than_a_sequence": 4,
        "odd": {"damaged tempo": {"files": 1, "times": 7}, "note that nothing ends": {"files": 2, "times": 2}},
    }
    assert sentences(counts) == [
        "left out: 4 files: 2 cut short, 1 without notes, 1 with another number of parts",
        "left out: 3 files of other endings: 2 .txt, 1 none",
        "left out: 4 shorter than a sequence",
        "odd, but read: damaged tempo in 1 file, note that nothing ends in 2 files",
    ]


def test_a_whole_folder_has_nothing_to_tell():
    assert sentences({"left_out": {}, "splits": {}}) == []
