"""Verdicts in planted situations: supported, contradicted or undecided where the rules say so, and never a crash."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from findings_study import SPEECH_BUDGET, Planted, write_study

from stages.compare import compare
from stages.findings.inference.claims import Claim, all_hold
from stages.findings.inference.comparisons import Comparison, below, judged
from stages.findings.inference.resampling import Interval, Resampling, mean_over_repeats
from stages.plumbing import places

NEAR = (-0.01, 0.0, 0.01)  # three repeats that differ little
FAST_GATES = {"tanh": 60.0, "lstm": 6.0, "gru": 4.0}
FAST_TANH = {"tanh": 2.0, "lstm": 20.0, "gru": 40.0}
MUSIC = ("nottingham", "jsb_chorales", "musedata", "piano_midi")


def planted(tanh: float, lstm: float, gru: float, **options: object) -> Planted:
    levels = {"tanh": tanh, "lstm": lstm, "gru": gru}
    return Planted({cell: [level + step for step in NEAR] for cell, level in levels.items()}, **options)


def speech(tanh: float, lstm: float, gru: float, **options: object) -> Planted:
    return planted(tanh, lstm, gru, output="gaussian_mixture", budget=SPEECH_BUDGET, **options)


def as_the_paper(**options: object) -> dict[str, Planted]:
    options = {"speed": FAST_GATES, **options}
    return {
        "nottingham": planted(3.1, 3.2, 3.3, **options),
        **{name: planted(9.1, 8.9, 8.7, **options) for name in MUSIC[1:]},
        "speech_short": speech(6.4, 2.7, 3.6, **options),
        "speech_long": speech(7.6, 1.3, 0.9, **options),
    }


def both(
    root: Path, monkeypatch: pytest.MonkeyPatch, datasets: dict[str, Planted], **rules: object
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """claims.csv by claim, and comparisons.csv by claim, dataset and quantity."""
    monkeypatch.chdir(write_study(root, datasets, **rules))
    tables = compare("claims", "comparisons")
    found, comparisons = tables["claims"].set_index("claim"), tables["comparisons"]
    assert list(found.index) == list(range(1, 11))
    assert found["verdict"].isin(["supported", "contradicted", "undecided"]).all()
    assert not comparisons.duplicated(["claim", "dataset", "quantity"]).any()
    return found, comparisons.set_index(["claim", "dataset", "quantity"]).sort_index()


def claims(root: Path, monkeypatch: pytest.MonkeyPatch, datasets: dict[str, Planted], **rules: object) -> pd.DataFrame:
    return both(root, monkeypatch, datasets, **rules)[0]


def test_a_world_as_the_paper_describes_it(tmp_path, monkeypatch):
    found, comparisons = both(tmp_path, monkeypatch, as_the_paper())
    assert dict(found["verdict"]) == dict.fromkeys(range(1, 11), "supported")
    assert (found["single_run_agreement"] == 1).all()
    one = comparisons.loc[1, "jsb_chorales", "test NLL, GRU − LSTM"]
    assert (one["repeats"], one["pieces"], one["asked"], one["verdict"]) == ("3", 20, "below 0", "supported")
    assert one["mean"] == pytest.approx(-0.2) and one["low"] < one["mean"] < one["high"] < 0


def test_a_world_opposite_to_the_paper(tmp_path, monkeypatch):
    options = {"speed": FAST_TANH, "reach": {"tanh": (0.1, 0.3, -0.5), "lstm": (0.9, 0.0, -3.0)}}
    datasets = {name: planted(8.0, 9.0, 9.5, **options) for name in MUSIC}
    datasets |= {name: speech(0.5, 2.7, 3.6, **options) for name in ("speech_short", "speech_long")}
    found = claims(tmp_path, monkeypatch, datasets)
    assert dict(found["verdict"]) == dict.fromkeys(range(1, 11), "contradicted")
    assert (found["single_run_agreement"] == 0).all()


def test_one_contradicted_set_contradicts_a_claim_about_all(tmp_path, monkeypatch):
    datasets = as_the_paper()
    datasets["musedata"] = planted(9.1, 8.6, 8.7, speed=FAST_GATES)
    found, comparisons = both(tmp_path, monkeypatch, datasets)
    assert found.loc[1, "verdict"] == "contradicted"
    verdicts = comparisons.loc[1].query("counted")["verdict"]
    assert verdicts.value_counts().to_dict() == {"supported": 5, "contradicted": 1}
    against = comparisons.loc[1, "musedata", "test NLL, GRU − LSTM"]
    assert (against["verdict"], against["mean"]) == ("contradicted", pytest.approx(0.1))


def test_a_unit_that_wins_everywhere_contradicts_that_it_depends_on_the_data(tmp_path, monkeypatch):
    datasets = {name: planted(9.1, 8.9, 8.7) for name in MUSIC}
    datasets |= {name: speech(6.4, 2.7, 1.3) for name in ("speech_short", "speech_long")}
    found = claims(tmp_path, monkeypatch, datasets)
    assert (found.loc[8, "verdict"], found.loc[8, "single_run_agreement"]) == ("contradicted", 0)


def test_the_excepted_set_may_go_either_way(tmp_path, monkeypatch):
    datasets = as_the_paper()
    datasets["nottingham"] = planted(3.3, 3.2, 3.1, speed=FAST_GATES)
    assert claims(tmp_path, monkeypatch, datasets).loc[1, "verdict"] == "supported"


def test_repeats_that_overlap_leave_it_undecided_and_single_runs_disagree(tmp_path, monkeypatch):
    """Two repeats a cell, enumerated: on each set the GRU is below the LSTM in 3 of 4 pairs, and always below tanh."""
    sets = {
        name: Planted({"tanh": [9.5, 9.5], "lstm": [8.8, 9.0], "gru": [8.9, 8.7]}, cell_noise=0.0)
        for name in ("jsb_chorales", "musedata", "piano_midi")
    }
    found = claims(tmp_path, monkeypatch, sets)
    assert found.loc[1, "verdict"] == "undecided"
    assert found.loc[1, "single_run_agreement"] == pytest.approx(0.75**3)


def test_single_runs_are_drawn_where_they_cannot_be_enumerated(tmp_path, monkeypatch):
    sets = {
        name: Planted({"tanh": [9.5, 9.5], "lstm": [8.8, 9.0], "gru": [8.9, 8.7]}, cell_noise=0.0)
        for name in ("jsb_chorales", "musedata", "piano_midi")
    }
    found = claims(tmp_path, monkeypatch, sets, single_runs=500)  # fewer than the 2⁹ studies there are
    assert found.loc[1, "single_run_agreement"] == pytest.approx(0.75**3, abs=0.08)


def test_one_repeat_decides_nothing_and_says_so(tmp_path, monkeypatch):
    sets = {name: Planted({"tanh": [9.5], "lstm": [9.0], "gru": [8.0]}) for name in ("jsb_chorales", "musedata")}
    sets["piano_midi"] = Planted({"tanh": [9.5], "lstm": [9.0], "gru": [8.0]})
    found, comparisons = both(tmp_path, monkeypatch, sets)
    assert found.loc[1, "verdict"] == "undecided"
    assert (comparisons.loc[1, "note"] == "too few repeats to decide").all()
    assert found.loc[1, "single_run_agreement"] == 1


def test_one_repeat_can_decide_by_pieces_where_the_rules_allow_it(tmp_path, monkeypatch):
    names = ("jsb_chorales", "musedata", "piano_midi")
    sets = {name: Planted({"tanh": [9.5], "lstm": [9.0], "gru": [8.0]}) for name in names}
    found = claims(tmp_path, monkeypatch, sets, minimum_repeats=1)
    assert found.loc[1, "verdict"] == "supported"


def test_sets_outside_the_design_leave_claims_undecided(tmp_path, monkeypatch):
    found, comparisons = both(tmp_path, monkeypatch, {"bach_chorales": planted(9.1, 8.9, 8.7)})
    assert set(found["verdict"]) == {"undecided"}
    assert found["single_run_agreement"].isna().all()
    assert comparisons.loc[1, "musedata", "test NLL, GRU − tanh"]["note"] == "musedata is not in this design"
    beside = comparisons.loc[1, "bach_chorales", "test NLL, GRU − LSTM"]
    assert (beside["counted"], beside["verdict"]) == (False, "supported")


def test_cells_outside_the_design_leave_claims_undecided(tmp_path, monkeypatch):
    sets = {name: Planted({"gru": [8.7, 8.7], "lstm": [8.9, 8.9]}) for name in MUSIC}
    found, comparisons = both(tmp_path, monkeypatch, sets)
    assert found.loc[1, "verdict"] == "undecided"
    assert comparisons.loc[1, "musedata", "test NLL, GRU − tanh"]["note"] == "tanh is not in this design"
    assert found.loc[2, "single_run_agreement"] is None or pd.isna(found.loc[2, "single_run_agreement"])


def test_a_diverged_repeat_counts_as_a_single_run_that_states_nothing(tmp_path, monkeypatch):
    names = ("jsb_chorales", "musedata", "piano_midi")
    sets = {name: Planted({"tanh": [9.5, 9.5], "lstm": [9.0, 9.0], "gru": [8.0, 8.0]}) for name in names}
    sets["musedata"].levels["gru"] = [8.0, None]
    found, comparisons = both(tmp_path, monkeypatch, sets)
    assert found.loc[1, "single_run_agreement"] == pytest.approx(0.5)
    one = comparisons.loc[1, "musedata", "test NLL, GRU − LSTM"]
    assert (one["repeats"], one["note"]) == ("1 (1 diverged) and 2", "too few repeats to decide")


def test_a_cell_that_always_diverged_is_named(tmp_path, monkeypatch):
    names = ("jsb_chorales", "musedata", "piano_midi")
    sets = {name: Planted({"tanh": [None, None], "lstm": [9.0, 9.0], "gru": [8.0, 8.0]}) for name in names}
    found, comparisons = both(tmp_path, monkeypatch, sets)
    assert found.loc[1, "verdict"] == "undecided"
    assert comparisons.loc[1, "musedata", "test NLL, GRU − tanh"]["note"] == "every repeat of tanh diverged"


def test_close_has_a_margin(tmp_path, monkeypatch):
    datasets = {name: planted(9.0, 8.9, 8.8) for name in MUSIC}
    datasets["nottingham"] = planted(4.1, 3.2, 3.3)
    found = claims(tmp_path / "a", monkeypatch, datasets)
    assert found.loc[2, "verdict"] == "contradicted"
    wider = claims(tmp_path / "b", monkeypatch, datasets, close_margin=1.2)
    assert wider.loc[2, "verdict"] == "supported"


def test_seconds_of_different_engines_are_not_compared(tmp_path, monkeypatch):
    write_study(tmp_path, as_the_paper())
    path = tmp_path / places.clock("musedata")
    timings = pd.read_csv(path)
    timings.loc[timings["cell"] == "tanh", "engine"] = "another"
    timings.to_csv(path, index=False)
    monkeypatch.chdir(tmp_path)
    tables = compare("claims", "comparisons")
    found, comparisons = tables["claims"].set_index("claim"), tables["comparisons"].set_index(["claim", "dataset"])
    assert found.loc[5, "verdict"] == "undecided"
    seconds = comparisons.loc[(5, "musedata")].set_index("quantity").loc["seconds, GRU over tanh"]
    assert seconds["note"] == "timed with different engines" and math.isnan(seconds["mean"])


@pytest.mark.parametrize(
    ("spread", "verdict"),
    [([1.0, 1.0, 1.0], "supported"), ([1.0, 2.0, 4.0], "undecided"), ([3.9, 4.0, 4.1], "contradicted")],
)
def test_a_cheaper_update_is_one_by_the_interval_of_its_timings(tmp_path, monkeypatch, spread, verdict):
    """An LSTM's update takes three times as long as one of tanh; tanh's timings are `spread` times what they were."""
    write_study(tmp_path, as_the_paper())
    path = tmp_path / places.clock("speech_short")
    timings = pd.read_csv(path)
    timings.loc[timings["cell"] == "tanh", "seconds"] *= spread
    timings.to_csv(path, index=False)
    monkeypatch.chdir(tmp_path)
    tables = compare("claims", "comparisons")
    found = tables["comparisons"].set_index(["claim", "dataset", "quantity"])
    cost = found.loc[6, "speech_short", "seconds an update, tanh over LSTM"]
    assert (cost["verdict"], cost["note"]) == (verdict, "timed 3 times, in turns")
    assert cost["low"] <= cost["mean"] <= cost["high"]
    seconds, updates = (found.loc[6, "speech_short", f"{clock}, GRU over tanh"] for clock in ("seconds", "updates"))
    wider = seconds["high"] / seconds["low"] > 1.01 * updates["high"] / updates["low"]
    assert wider == (spread[0] != spread[2])


def claim(*parts: Comparison) -> Claim:
    return Claim(1, "", "", [[*parts]], all_hold, [])


def test_a_verdict_that_another_seed_may_turn_is_marked():
    """Of 9,999 resamples two standard errors of an end are about 3 % of the way to it."""
    resampling, part = Resampling(9999, 0.95, 1), Comparison("musedata", "gru", "lstm", "", "", "")
    sure, near = (
        judged(SimpleNamespace(resampling=resampling), part, below(0), Interval(-1.0, -2.0, high))
        for high in (-0.1, -0.01)
    )
    assert (sure.verdict, sure.otherwise) == ("supported", frozenset())
    assert (near.verdict, near.otherwise) == ("supported", {"undecided"})
    assert claim(near).may_turn and not claim(sure).may_turn
    assert not claim(near, replace(sure, verdict="contradicted")).may_turn  # which it stays, whatever the seed


def test_other_seeds_move_an_end_as_far_as_is_said():
    """Two standard errors from where it is with very many resamples: nineteen times in twenty."""
    values = np.random.default_rng(3).normal(size=40)
    truly = mean_over_repeats(values, Resampling(100_000, 0.95, 0), "x")
    narrow, wide = Resampling(999, 0.95, 0).of_other_seeds(truly)
    ends = [mean_over_repeats(values, Resampling(999, 0.95, seed), "x").high for seed in range(1, 201)]
    assert np.mean([narrow.high <= end <= wide.high for end in ends]) == pytest.approx(0.95, abs=0.04)


def test_gradients_that_vanish_in_an_lstm_contradict_the_shortcuts_alone(tmp_path, monkeypatch):
    datasets = as_the_paper(reach={"tanh": (0.9, 0.01, -3.0), "lstm": (0.8, 0.0, -2.6)})
    found, comparisons = both(tmp_path, monkeypatch, datasets)
    assert dict(found["verdict"].loc[9:]) == {9: "supported", 10: "contradicted"}
    left = comparisons.loc[10, "musedata", "gradient left, LSTM − tanh"]
    assert (left["verdict"], left["note"]) == ("supported", "untrained +0.00")
    assert left["mean"] == pytest.approx(0.4, abs=0.01)
    vanished = comparisons.loc[10, "musedata", "gradients vanishing, LSTM"]
    assert (vanished["verdict"], vanished["asked"]) == ("contradicted", "below 0.50")
    assert vanished["mean"] == pytest.approx(0.79, abs=0.01)


def test_gradients_that_explode_in_one_set_contradict_that_they_seldom_do(tmp_path, monkeypatch):
    datasets = as_the_paper()
    datasets["piano_midi"].reach = {"tanh": (0.9, 0.2, -3.0)}
    found, comparisons = both(tmp_path, monkeypatch, datasets)
    assert found.loc[9, "verdict"] == "contradicted"
    verdicts = comparisons.loc[9].query("counted")["verdict"]
    assert verdicts.value_counts().to_dict() == {"supported": 11, "contradicted": 1}


def test_diverged_tanh_nets_leave_gradients_undecided(tmp_path, monkeypatch):
    datasets = as_the_paper()
    datasets["speech_long"].levels["tanh"] = [None, None, None]
    datasets["speech_short"].levels["tanh"] = [6.4, 6.4, None]
    found, comparisons = both(tmp_path, monkeypatch, datasets)
    assert dict(found["verdict"].loc[9:]) == {9: "undecided", 10: "undecided"}
    lost, kept = (
        comparisons.loc[9, dataset, "gradients vanishing, tanh"] for dataset in ("speech_long", "speech_short")
    )
    assert lost["note"] == "every repeat of tanh diverged" and math.isnan(lost["mean"])
    assert (kept["repeats"], kept["mean"]) == ("2 (1 diverged)", pytest.approx(0.9, abs=0.02))


def test_pieces_too_short_for_the_reference_lag_are_named(tmp_path, monkeypatch):
    datasets = as_the_paper()
    datasets["jsb_chorales"].longest_lag = 12
    found, comparisons = both(tmp_path, monkeypatch, datasets)
    assert dict(found["verdict"].loc[9:]) == {9: "undecided", 10: "undecided"}
    short = comparisons.loc[10, "jsb_chorales", "gradient left, LSTM − tanh"]
    assert short["note"] == "pieces reach 12 steps back, not 20"
