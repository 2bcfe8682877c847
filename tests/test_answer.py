"""The first page: the answer's sentences and gaps, the paper's best, the deviations, the study of the optimisation."""

import pandas as pd
import pytest
from findings_study import SPEECH_BUDGET, Planted, write_optimisation, write_study

from stages.compare import compare
from stages.findings import against_paper_pages, optimisation_pages
from stages.findings.answer import sentences
from stages.findings.optimisation import optimisation_table
from stages.findings.pages import summary_page
from stages.plumbing.errors import InputError


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """JSB with a clear winner, Nottingham in which the GRU is last, and speech in which tanh diverges."""
    root = tmp_path_factory.mktemp("answer")
    music = {"tanh": [9.0, 9.04], "lstm": [8.7, 8.66], "gru": [8.5, 8.46]}
    sets = {
        "jsb_chorales": Planted(music),
        "nottingham": Planted({"tanh": [3.0], "lstm": [3.2], "gru": [3.4]}),
        "speech_short": Planted(
            {"tanh": [None], "lstm": [-3.0], "gru": [-2.0]}, budget=SPEECH_BUDGET, output="gaussian_mixture"
        ),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(write_study(root, sets))
        write_optimisation(root)
        yield compare()


def test_gaps_are_the_differences_to_the_reference_with_the_papers_beside_them(tables):
    gaps = tables["gaps"].set_index(["dataset", "cell"])
    assert set(gaps["reference"]) == {"gru"} and "gru" not in gaps.index.get_level_values("cell")
    jsb = gaps.loc["jsb_chorales", "lstm"]
    assert jsb["gap_mean"] == pytest.approx(0.2) and jsb["gap_low"] > 0 and jsb["paper_gap"] == pytest.approx(0.13)
    assert gaps.loc["nottingham", "tanh"]["gap_mean"] == pytest.approx(-0.4)
    lost = gaps.loc["speech_short", "tanh"]
    assert lost["repeats"] == 0 and pd.isna(lost["gap_mean"])


def test_the_answer_says_who_wins_where_and_how_surely(tables):
    music, speech, claims, spread, trust = sentences(tables)
    assert music.startswith("On music the lowest mean test NLL is that of the ")
    assert "the GRU on jsb_chorales" in music and "the tanh on nottingham" in music
    assert "on jsb_chorales ahead of the tanh by 0.54 and the LSTM by 0.20 nats per step." in music
    assert "LSTM (−3.00) before GRU (−2.00), while every net of tanh diverged" in speech
    assert claims.startswith("Of the paper's 10 claims, ")
    assert "standard deviation of 0.03" in spread
    # 2 √(0.0283² + 0.0283²) on JSB, whose gaps in the paper are 0.56 and 0.13; Nottingham has one repeat
    assert "by 0.08 to 0.08 (two standard deviations); of the paper's 2 gaps to the GRU there 0 are smaller" in spread
    assert trust.startswith("What to keep in mind: one repeat only on nottingham and speech_short")


def test_the_answer_names_sets_whose_order_the_repeats_leave_open(tables):
    gaps = tables["gaps"].copy()
    gaps.loc[gaps["dataset"] == "nottingham", ["repeats", "gap_low", "gap_high"]] = [3, -0.5, 0.1]
    music = sentences(tables | {"gaps": gaps})[0]
    assert music.endswith("the LSTM by 0.20 nats per step; on nottingham the repeats leave the order open.")


def test_the_answer_sets_beside_speech_what_nets_without_noise_reach(tables):
    nets = tables["optimisation"].query("weight_noise == 0").assign(dataset="speech_short")  # LSTM: not trained
    speech = sentences(tables | {"optimisation": nets})[1]
    told = "on speech_short GRU (3.60), while every net of tanh diverged."
    assert speech.endswith(f"; without the paper's weight noise, by validation NLL and n=1, it is {told}")
    assert f"n=1: {told}" in summary_page(tables | {"optimisation": nets}, 0.95)
    assert "without the paper's weight noise" not in summary_page(tables, 0.95)


def test_the_papers_best_is_reached_or_not_under_each_averaging(tables):
    found = tables["against_paper"].set_index(["dataset", "averaging"])
    jsb, nottingham = found.loc["jsb_chorales", "pooled"], found.loc["nottingham", "pooled"]
    assert (jsb["cell"], jsb["paper_cell"], jsb["paper_test_nll"], jsb["reached"]) == ("gru", "gru", 8.54, True)
    assert (nottingham["cell"], nottingham["paper_cell"], nottingham["reached"]) == ("tanh", "tanh", True)
    words = against_paper_pages.content(tables)
    assert any(verdict.startswith("jsb_chorales: reached") for verdict in words["verdicts"])
    published = tables["standings"].query("dataset == 'nottingham' and family == 'exact factorised'")
    published = published[(published["origin"] == "published") & ~published["model"].str.startswith("Chung2014")]
    lower = (published["nll_mean"] <= nottingham["test_nll"]).sum()
    (told,) = (other for other in words["others"] if other.startswith("nottingham: "))
    assert f", {lower} at or below our {nottingham['test_nll']:.2f} (pooled)" in told


def test_the_optimisation_is_compared_by_its_best_nets(tables):
    best = tables["optimisation"][tables["optimisation"]["best"]]
    assert best["cell"].value_counts().to_dict() == {"gru": 4, "tanh": 2} and set(best["learning_rate"]) == {0.001}
    told = optimisation_pages.content(tables["optimisation"])
    tanh, gru = told["units"].splitlines()[2:]
    assert tanh == "| nottingham | tanh | 80 | 3.776 | 3.677 | diverged | diverged |"
    assert gru.startswith("| nottingham | GRU | 80 | 3.676 | 3.577 | 3.601 | ")
    assert told["pairs"].splitlines()[2:] == ["| nottingham | GRU − tanh | −0.100 | −0.100 |  |  |"]
    assert told["orders"] == [
        "On nottingham the order, from the lowest, changes: GRU, tanh in the protocol and with the decay; "
        "GRU (tanh diverged) without noise and with the decay and without noise."
    ]
    gru_alone = tables["optimisation"].query("cell == 'gru'")
    both = pd.concat([gru_alone, gru_alone.assign(cell="lstm", valid_nll=gru_alone["valid_nll"] + 0.1)])
    assert optimisation_pages.content(both)["orders"] == [
        "On nottingham the order, from the lowest, is the same under all 4: GRU, LSTM."
    ]
    constant = pd.concat([both, both.query("final_rate == 1").assign(dataset="jsb_chorales")])
    assert "| jsb_chorales | LSTM | 80 | 3.776 |  | 3.701 |  |" in optimisation_pages.content(constant)["units"]
    assert "same under both: GRU, LSTM." in optimisation_pages.content(constant)["orders"][1]


def test_a_study_of_the_optimisation_of_another_kind_is_refused(tmp_path):
    (tmp_path / "optimisation.csv").write_text("dataset,cell\nnottingham,gru\n")
    with pytest.raises(InputError, match="optimisation.csv: expected dataset,.* it lacks batch_size"):
        optimisation_table(tmp_path / "optimisation.csv")


def test_deviations_name_the_values_in_force(tables):
    found = tables["deviations"].set_index("topic")["here"]
    assert found["repeats"] == "2: jsb_chorales; 1: nottingham, speech_short"
    assert "after 30 epochs" in found["stopping"] and found["learning-rate range"] == "exp(U(−12, −6))"
    assert "candidate learning rates a repeat" not in found.index, "all have the paper's number"
