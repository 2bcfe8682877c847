"""Differences between cells: what is paired, what each of the three intervals holds fixed, and when they are enough."""

import pandas as pd
import pytest
from findings_study import Planted, write_study

from stages.compare import compare


def differences(root, monkeypatch, datasets: dict[str, Planted]) -> pd.DataFrame:
    monkeypatch.chdir(write_study(root, datasets))
    table = compare("differences")["differences"]
    return table[table["averaging"] == "pooled"].set_index(["dataset", "first", "second"])


def test_repeats_that_rise_and_fall_together_leave_no_doubt_over_repeats(tmp_path, monkeypatch):
    """The GRU is 0.2 better in every repeat: between repeats its lead has no spread, whatever the levels do."""
    together = {"lstm": [8.6, 8.9, 8.3, 8.7], "gru": [8.4, 8.7, 8.1, 8.5]}
    row = differences(tmp_path, monkeypatch, {"jsb_chorales": Planted(together)}).loc["jsb_chorales", "gru", "lstm"]
    assert row[["repeats_low", "repeats_high"]].tolist() == pytest.approx([-0.2, -0.2])
    assert row["correlation"] == pytest.approx(1)
    assert row["pieces_low"] < -0.2 < row["pieces_high"]


def test_each_interval_has_its_own_source_of_doubt(tmp_path, monkeypatch):
    """Cells whose pieces scatter alike differ by repeats alone; the interval over both is the wider one."""
    apart = {"lstm": [8.6, 8.9, 8.3, 8.7], "gru": [8.4, 8.3, 8.5, 8.2]}
    sets = {"same": Planted(apart, cell_noise=0.0), "other": Planted(apart, cell_noise=0.6)}
    found = differences(tmp_path, monkeypatch, sets)
    same, other = (found.loc[name, "gru", "lstm"] for name in sets)
    width = {
        name: {kind: row[f"{kind}_high"] - row[f"{kind}_low"] for kind in ("difference", "repeats", "pieces")}
        for name, row in (("same", same), ("other", other))
    }
    assert width["same"]["pieces"] == pytest.approx(0, abs=1e-6)
    assert width["same"]["repeats"] == pytest.approx(width["same"]["difference"], rel=0.1)
    assert width["same"]["repeats"] == pytest.approx(width["other"]["repeats"], rel=0.1)
    assert width["other"]["pieces"] > 0.1
    assert width["other"]["difference"] > max(width["other"]["repeats"], width["other"]["pieces"])


def test_one_repeat_has_an_interval_over_pieces_alone(tmp_path, monkeypatch):
    found = differences(tmp_path, monkeypatch, {"jsb_chorales": Planted({"lstm": [8.6], "gru": [8.4]})})
    row = found.loc["jsb_chorales", "gru", "lstm"]
    assert row[["repeats_low", "repeats_high", "correlation"]].isna().all()
    assert row["difference_low"] == pytest.approx(row["pieces_low"], abs=0.01)


def test_pairs_are_the_repeats_in_which_both_have_a_result(tmp_path, monkeypatch):
    levels = {"tanh": [9.0, None, None], "lstm": [8.6, 8.9, None], "gru": [None, 8.3, 8.4]}
    found = differences(tmp_path, monkeypatch, {"jsb_chorales": Planted(levels)})
    assert ("jsb_chorales", "gru", "tanh") not in found.index  # no repeat has both
    assert found["repeats"].to_dict() == {
        ("jsb_chorales", "lstm", "tanh"): 1,
        ("jsb_chorales", "gru", "lstm"): 1,
    }
    assert found.loc["jsb_chorales", "gru", "lstm"]["difference_mean"] == pytest.approx(8.3 - 8.9)
