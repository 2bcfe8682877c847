"""The study of batch sizes: which size its rule takes, and what is said of learning rates at the edge."""

import math

import pandas as pd
import pytest
from findings_study import write_batch_sizes

from stages.findings.batch_size_pages import content
from stages.findings.batch_sizes import MEASURED, Study, batch_sizes_table
from stages.plumbing.errors import InputError

STUDY = Study(margin=0.02, edge=0.1)
RANGE = (-12.0, -6.0)


@pytest.fixture
def measured(tmp_path):
    write_batch_sizes(tmp_path)
    return tmp_path / MEASURED


def table(measured, study=STUDY):
    return batch_sizes_table(study, *RANGE, measured).set_index("batch_size")


def test_the_largest_size_within_the_margin_is_taken(measured):
    found = table(measured)
    assert found["behind"].tolist() == pytest.approx([0.0, 0.01, 0.04, 0.15])
    assert found.index[found["taken"]].tolist() == [2]
    assert set(found["candidates"]) == {3}
    wider = table(measured, STUDY.model_copy(update={"margin": 0.05}))
    assert wider.index[wider["taken"]].tolist() == [4]


def test_a_rate_at_the_edge_is_the_last_candidate_or_near_the_end_of_the_range(measured):
    """Of size 4 the last candidate is chosen; of size 8 one in the outer tenth, which has another beyond it."""
    assert table(measured)["edge"].tolist() == ["inside", "inside", "top", "top"]
    narrow = STUDY.model_copy(update={"edge": 0.01})
    assert table(measured, narrow)["edge"].tolist() == ["inside", "inside", "top", "inside"]
    low = batch_sizes_table(STUDY, math.log(0.99e-4), -6.0, measured)
    assert low["edge"].tolist() == ["bottom", "inside", "top", "inside"]


def test_each_dataset_has_a_size_of_its_own(measured):
    trials = pd.read_csv(measured)
    other = trials.assign(dataset="nottingham", valid_nll=trials["valid_nll"] - 0.2 * (trials["batch_size"] == 8))
    pd.concat([trials, other]).to_csv(measured, index=False)
    found = batch_sizes_table(STUDY, *RANGE, measured)
    assert found[found["taken"]].set_index("dataset")["batch_size"].to_dict() == {"jsb_chorales": 2, "nottingham": 8}


def test_a_file_of_another_kind_is_refused(measured):
    pd.read_csv(measured).drop(columns="chosen").to_csv(measured, index=False)
    with pytest.raises(InputError, match="batch_sizes.csv: expected dataset,.* it lacks chosen"):
        table(measured)


def test_the_page_tells_the_rule_and_what_the_study_trains_with(measured):
    sizes = batch_sizes_table(STUDY, *RANGE, measured)
    shown = content(sizes, pd.DataFrame({"dataset": ["jsb_chorales"], "batch_size": [8]}))
    taken = "On jsb_chorales the rule takes 2, 0.010 nats behind the best, 1"
    assert shown["verdicts"] == [f"{taken}; the study trains with another, 8."]
    assert (shown["margin"], shown["candidates"], shown["cell"]) == ("0.02", "3", "GRU")
    assert "| jsb_chorales | GRU | 2 (taken) | 8.410 | +0.010 | 5.0e−04 | inside | 30 | 60 | 3,435 |" in shown["table"]
    same = content(sizes, pd.DataFrame({"dataset": ["jsb_chorales"], "batch_size": [2]}))
    assert same["verdicts"] == [f"{taken}; the study trains with this size."]
    other = content(sizes, pd.DataFrame({"dataset": ["my_music"], "batch_size": [2]}))
    assert other["verdicts"] == [f"{taken}."]


def test_without_the_study_there_is_nothing_to_show(tmp_path):
    found = batch_sizes_table(STUDY, *RANGE, tmp_path / MEASURED)
    assert found.empty and content(found, pd.DataFrame({"dataset": [], "batch_size": []})) is None
