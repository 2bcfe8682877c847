"""The tables: exactly the columns of the contract, from exactly the runs of the design."""

import pandas as pd
import pytest
from findings_study import PAPER_BUDGET, RECORDED, SMALL_BUDGET, TWO, Planted, halving_study, write_study
from ruamel.yaml import YAML

from stages import compare as stage
from stages.compare import compare
from stages.findings.records.published import FAMILIES, read_published
from stages.plumbing.errors import InputError

COLUMNS = {
    "parameters": "dataset,cell,matching,input_size,output_size,units,recurrent_parameters,output_parameters,"
    "total_parameters,paper_units,paper_parameters",
    "results": "dataset,cell,repeat,candidate,learning_rate,epochs,best_epoch,updates,train_nll,valid_nll,test_nll,"
    "train_nll_per_sequence,valid_nll_per_sequence,test_nll_per_sequence,device",
    "summary": "dataset,cell,repeats,split,averaging,nll_mean,nll_low,nll_high,paper_nll",
    "comparisons": "claim,counted,dataset,quantity,unit,asked,repeats,pieces,mean,low,high,verdict,note",
    "claims": "claim,source,statement,verdict,may_turn,single_run_agreement",
    "arm_scores": "arm,dataset,cell,repeats,candidates,nll_mean,nll_low,nll_high,valid_mean,valid_low,valid_high",
    "improvement": "arm,first,second,sets,repeats,share_mean,share_low,share_high",
    "questions": "question,dataset,compared,asked,repeats,mean,low,high,answer",
    "parts": "dataset,cell,whole,repeats,difference_mean,difference_low,difference_high,"
    "further_mean,further_low,further_high,answer,reach",
    "left_on": "dataset,cell,repeats,clean_mean,clean_low,clean_high,noisy_mean,noisy_low,noisy_high,paper_nll",
    "baselines": "dataset,baseline,split,averaging,nll",
    "curves": "dataset,cell,repeat,candidate,epoch,updates,train_nll,valid_nll",
    "learning_rates": "dataset,cell,repeat,candidate,learning_rate,status,valid_nll,chosen",
    "distances": "dataset,cell,split,averaging,repeats,nll_mean,nll_low,nll_high,run_sd,paper_nll,difference,"
    "distance_sds",
    "differences": "dataset,first,second,averaging,repeats,pieces,difference_mean,difference_low,difference_high,"
    "repeats_low,repeats_high,pieces_low,pieces_high,correlation",
    "single_runs": "dataset,first,second,repeats,studies,first_better_mean,first_better_low,first_better_high,"
    "sure_first,sure_second,verdict,agreement,share_asked",
    "standings": "dataset,family,model,origin,parameters,repeats,nll_mean,nll_low,nll_high,note,source",
    "tuning": "dataset,cell,repeats,candidates,diverged,best_valid_nll,margin,good_mean,good_low,good_high,"
    "good_rate_low,good_rate_high,chosen_rate_median,edge,edge_low,edge_high",
    "bands": "dataset,cell,repeats,epoch,updates,running,median_stop,train_median,train_low,train_high,"
    "valid_median,valid_low,valid_high",
    "progress": "dataset,first,second,clock,repeats,level,ratio_mean,ratio_low,ratio_high",
    "gradients": "dataset,cell,net,variable,lag,repeats,cases,log10_ratio_mean,log10_ratio_low,log10_ratio_high,"
    "q10,q50,q90",
    "memory": "dataset,cell,net,repeats,pieces,cases,longest_lag,reference_lag,vanish_ratio,explode_ratio,"
    "log10_ratio_mean,log10_ratio_low,log10_ratio_high,share_vanishing_mean,share_vanishing_low,share_vanishing_high,"
    "share_exploding_mean,share_exploding_low,share_exploding_high,half_life_mean,half_life_low,half_life_high,"
    "half_life_of_curve_mean,half_life_of_curve_low,half_life_of_curve_high",
    "gates": "dataset,cell,net,gate,repeats,opening_mean,opening_low,opening_high,share_closed_mean,share_closed_low,"
    "share_closed_high,share_open_mean,share_open_low,share_open_high,q10,q50,q90,half_life_mean,half_life_low,"
    "half_life_high,half_life_q90_mean,half_life_q90_low,half_life_q90_high",
    "deviations": "topic,kind,paper,here,reason",
    "gaps": "dataset,output,data,budget,cell,reference,repeats,pieces,gap_mean,gap_low,gap_high,paper_gap,"
    "paper_dataset",
    "against_paper": "dataset,averaging,cell,repeats,test_nll,test_low,test_high,paper_cell,paper_test_nll,reached,"
    "train_nll,paper_train_nll,budget",
    "robustness": "dataset,condition,elsewhere,first,second,main_repeats,main_pieces,main_mean,main_low,main_high,"
    "repeats,pieces,difference_mean,difference_low,difference_high,order",
    "leakage": "dataset,cell,part,window,pitches,pieces,frames,leaked_frames,leaked_share,repeats,nll_mean,nll_low,"
    "nll_high",
    "design": "dataset,output,paper_dataset,data,repeats,candidates,max_epochs,batch_size,search,paper_candidates,"
    "paper_max_epochs,budget,trials_stopped,trials_max_epochs,trials_halved,trials_diverged,test_pieces,training_hours,device",
}


def two_sets() -> dict[str, Planted]:
    return {
        "jsb_chorales": Planted({"tanh": [9.0, 9.2], "lstm": [8.7, 8.6], "gru": [8.5, 8.4]}),
        "musedata": Planted({"tanh": [6.2], "lstm": [6.1], "gru": [6.0]}, budget=SMALL_BUDGET),
    }


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(write_study(tmp_path, two_sets()))
    return tmp_path


def test_columns_are_the_contract(study, monkeypatch):
    monkeypatch.setattr("sys.argv", ["compare"])
    stage.main()
    found = {path.stem: path.read_text().splitlines()[0] for path in (study / "reports/tables").glob("*.csv")}
    assert found == COLUMNS


def test_same_runs_same_bytes(study, monkeypatch):
    monkeypatch.setattr("sys.argv", ["compare"])
    stage.main()
    first = {path.name: path.read_bytes() for path in (study / "reports").rglob("*.*") if path.is_file()}
    stage.main()
    assert first == {path.name: path.read_bytes() for path in (study / "reports").rglob("*.*") if path.is_file()}


def test_missing_runs_are_listed_exactly(study):
    gone = [
        "models/paper/musedata/tanh/run.json",
        "measured/paper/jsb_chorales/scores/evaluation.csv",
        "measured/paper/musedata/baselines/baselines.csv",
    ]
    for path in gone:
        (study / path).unlink()
    with pytest.raises(InputError) as error:
        compare()
    assert str(error.value).startswith(f"3 files of the design in params.yaml are missing: {', '.join(gone)};")


def test_runs_outside_the_design_are_not_in_the_tables(study):
    params = YAML().load(study / "params.yaml")
    del params["datasets"]["musedata"]
    params["cells"].remove("tanh")
    YAML().dump(params, study / "params.yaml")
    tables = compare()
    for name in ("parameters", "results", "summary", "curves", "learning_rates"):
        assert set(tables[name]["dataset"]) == {"jsb_chorales"}
        assert set(tables[name]["cell"]) == {"lstm", "gru"}
    assert set(tables["baselines"]["dataset"]) == set(tables["standings"]["dataset"]) == {"jsb_chorales"}


def test_a_new_dataset_leaves_the_others_numbers_alone(tmp_path, monkeypatch):
    sets = two_sets()
    monkeypatch.chdir(write_study(tmp_path / "both", sets))
    per_dataset = ["summary", "differences", "progress", "single_runs", "tuning", "bands"]
    both = compare(*per_dataset)
    monkeypatch.chdir(write_study(tmp_path / "one", {"jsb_chorales": sets["jsb_chorales"]}))
    one = compare(*per_dataset)
    for name in per_dataset:
        kept = both[name][both[name]["dataset"] == "jsb_chorales"].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, one[name])


def test_summary_has_means_intervals_and_the_papers_numbers(study):
    table = compare("summary")["summary"].set_index(["dataset", "cell", "split", "averaging"])
    gru = table.loc["jsb_chorales", "gru", "test", "pooled"]
    assert (gru["repeats"], gru["paper_nll"]) == (2, 8.54)
    assert (gru["nll_mean"], gru["nll_low"], gru["nll_high"]) == pytest.approx(
        (8.45, 8.45 - 0.05 * TWO, 8.45 + 0.05 * TWO)
    )
    assert table.loc["jsb_chorales", "gru", "train", "pooled"]["paper_nll"] == 6.94
    assert pd.isna(table.loc["jsb_chorales", "gru", "valid", "pooled"]["paper_nll"])
    single = table.loc["musedata", "gru", "test", "pooled"]
    assert single["repeats"] == 1 and pd.isna(single["nll_low"]) and pd.isna(single["nll_high"])


def test_differences_have_an_interval_over_pieces_where_there_is_one_repeat(study):
    table = compare("differences")["differences"].set_index(["dataset", "first", "second", "averaging"])
    row = table.loc["musedata", "gru", "tanh", "pooled"]
    assert (row["repeats"], row["pieces"]) == (1, 20)
    assert row["difference_mean"] == pytest.approx(-0.2)
    assert row["difference_low"] < -0.2 < row["difference_high"] < 0
    assert len(table) == 2 * 3 * 2


def test_curves_are_the_chosen_candidates(study):
    tables = compare("curves", "learning_rates", "results")
    chosen = tables["results"].set_index(["dataset", "cell", "repeat"])["candidate"]
    curves = tables["curves"]
    drawn = curves.groupby(["dataset", "cell", "repeat"])["candidate"].unique()
    assert {key: list(found) for key, found in drawn.items()} == {key: [found] for key, found in chosen.items()}
    rates = tables["learning_rates"]
    assert len(rates) == 2 * 3 * 10 + 3 * 3 and rates["chosen"].sum() == 9


def test_design_marks_small_budgets(study):
    table = compare("design")["design"].set_index("dataset")
    assert table.loc["jsb_chorales", "budget"] == "paper"
    assert table.loc["musedata", "budget"] == "preliminary"
    assert (table.loc["musedata", "candidates"], table.loc["musedata", "paper_candidates"]) == (3, 10)
    assert table.loc["jsb_chorales", "trials_stopped"] == 60
    assert table.loc["jsb_chorales", "training_hours"] == pytest.approx(3 * 60 / 3600)  # a minute a unit


HALVING = {"halving": {"epochs": [2, 4], "keep": 0.5}}


def test_design_says_how_candidates_are_searched(tmp_path, monkeypatch):
    sets = {"jsb_chorales": Planted({"gru": [8.5]}, budget={**PAPER_BUDGET, **HALVING})}
    monkeypatch.chdir(write_study(tmp_path, sets))
    assert compare("design")["design"]["search"].tolist() == ["best 50% go on after epochs 2, 4"]


@pytest.mark.parametrize("short", [{"candidates": 9}, {"max_epochs": 499}, HALVING])
def test_a_candidate_or_an_epoch_fewer_or_halving_is_preliminary(tmp_path, monkeypatch, short):
    sets = {"jsb_chorales": Planted({"gru": [8.5]}, budget={**PAPER_BUDGET, **short})}
    monkeypatch.chdir(write_study(tmp_path, sets))
    assert compare("design")["design"]["budget"].tolist() == ["preliminary"]


def test_halving_that_is_only_recorded_is_the_plain_search(tmp_path, monkeypatch):
    sets = {"jsb_chorales": Planted({"gru": [8.5]}, budget={**PAPER_BUDGET, **RECORDED})}
    monkeypatch.chdir(write_study(tmp_path, sets))
    tables = compare("design")
    assert tables["design"]["search"].tolist() == ["all to the end"]
    assert tables["design"]["budget"].tolist() == ["paper"]


def test_halvings_choices_leave_all_other_tables_alone(tmp_path, monkeypatch):
    tables = []
    for name in ("beside", "alone"):
        sets = halving_study()
        if name == "alone":
            sets["jsb_chorales"].halved = {}
        monkeypatch.chdir(write_study(tmp_path / name, sets))
        tables.append(compare())
    scored = pd.read_csv(tmp_path / "beside/measured/paper/jsb_chorales/scores/evaluation.csv")
    assert scored.query("cell == 'lstm'").groupby("repeat").size().tolist() == [2, 2]
    for name, table in tables[1].items():
        pd.testing.assert_frame_equal(tables[0][name], table)


def test_halvings_choice_must_be_evaluated_too(tmp_path, monkeypatch):
    monkeypatch.chdir(write_study(tmp_path, halving_study()))
    path = tmp_path / "measured/paper/jsb_chorales/scores/evaluation.csv"
    pd.read_csv(path).query("candidate == 0").to_csv(path, index=False)
    with pytest.raises(InputError, match="evaluation.csv: of .* not the chosen candidates of its trials.csv"):
        compare()


def test_a_diverged_repeat_is_a_row_with_empty_fields(tmp_path, monkeypatch):
    monkeypatch.chdir(write_study(tmp_path, {"jsb_chorales": Planted({"gru": [8.5, None], "lstm": [8.6, 8.7]})}))
    tables = compare("learning_rates", "results", "summary")
    lost = tables["results"].query("cell == 'gru' and repeat == 1").iloc[0]
    assert pd.isna(lost["candidate"]) and pd.isna(lost["test_nll"]) and lost["device"] == "cpu"
    summary = tables["summary"].query("cell == 'gru' and split == 'test' and averaging == 'pooled'").iloc[0]
    assert summary["repeats"] == 1 and summary["nll_mean"] == pytest.approx(8.5)
    assert (tables["learning_rates"]["status"] == "diverged").sum() == 10


def test_runs_of_another_budget_are_stale(study):
    params = YAML().load(study / "params.yaml")
    params["datasets"]["jsb_chorales"]["training"]["candidates"] = 12
    YAML().dump(params, study / "params.yaml")
    with pytest.raises(InputError, match="expected 2 repeats of 12 candidates .* found 2 repeats of .10. candidates"):
        compare()


def test_runs_of_another_matching_are_stale(study):
    params = YAML().load(study / "params.yaml")
    params["matching"]["mode"] = "total"
    YAML().dump(params, study / "params.yaml")
    with pytest.raises(InputError, match="expected the matching 'total'"):
        compare()


def test_pieces_that_do_not_add_up_to_the_evaluation_are_refused(study):
    path = study / "measured/paper/jsb_chorales/scores/pieces.csv"
    frame = pd.read_csv(path)
    frame.loc[0, "nll"] += 100
    frame.to_csv(path, index=False)
    with pytest.raises(InputError, match="sums that are not the NLL of evaluation.csv"):
        compare()


def test_cells_scored_on_other_pieces_are_refused(study):
    path = study / "measured/paper/jsb_chorales/scores/pieces.csv"
    frame = pd.read_csv(path)
    frame.loc[(frame["cell"] == "gru") & (frame["piece"] == 3), "name"] = "another piece"
    frame.to_csv(path, index=False)
    with pytest.raises(InputError, match="not those of the other runs"):
        compare()


def test_a_lacking_column_and_a_word_among_numbers_are_named(study):
    path = study / "models/paper/jsb_chorales/gru/curves.csv.gz"
    frame = pd.read_csv(path)
    frame.assign(valid_nll="lost").to_csv(path, index=False)
    with pytest.raises(InputError, match="curves.csv.gz: expected numbers in the column 'valid_nll'"):
        compare()
    frame.drop(columns="valid_nll").to_csv(path, index=False)
    with pytest.raises(InputError, match="curves.csv.gz: .* it lacks valid_nll"):
        compare()


def test_a_damaged_curves_file_is_named(study):
    path = study / "models/paper/jsb_chorales/gru/curves.csv.gz"
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"repeat,candidate\n0,0\n", whole[:40] + b"\xff" * 40 + whole[80:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"curves\.csv\.gz: not a readable CSV file"):
            compare()


def test_published_models_are_of_known_families(study):
    published = read_published()
    assert set(published["family"].dropna()) == set(FAMILIES)
    assert set(published.loc[published["family"].isna(), "confidence"]) == {"own measurement"}
    path = study / "data/published_results.csv"
    path.write_text(path.read_text().replace("joint output", "a joint output"))
    with pytest.raises(InputError, match="expected the families exact factorised, .*, found a joint output"):
        compare()


def test_standings_hold_published_results_on_the_same_data(study):
    table = compare("standings")["standings"]
    assert set(table["dataset"]) == {"jsb_chorales", "musedata"}
    assert not table["model"].str.contains("own").any()
    row = table[(table["dataset"] == "musedata") & (table["model"] == "BL2012 RNN-NADE (HF)")].iloc[0]
    assert (row["family"], row["nll_mean"]) == ("joint output", 5.6)
