"""What a training says of itself: a line now and then without a terminal, and how its trials ended."""

import pytest

from stages.console import progress
from stages.console.progress import Progress, clock


@pytest.fixture
def now(monkeypatch):
    """A clock that stands until a test moves it on."""
    state = {"now": 0.0}
    monkeypatch.setattr(progress.time, "monotonic", lambda: state["now"])
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: False, raising=False)
    return state


def train(now, epochs: int, seconds: float, **options) -> Progress:
    shown = Progress(
        "tunes-gru", **{"max_epochs": epochs, "updates_per_epoch": 7, "trials": 10, "epoch": 1, "updates": 0}
    )
    for epoch in range(1, epochs + 1):
        now["now"] += seconds
        shown.update(7)
        shown.epoch(epoch, 9 - epoch / 1000, 10 if epoch < epochs else 0)
    return shown


def test_a_fast_training_says_its_beginning_and_its_end_alone(now, capsys):
    shown = train(now, epochs=500, seconds=0.01)
    shown.end(["stopped"] * 7 + ["max_epochs"] * 2 + ["diverged"], 8.431, 61)
    begin, end = capsys.readouterr().out.splitlines()
    assert begin == "tunes-gru: 10 trials, at most 500 epochs"
    told = "7 stopped by patience, 2 at the last epoch, 1 diverged; best validation NLL 8.43 (epoch 61), 0:05"
    assert end == f"tunes-gru: 10 trials: {told}"


@pytest.mark.parametrize(("epochs", "seconds", "lines"), [(500, 0.2, 4), (500, 2.0, 9), (10, 900.0, 9), (3, 1.0, 0)])
def test_lines_are_apart_and_at_most_a_tenth_each(now, capsys, epochs, seconds, lines):
    train(now, epochs, seconds)
    told = capsys.readouterr().out.splitlines()[1:]
    assert len(told) == lines
    if lines:
        assert told[0].startswith("tunes-gru: epoch ") and " left" in told[0]


def test_the_time_left_is_of_all_epochs_to_come(now, capsys):
    train(now, 500, 2.0)
    first = capsys.readouterr().out.splitlines()[1]
    assert first == (
        "tunes-gru: epoch 50 of 500, best validation NLL 8.9500, 10 of 10 trials running, at most 15:00 left"
    )


def test_a_long_silence_is_broken(now, capsys):
    train(now, 100, 200.0)
    assert len(capsys.readouterr().out.splitlines()) > 30


def test_what_all_diverged_has_no_best(now, capsys):
    shown = Progress("tunes-tanh", 5, 7, 2, 1, 0)
    shown.end(["diverged", "halved"], float("nan"), 0)
    assert capsys.readouterr().out.splitlines()[1] == (
        "tunes-tanh: 2 trials: 1 ended by halving, 1 diverged; no validation NLL, 0:00"
    )


def test_going_on_is_said(now, capsys):
    Progress("tunes-tanh", 5, 7, 2, 3, 4)
    assert capsys.readouterr().out == "tunes-tanh: going on from a checkpoint, epoch 3, update 4\n"


def test_on_a_terminal_there_is_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    shown = Progress("tunes-gru", 5, 7, 2, 1, 0)
    shown.update(7)
    shown.epoch(1, 9.0, 2)
    shown.end(["stopped", "stopped"], 9.0, 1)
    printed = capsys.readouterr()
    assert "tunes-gru epoch 1/5" in printed.err and printed.out.startswith("tunes-gru: 2 trials: 2 stopped by patience")


@pytest.mark.parametrize(("seconds", "told"), [(0.4, "0:00"), (65, "1:05"), (3661, "1:01:01")])
def test_clocks(seconds, told):
    assert clock(seconds) == told
