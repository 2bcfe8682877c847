"""Whether the order of the units holds elsewhere: the same numbers as everywhere, and verdicts by their intervals."""

import math

import pandas as pd
import pytest
from findings_study import Planted, write_study
from ruamel.yaml import YAML

from stages.compare import compare
from stages.findings.inference.resampling import Interval
from stages.findings.tables.robustness import same_order
from stages.plumbing.errors import InputError

PAIR = ["first", "second"]


def sets() -> dict[str, Planted]:
    """Two editions of one music, in the second of which GRU and LSTM have changed places; a second arm of the first."""
    levels = {"tanh": [9.0, 9.01, 9.02], "lstm": [8.7, 8.71, 8.72], "gru": [8.4, 8.41, 8.42]}
    turned = {"tanh": [9.0, 9.01, 9.02], "lstm": [8.4, 8.41, 8.42], "gru": [8.7, 8.71, 8.72]}
    arm = {"tanh": [9.5, 9.51, 9.52], "lstm": [8.3, 8.31, 8.32]}
    return {"jsb_chorales": Planted(levels, touched=6, arm=arm), "bach_chorales": Planted(turned)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The study's folder, and its tables."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = write_study(tmp_path_factory.mktemp("robust"), sets(), resamples=200)
        monkeypatch.chdir(folder)
        yield folder, compare("arm_scores", "differences", "leakage", "parameters", "robustness", "summary")


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(write_study(tmp_path, sets(), resamples=99))
    return tmp_path


def rows(tables, condition):
    found = tables["robustness"]
    return found[found["condition"] == condition].set_index(PAIR)


def test_another_edition_is_set_beside_the_paper_s_own_data(made):
    _, tables = made
    found = rows(tables, "edition")
    assert set(found["dataset"]) == {"jsb_chorales"} and set(found["elsewhere"]) == {"bach_chorales"}
    assert found["order"].to_dict() == {("lstm", "tanh"): "holds", ("gru", "tanh"): "holds", ("gru", "lstm"): "turns"}
    known = tables["differences"].query("averaging == 'pooled'").set_index(PAIR)
    for dataset, side in {"jsb_chorales": "main", "bach_chorales": "difference"}.items():
        expected = known[known["dataset"] == dataset].loc[found.index]
        for end in ("mean", "low", "high"):
            assert found[f"{side}_{end}"].tolist() == expected[f"difference_{end}"].tolist()


def test_touched_and_untouched_pieces_are_scored_apart(made):
    folder, tables = made
    pieces = dict(
        list(pd.read_csv(folder / "measured/paper/jsb_chorales/scores/pieces.csv").query("piece >= 6").groupby("cell"))
    )
    steps = pieces["gru"].query("repeat == 0")["steps"].sum()
    gap = (pieces["gru"]["nll"].sum() - pieces["lstm"]["nll"].sum()) / 3 / steps
    row = rows(tables, "untouched").loc["gru", "lstm"]
    assert row["difference_mean"] == pytest.approx(gap, abs=1e-6)
    assert (
        row["main_pieces"],
        row["pieces"],
        rows(tables, "touched").loc[
            "gru",
            "lstm",
        ]["pieces"],
    ) == (20, 14, 6)
    levels = tables["leakage"].query("dataset == 'jsb_chorales' and cell == 'gru'").set_index("part")
    assert levels.loc["untouched", "nll_mean"] == pytest.approx(pieces["gru"]["nll"].sum() / 3 / steps, abs=1e-6)
    assert levels.loc["all", "nll_mean"] == pytest.approx(8.41, abs=1e-4)
    assert (levels["nll_low"] < levels["nll_mean"]).all() and (levels["nll_mean"] < levels["nll_high"]).all()
    assert levels["pieces"].to_dict() == {"all": 20, "untouched": 14, "touched": 6}
    assert levels.loc["untouched", "leaked_share"] == 0 and 0.4 < levels.loc["touched", "leaked_share"] < 0.5
    assert set(tables["leakage"].query("dataset == 'bach_chorales'")["part"]) == {"all"}


def test_the_second_arm_shares_the_gru(made):
    _, tables = made
    arms = tables["arm_scores"].query("dataset == 'jsb_chorales'").set_index(["arm", "cell"])
    assert list(arms.index) == [(arm, cell) for arm in ("paper", "total") for cell in ("tanh", "lstm", "gru")]
    assert arms.loc[("paper", "gru")].tolist() == arms.loc[("total", "gru")].tolist()
    assert arms.loc[("total", "lstm"), "nll_mean"] == pytest.approx(8.31)
    summary = tables["summary"].query("dataset == 'jsb_chorales' and split == 'test' and averaging == 'pooled'")
    assert arms.loc["paper", "nll_low"].tolist() == summary["nll_low"].tolist()
    found = rows(tables, "total")
    assert found["difference_mean"].tolist() == pytest.approx([-1.2, -1.1, 0.1], abs=1e-3)
    assert found["order"].tolist() == ["holds", "holds", "turns"]
    sizes = tables["parameters"].query("matching == 'total'")
    assert sizes["cell"].tolist() == ["tanh", "lstm"] and sizes["paper_units"].isna().all()


def test_without_a_second_arm_nothing_is_read_of_it(tmp_path, monkeypatch):
    monkeypatch.chdir(write_study(tmp_path, {"jsb_chorales": Planted({"lstm": [8.7, 8.6], "gru": [8.5, 8.4]})}))
    tables = compare("arm_scores", "parameters", "robustness")
    assert set(tables["arm_scores"]["arm"]) == {"paper"} and tables["robustness"].empty
    assert set(tables["parameters"]["matching"]) == {"recurrent"}


def test_one_repeat_decides_nothing(tmp_path, monkeypatch):
    one = {"lstm": [8.9], "gru": [8.4]}
    datasets = {"jsb_chorales": Planted(one, touched=6), "bach_chorales": Planted(one)}
    monkeypatch.chdir(write_study(tmp_path, datasets, resamples=99))
    assert set(compare("robustness")["robustness"]["order"]) == {"undecided"}


def test_a_unit_that_diverged_throughout_is_left_out(tmp_path, monkeypatch):
    levels = {"tanh": [None, None], "lstm": [8.7, 8.6], "gru": [8.5, 8.4]}
    planted = Planted(levels, touched=6, arm={"tanh": [None, None], "lstm": [8.4, 8.5]})
    monkeypatch.chdir(write_study(tmp_path, {"jsb_chorales": planted}, resamples=99))
    tables = compare("arm_scores", "leakage", "robustness")
    assert set(map(tuple, tables["robustness"][PAIR].to_numpy())) == {("gru", "lstm")}
    assert set(tables["leakage"]["cell"]) == {"lstm", "gru"}
    assert tables["arm_scores"].query("cell == 'tanh'")["repeats"].tolist() == [0, 0]


def test_missing_and_stale_files_of_the_second_arm_are_told(study):
    path = study / "models/total/jsb_chorales/lstm/run.json"
    text = path.read_text()
    path.write_text(text.replace('"total"', '"recurrent"'))
    with pytest.raises(
        InputError, match="total/jsb_chorales/lstm/run.json: expected the matching 'total' .* found 'recurrent'"
    ):
        compare()
    path.unlink()
    with pytest.raises(InputError, match=r"^1 files .* missing: models/total/jsb_chorales/lstm/run.json;"):
        compare()
    params = YAML().load(study / "params.yaml")
    params["arms"]["total"]["cells"] = ["tanh"]
    YAML().dump(params, study / "params.yaml")
    assert set(compare("arm_scores")["arm_scores"].query("arm == 'total'")["cell"]) == {"tanh", "gru"}


def test_leakage_of_other_pieces_is_refused(study):
    path = study / "measured/paper/jsb_chorales/baselines/leakage.csv"
    pd.read_csv(path).iloc[1:].to_csv(path, index=False)
    with pytest.raises(
        InputError, match="leakage.csv: not the pieces that models/paper/jsb_chorales/tanh was scored on"
    ):
        compare()


@pytest.mark.parametrize(
    ("here", "there", "order"),
    [
        ((-2, -1), (-0.2, -0.1), "holds"),
        ((1, 2), (0.1, 0.2), "holds"),
        ((-2, -1), (0.1, 0.2), "turns"),
        ((-2, -1), (-0.1, 0.2), "undecided"),
        ((-2, -1), (math.nan, math.nan), "undecided"),
    ],
)
def test_an_order_is_judged_by_intervals(here, there, order):
    first, second = (Interval(sum(ends) / 2, *ends) for ends in (here, there))
    assert same_order(first, second) == same_order(second, first) == order


def test_nets_of_another_protocol_are_not_shared(study):
    params = YAML().load(study / "params.yaml")
    params["arms"]["total"]["train"] = {"weight_noise": 0.0}
    YAML().dump(params, study / "params.yaml")
    with pytest.raises(InputError, match=r"arms.total.shared: expected none where `train` is another"):
        compare()
