"""The section on gradients and memory: its sentences hold whatever the tables say, and its figures are drawn."""

import pytest
from findings_study import Planted, write_study

from stages.compare import compare
from stages.findings import memory_pages, memory_plots
from stages.plumbing.errors import InputError


def tables(root, monkeypatch, datasets):
    monkeypatch.chdir(write_study(root, datasets, resamples=99))
    return compare()


def two_sets(**options) -> dict[str, Planted]:
    levels = {"tanh": [9.0, 9.2], "lstm": [8.7, 8.6], "gru": [8.5, 8.4]}
    return {name: Planted(levels, **options) for name in ("jsb_chorales", "musedata")}


def draw(found) -> None:
    for figure in (memory_plots.gradients, memory_plots.gates, memory_plots.half_lives):
        figure(found).draw_without_rendering()


def test_sentences_count_what_the_tables_say(tmp_path, monkeypatch):
    sets = two_sets()
    sets["musedata"].reach = {"tanh": (0.2, 0.0, -1.0), "lstm": (0.7, 0.0, -2.7)}
    found = memory_pages.content(tables(tmp_path, monkeypatch, sets))
    assert found["vanishing"] == [
        "Of the losses that trained tanh nets send back, 20% to 90% have vanished at lag 20 and 0% to 1% have "
        "exploded, by dataset.",
        "In the same nets before training 100% have vanished: training makes the tanh units' gradients fall faster on "
        "1 of 2 datasets.",
    ]
    assert found["shortcuts"] == [
        "At lag 20 more of the gradient is left than in trained tanh nets in the LSTM on 1 of 2 datasets, the GRU on 2 "
        "of 2 datasets.",
        "Of the trained LSTM's losses 10% to 70% have vanished there, by dataset (100% before training); training "
        "makes its gradients fall more slowly on 1 of 2 datasets.",
        "Of the trained GRU's losses 10% have vanished there, by dataset (100% before training); training makes its "
        "gradients fall more slowly on 2 of 2 datasets.",
    ]
    row = "| jsb_chorales | tanh | trained | 2 | 40 in 20 | 0.90 [0.85,\u00a00.94] | 0.01 [0.01,\u00a00.01] | "
    assert row in found["table"]
    geometric = "| 9.49 ["  # of half-lives of 3 and 30 steps
    assert any(
        geometric in line and line.endswith("| 90.0 [90.0,\u00a090.0] |") for line in found["gates"].splitlines()
    )


def test_pieces_too_short_for_the_reference_lag_leave_no_sentence(tmp_path, monkeypatch):
    made = tables(tmp_path, monkeypatch, two_sets(longest_lag=1))
    found = memory_pages.content(made)
    assert (found["vanishing"], found["shortcuts"]) == ([], [])
    assert "| not reached | not reached | not reached | ≥ 1.50 [" in found["table"]
    draw(made)


def test_other_cells_and_nets_that_diverged(tmp_path, monkeypatch):
    sets = {"songs": Planted({"tanh": [None, None], "mgu": [5.0, 5.1]})}
    made = tables(tmp_path, monkeypatch, sets)
    found = memory_pages.content(made)
    assert found["vanishing"] == [] and found["gates"] == ""
    assert [sentence[:34] for sentence in found["shortcuts"]] == ["Of the trained mgu's losses 10% ha"]
    assert "| songs | tanh | trained" not in found["table"] and "| songs | tanh | untrained | 2 |" in found["table"]
    draw(made)


def test_gradients_of_other_nets_than_the_chosen_are_refused(tmp_path, monkeypatch):
    write_study(tmp_path, two_sets())
    path = tmp_path / "measured/paper/musedata/reach/gradients.csv"
    path.write_text(path.read_text().replace("\ngru,1,", "\ngru,7,"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="reach/gradients.csv: expected the chosen .* of gru's .* probe@musedata`"):
        compare()
