"""The tables beside the results: distance to the paper, learning rates, bands, single runs, standings."""

import math

import numpy as np
import pandas as pd
import pytest
from findings_study import SPEECH_BUDGET, TWO, Planted, write_study

from stages.compare import compare
from stages.findings.pages.sections import tuning
from stages.findings.tables.progress import kept


def tables(root, monkeypatch, datasets: dict[str, Planted], *names: str) -> dict[str, pd.DataFrame]:
    monkeypatch.chdir(write_study(root, datasets))
    return compare(*names)


def test_distance_is_in_standard_deviations_of_a_run(tmp_path, monkeypatch):
    sets = {name: Planted({"gru": [8.3, 8.5], "mgu": [8.0, 8.1]}) for name in ("jsb_chorales", "bach_chorales")}
    found = tables(
        tmp_path, monkeypatch, sets | {"musedata": Planted({"gru": [6.0, None], "mgu": [None, None]})}, "distances"
    )
    table = found["distances"].set_index(["dataset", "cell", "split", "averaging"])
    assert {key[:2] for key in table.index} == {("jsb_chorales", "gru"), ("musedata", "gru")}  # the paper's own alone
    assert {key[2] for key in table.index} == {"train", "test"}
    row = table.loc["jsb_chorales", "gru", "test", "pooled"]
    assert (row["run_sd"], row["difference"]) == pytest.approx((math.sqrt(0.02), 8.4 - 8.54))
    assert row["distance_sds"] == pytest.approx((8.4 - 8.54) / math.sqrt(0.02))
    single = table.loc["musedata", "gru", "test", "pooled"]
    assert single["repeats"] == 1 and pd.isna(single["run_sd"]) and pd.isna(single["distance_sds"])
    assert single["difference"] == pytest.approx(0.01)


def test_good_candidates_are_those_near_the_cells_best(tmp_path, monkeypatch):
    """Two repeats 0.05 apart, candidates 0, 0.06, 0.2 and 1 nat behind: 2 and 1 of them are good."""
    budget = {"candidates": 4, "max_epochs": 500, "batch_size": 8}
    planted = Planted({"gru": [8.5, 8.55], "tanh": [None, None]}, budget, behind=[0.0, 0.06, 0.2, 1.0])
    found = tables(tmp_path, monkeypatch, {"jsb_chorales": planted}, "tuning", "learning_rates")
    row = found["tuning"].set_index("cell").loc["gru"]
    assert (row["candidates"], row["margin"]) == (8, 0.1)
    assert (row["good_mean"], row["good_low"], row["good_high"]) == pytest.approx((0.375, 0, 1))
    rates = found["learning_rates"].query("cell == 'gru'")
    good = rates["valid_nll"] <= rates["valid_nll"].min() + 0.1
    assert row["good_rate_low"] == rates.loc[good, "learning_rate"].min()
    assert row["chosen_rate_median"] == rates.loc[rates["chosen"], "learning_rate"].median()
    lost = found["tuning"].set_index("cell").loc["tanh"]
    assert (lost["diverged"], lost["edge_low"], lost["edge_high"]) == (8, 0, 0)
    assert lost[["good_mean", "best_valid_nll", "chosen_rate_median"]].isna().all()


@pytest.mark.parametrize(
    ("rates", "low", "high"),
    [([1e-5, 7e-6, 1e-4], 1, 0), ([1e-4, 1e-5, 1e-3], 0, 0), ([2e-3, 1e-4, 2.4e-3], 0, 1), ([1e-3, 1e-4, 1e-5], 0, 1)]
    + [([7e-6, 1e-3, 6.5e-6], 1, 0), ([1e-5, 1e-4, 1e-3], 1, 0)],
)
def test_the_edge_is_the_end_of_the_range_or_of_the_candidates(tmp_path, monkeypatch, rates, low, high):
    """The first candidate is chosen; the outer tenths of the range are below 1.12e-5 and above 1.36e-3."""
    budget = {"candidates": 3, "max_epochs": 500, "batch_size": 8}
    write_study(tmp_path, {"jsb_chorales": Planted({"gru": [8.5]}, budget, behind=[0.0, 1.0, 2.0])})
    path = tmp_path / "models/paper/jsb_chorales/gru/trials.csv"
    pd.read_csv(path).assign(learning_rate=rates).to_csv(path, index=False)
    monkeypatch.chdir(tmp_path)
    found = compare("design", "tuning")
    row = found["tuning"].iloc[0]
    assert (row["edge_low"], row["edge_high"]) == (low, high)
    told = "Most repeats choose the highest rates that were tried, and higher ones may do better: GRU on JSB Chorales."
    assert tuning.words(found)["edge"] == told * high


def test_bands_carry_a_stopped_net_on_at_its_best_epoch(tmp_path, monkeypatch):
    write_study(tmp_path, {"jsb_chorales": Planted({"gru": [8.0, 9.0, 10.0]})})
    folder = tmp_path / "models/paper/jsb_chorales/gru"
    trials, curves = pd.read_csv(folder / "trials.csv"), pd.read_csv(folder / "curves.csv.gz")
    trials.loc[trials["repeat"] == 0, ["epochs", "best_epoch"]] = [20, 12]
    trials.loc[trials["repeat"] == 1, ["epochs", "best_epoch"]] = [30, 30]
    ends = curves["repeat"].map({0: 20, 1: 30, 2: 40})
    curves = curves[curves["epoch"] <= ends]
    trials.to_csv(folder / "trials.csv", index=False)
    curves.to_csv(folder / "curves.csv.gz", index=False)
    monkeypatch.chdir(tmp_path)
    bands = compare("bands")["bands"].set_index("epoch")
    chosen = curves.merge(trials.loc[trials["chosen"], ["repeat", "candidate"]]).set_index(["repeat", "epoch"])
    assert bands["running"].loc[[20, 21, 30, 31, 40]].tolist() == [3, 2, 2, 1, 1]
    assert bands.index[bands["median_stop"]].tolist() == [30]
    assert bands.loc[40, "valid_low"] == pytest.approx(chosen.loc[(0, 12), "valid_nll"])
    assert bands.loc[40, "valid_median"] == pytest.approx(chosen.loc[(1, 30), "valid_nll"])
    assert bands.loc[40, "train_high"] == pytest.approx(chosen.loc[(2, 40), "train_nll"])


def test_bands_of_many_repeats_leave_out_the_outer_ones_and_one_has_none(tmp_path, monkeypatch):
    levels = [8.0, 8.1, 8.2, 8.3, 8.4, 8.5, 8.6, 8.7, 8.8, 8.9, 9.0]
    sets = {"jsb_chorales": Planted({"gru": levels}), "musedata": Planted({"gru": [6.0]})}
    bands = tables(tmp_path, monkeypatch, sets, "bands")["bands"]
    row = bands[(bands["dataset"] == "jsb_chorales") & (bands["epoch"] == 40)].iloc[0]
    assert (row["train_median"] - row["train_low"], row["train_high"] - row["train_low"]) == pytest.approx((0.4, 0.8))
    single = bands[bands["dataset"] == "musedata"]
    assert single[["train_low", "train_high", "valid_low", "valid_high"]].isna().all(axis=None)
    assert single["train_median"].notna().all() and single.iloc[-1]["median_stop"]


@pytest.mark.parametrize("length", [1, 119, 120, 121, 500, 5000])
def test_points_kept_of_a_curve_are_few_and_hold_both_ends(length):
    points = kept(length)
    assert len(points) <= min(length, 120) and (points[0], points[-1]) == (0, length - 1)
    assert len(points) == length or np.diff(points)[0] <= np.diff(points)[-1]


def test_single_runs_are_all_pairs_of_repeats(tmp_path, monkeypatch):
    levels = {"lstm": [8.1, 8.4, 8.7, 8.9], "gru": [8.0, 8.3, 8.6, None]}  # every pair of a repeat 0.1 apart
    found = tables(tmp_path, monkeypatch, {"jsb_chorales": Planted(levels, cell_noise=0.0)}, "single_runs")
    row = found["single_runs"].iloc[0]
    assert (row["repeats"], row["studies"]) == (4, 16)
    assert row["first_better_mean"] == pytest.approx((4 + 3 + 2) / 16)  # a diverged repeat is better than no other
    assert row["first_better_low"] <= row["first_better_mean"] <= row["first_better_high"]
    assert (row["verdict"], row["agreement"]) == ("gru", pytest.approx(9 / 16))


def test_single_runs_can_be_sure_where_repeats_are_not(tmp_path, monkeypatch):
    """Of the GRU's 9 pairs with the LSTM 3 are wholly below zero over pieces, and 6 wholly above."""
    found = tables(
        tmp_path,
        monkeypatch,
        {"jsb_chorales": Planted({"lstm": [8.0, 8.0, 8.9], "gru": [8.5, 8.5, 8.1]})},
        "single_runs",
    )
    row = found["single_runs"].iloc[0]
    assert row["verdict"] == "undecided"
    assert (row["sure_first"], row["sure_second"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))


def test_one_repeat_decides_no_pair_and_has_no_interval(tmp_path, monkeypatch):
    found = tables(tmp_path, monkeypatch, {"jsb_chorales": Planted({"lstm": [9.5], "gru": [8.0]})}, "single_runs")
    row = found["single_runs"].iloc[0]
    assert (row["first_better_mean"], row["verdict"]) == (1.0, "undecided")
    assert math.isnan(row["first_better_low"]) and math.isnan(row["agreement"])


def test_standings_rank_ours_among_the_published_within_a_family(tmp_path, monkeypatch):
    music = Planted({"tanh": [9.0, 9.2], "gru": [8.5, 8.4]})
    speech = Planted({"tanh": [6.0, 6.0], "gru": [2.0, 2.1]}, SPEECH_BUDGET, output="gaussian_mixture")
    sets = {"jsb_chorales": music, "own_songs": music, "speech_short": speech}
    table = tables(tmp_path, monkeypatch, sets, "standings")["standings"]
    assert table["dataset"].unique().tolist() == ["jsb_chorales", "own_songs"]
    for _, rows in table.groupby(["dataset", "family"]):
        assert rows["nll_mean"].is_monotonic_increasing
    jsb = table[table["dataset"] == "jsb_chorales"]
    assert jsb["family"].unique().tolist() == ["exact factorised", "joint output", "latent-variable bound"]
    exact = jsb[jsb["family"] == "exact factorised"]
    assert exact["origin"].value_counts().to_dict().items() >= {"this study": 2, "baseline": 2, "the paper": 3}.items()
    gru = exact[exact["model"] == "GRU"].iloc[0]
    assert (gru["parameters"], gru["repeats"]) == ("24,612", 2)
    assert (gru["nll_mean"], gru["nll_low"], gru["nll_high"]) == pytest.approx(
        (8.45, 8.45 - 0.05 * TWO, 8.45 + 0.05 * TWO)
    )
    own = table[table["dataset"] == "own_songs"]
    assert own["model"].tolist() == ["GRU", "tanh", "note-1-gram", "copy-previous"]
    assert own["parameters"].tolist() == ["24,612", "24,612", "96", "192"]


def test_units_that_the_paper_does_not_have_need_no_edit(tmp_path, monkeypatch):
    sets = {"own_songs": Planted({"mgu": [8.5, 8.6], "gru_reset_after": [8.4, 8.3]})}
    found = tables(tmp_path, monkeypatch, sets, "distances", "standings")
    assert found["distances"].empty
    assert found["standings"]["model"].tolist()[:2] == ["GRU with reset after product", "mgu"]
