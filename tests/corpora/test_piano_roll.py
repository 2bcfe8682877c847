"""The four `.mat` sets, checked against the numbers that Boulanger-Lewandowski 2012 prints; and the prepare stage."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.io import savemat

from stages.corpora.piano_rolls import PianoRollOptions, read
from stages.corpora.readers import read as read_sequences
from stages.corpora.sources import SOURCES, find
from stages.corpora.split import SPLITS, Split
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import read as read_params

PROJECT = Path(__file__).parents[2]


def cells(*pieces):
    """MATLAB cells, a piece each."""
    array = np.empty((1, len(pieces)), object)
    array[0, :] = [np.array(piece) for piece in pieces]
    return array


def write_mat(folder, width=88, **changed):
    """A set of three pieces of random frames."""
    generator = np.random.default_rng(0)
    pieces = {
        name: cells(generator.integers(0, 2, (length, width)).astype(np.uint8))
        for name, length in {"traindata": 9, "validdata": 7, "testdata": 5}.items()
    } | changed
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / "set.mat", {name: piece for name, piece in pieces.items() if piece is not None})
    return pieces


def options(**given):
    return PianoRollOptions(reader="piano_roll", **({"width": 108} | given))


def test_columns_become_pitches_and_frames_become_steps(tmp_path):
    pieces = write_mat(tmp_path)
    dataset = read(tmp_path, options())
    for split, variable in {"train": "traindata", "valid": "validdata", "test": "testdata"}.items():
        keys, part = pieces[variable][0, 0], dataset.splits[split]
        assert part.inputs.shape == (len(keys) - 1, 108) and part.output == "bernoulli"
        np.testing.assert_array_equal(part.inputs[:, 20:], keys[:-1])  # pitch 21, the lowest key, has index 20
        np.testing.assert_array_equal(part.targets[:, 20:], keys[1:])
        assert not part.inputs[:, :20].any()
        assert part.names.tolist() == [f"{variable}[0]"] and part.lengths.tolist() == [len(keys) - 1]
        expected = {"sequences": 1, "frames": len(keys), "notes_per_frame": round(keys.sum() / len(keys), 6)}
        assert dataset.counts[split] == expected


@pytest.mark.parametrize(
    ("changed", "given", "expected"),
    [
        ({"testdata": None}, {}, "set.mat: expected the cells testdata, found .*traindata"),
        ({"testdata": np.zeros((3, 88))}, {}, "set.mat: expected the cells testdata"),
        ({"testdata": cells(np.full((3, 88), 2), np.zeros((2, 88)))}, {}, r"testdata\[0\]: expected zeros and ones"),
        ({"testdata": cells(np.full((3, 88), np.nan), np.eye(88))}, {}, r"testdata\[0\]: expected zeros and ones"),
        ({"testdata": cells(np.eye(88), np.eye(108))}, {}, r"testdata\[1\]: expected \[frames, at most 107 keys\]"),
        ({"testdata": cells(np.eye(88), np.zeros((1, 88)))}, {}, r"testdata\[1\]: expected at least 2 frames, found 1"),
        ({"testdata": np.empty((1, 0), object)}, {}, "expected at least one piece in the test split, found none"),
        ({}, {"width": 107}, r"traindata\[0\]: expected pitches up to 107, the width, found 108"),
    ],
)
def test_unusable_sets_are_refused_by_name(tmp_path, changed, given, expected):
    write_mat(tmp_path, **changed)
    with pytest.raises(InputError, match=expected) as error:
        read(tmp_path, options(**given))
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_damaged_and_doubled_files_are_refused(tmp_path):
    write_mat(tmp_path)
    content = (tmp_path / "set.mat").read_bytes()
    for damaged in (b"", b"not a set", content[: len(content) // 2]):
        (tmp_path / "set.mat").write_bytes(damaged)
        with pytest.raises(InputError, match="set.mat: not a readable .mat file|set.mat: expected the cells"):
            read(tmp_path, options())
    (tmp_path / "other.mat").write_bytes(content)
    with pytest.raises(InputError, match="expected one .mat file, found other.mat, set.mat"):
        read(tmp_path, options())


# The four sets


@pytest.mark.parametrize(
    ("name", "printed", "without_first"),
    [
        ("jsb_chorales", 11.061, 11.093),
        ("nottingham", 10.252, 10.261),
        ("musedata", 11.510, 11.514),
        ("piano_midi", 11.046, 11.052),
    ],
)
def test_counts_and_the_note_1_gram_are_those_that_were_printed(tmp_path, name, printed, without_first):
    file = find(name, PROJECT / SOURCES).file
    folders = [PROJECT / "data/raw" / name, *filter(None, [os.environ.get("DATA_MIRROR")])]
    found = next((path for folder in folders if (path := Path(folder) / file).is_file()), None)
    if found is None:
        pytest.skip(f"{file} is neither downloaded nor in DATA_MIRROR")
    shutil.copy(found, tmp_path)
    # The counts of the paper's sets are asserted here, as the options in params.yaml expect them.
    key = f"datasets.{name}.sequences"
    dataset = read_sequences(tmp_path, read_params(key, PROJECT / "params.yaml"), key)

    def frames(split, first=True):
        """All frames over the piano's 88 keys; each sequence's first frame is the first of its inputs."""
        part = dataset.splits[split]
        starts = part.inputs[part.offsets[:-1]]
        both = np.concatenate([starts, part.targets]) if first else part.targets
        return np.pad(both[:, 20:], ((0, 0), (0, 108 - both.shape[1])))

    # Each pitch's training frequency, one added to the counts of both outcomes; nats a frame, pooled over frames.
    train = frames("train")
    sounds = (train.sum(axis=0, dtype=np.int64) + 1) / (len(train) + 2)
    for first, expected in ((True, printed), (False, without_first)):
        test = frames("test", first)
        nll = -(test @ np.log(sounds) + (1 - test) @ np.log1p(-sounds)).mean()
        assert nll == pytest.approx(expected, abs=0.001)


# The stage


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one dataset, `small`; the function writes its parameters and runs the stage as a command."""
    monkeypatch.chdir(tmp_path)
    write_mat(tmp_path / "data/raw/small")

    def prepare(name="small", source="small", **changed):
        expected = {"train": {"sequences": 1, "frames": 9}, "test": {"frames": 5}}
        sequences = {"reader": "piano_roll", "width": 108, "expected": expected} | changed
        YAML().dump({"datasets": {"small": {"source": source, "sequences": sequences}}}, tmp_path / "params.yaml")
        command = [sys.executable, "-m", "stages.prepare", "--dataset", name]
        environment = os.environ | {"PYTHONPATH": str(PROJECT)}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return prepare


def test_the_stage_writes_three_splits_and_their_counts_the_same_each_time(project, tmp_path):
    written = []
    for _ in range(2):
        ended = project()
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "data/prepared/small/train.npz: 1 sequences, 9 frames" in ended.stdout
        folder = tmp_path / "data/prepared/small"
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
        for split, steps in {"train": 8, "valid": 6, "test": 4}.items():
            assert len(Split.load(folder / f"{split}.npz").targets) == steps
    assert written[0] == written[1]
    assert set(written[0]) == {"counts.json", *(f"{split}.npz" for split in SPLITS)}
    counts = json.loads(written[0]["counts.json"])
    assert (counts["dataset"], counts["output"], counts["inputs"], counts["targets"]) == (
        "small",
        "bernoulli",
        108,
        108,
    )
    assert counts["splits"]["test"]["frames"] == 5


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"name": "other"}, "params.yaml: no key 'other' under datasets; known there: small"),
        ({"source": "other"}, "data/raw/other: no such folder; `python -m stages.download --source other` makes it"),
        ({"source": 3}, "params.yaml: datasets.small.source: Input should be a valid string; found 3"),
        (
            {"reader": "abc"},
            "datasets.small.sequences.reader: expected one of piano_roll, midi, music21, speech; found",
        ),
        ({"width": "108"}, "datasets.small.sequences.width: Input should be a valid integer; found '108'"),
        ({"height": 3}, "datasets.small.sequences.height: Extra inputs are not permitted; found 3"),
        ({"expected": {"train": {"frames": 8}}}, "sequences.expected.train.frames: expected 8, found 9 in the data"),
    ],
)
def test_a_wrong_parameter_is_one_line_that_names_it_and_nothing_is_written(project, tmp_path, changed, expected):
    ended = project(**changed)
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr.startswith("error: ") and ended.stderr.count("\n") == 1
    assert expected in ended.stderr
    assert not (tmp_path / "data/prepared").exists()
