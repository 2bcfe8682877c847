"""Melodies of the test split that training has heard: the rule on planted melodies, and on the public data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages import evaluate
from stages.corpora.split import Split
from stages.scoring.leakage import SETTINGS, Rule, leaked_frames

PREPARED = Path(__file__).parents[1] / "data/prepared"
MELODY = [60, 62, 64, 65, 67, 69, 67, 65]
RULE = Rule(window=8, pitches=5)


def split(*voices: list[int | None], bass: int = 40) -> Split:
    """Pieces with these top voices (None: a rest) over a held bass, without it where the voice rests."""
    rolls = [np.zeros((len(voice), 96), np.uint8) for voice in voices]
    for roll, voice in zip(rolls, voices, strict=True):
        for frame, note in zip(roll, voice, strict=True):
            frame[[] if note is None else [bass, note]] = 1
    return Split(
        np.concatenate([roll[:-1] for roll in rolls]),
        np.concatenate([roll[1:] for roll in rolls]),
        np.array([len(roll) - 1 for roll in rolls]),
        np.array([f"piece {n}" for n in range(len(rolls))]),
        "bernoulli",
    )


def test_a_melody_is_known_in_any_transposition_and_over_any_other_voice():
    heard = [50, 50, *(note + 5 for note in MELODY), 81]
    counts = leaked_frames(split([72, 71, *MELODY]), split(heard, MELODY, [70, *MELODY[1:]], bass=45), RULE)
    assert counts.tolist() == [8, 8, 0]


def test_overlapping_windows_count_a_frame_once():
    song = [*MELODY, 64, 62]
    assert leaked_frames(split(song), split([*song, 90, 30]), RULE).tolist() == [10]


@pytest.mark.parametrize(
    "voice",
    [
        [60, 62, 64, 65, 60, 62, 64, 65],  # four pitches
        [60, 62, 64, None, 67, 69, 67, 65],
        [60, 62, 64, 65, 67, 69, 67],  # shorter than the window
    ],
)
def test_windows_that_say_nothing_are_not_leaked(voice):
    assert leaked_frames(split(voice, MELODY), split(voice), RULE).tolist() == [0]


def test_a_melody_across_two_pieces_is_none():
    assert leaked_frames(split(MELODY[:4], MELODY[4:]), split(MELODY), RULE).tolist() == [0]


@pytest.mark.parametrize(
    ("dataset", "touched", "pieces", "share"),
    [
        ("jsb_chorales", 29, 77, 0.31429),
        ("nottingham", 8, 170, 0.03679),
        ("musedata", 10, 124, 0.01093),
        ("piano_midi", 0, 25, 0.0),
    ],
)
def test_leakage_of_the_published_splits(dataset, touched, pieces, share):
    """31, 3.7, 1.1 and 0 % of the test frames."""
    if not (PREPARED / dataset).is_dir():
        pytest.skip(f"no data/prepared/{dataset}; `dvc repro prepare@{dataset}` makes it")
    train, test = (Split.load(PREPARED / dataset / f"{name}.npz") for name in ("train", "test"))
    counts = leaked_frames(train, test, Rule(window=32, pitches=5))
    assert ((counts > 0).sum(), len(counts)) == (touched, pieces)
    assert counts.sum() / (test.lengths + 1).sum() == pytest.approx(share, abs=1e-5)


def write(tmp_path, monkeypatch, train: Split, test: Split) -> pd.DataFrame:
    """What the stage writes about a dataset of these splits."""
    for name, found in {"train": train, "valid": test, "test": test}.items():
        found.save(tmp_path / f"data/prepared/songs/{name}.npz")
    (tmp_path / SETTINGS).parent.mkdir(parents=True)
    YAML().dump({"leakage": {"window": 8, "pitches": 5}}, tmp_path / SETTINGS)
    monkeypatch.chdir(tmp_path)
    evaluate.baselines("songs")
    return pd.read_csv(tmp_path / "measured/paper/songs/baselines/leakage.csv")


def test_the_stage_writes_a_row_a_test_piece(tmp_path, monkeypatch):
    table = write(tmp_path, monkeypatch, split(MELODY), split([50, *MELODY], [60] * 9))
    assert table.to_dict("split", index=False)["data"] == [[0, "piece 0", 9, 8, True], [1, "piece 1", 9, 0, False]]


def test_recordings_have_no_melodies(tmp_path, monkeypatch):
    frames = np.random.default_rng(1).standard_normal((60, 20)).astype(np.float32)
    recordings = Split(frames, frames[:, :10], np.array([30, 30]), np.array(["a", "b"]), "gaussian_mixture")
    table = write(tmp_path, monkeypatch, recordings, recordings)
    assert table.empty and list(table) == ["piece", "name", "frames", "leaked_frames", "touched"]
