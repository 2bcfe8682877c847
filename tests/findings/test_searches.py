"""The study of batch sizes: which size its rule takes, and what is said of learning rates at the edge."""

import pandas as pd
import pytest
from findings_study import Planted, write_batch_sizes, write_study
from ruamel.yaml import YAML

from stages.compare import compare
from stages.findings.records.design import SETTINGS
from stages.findings.tables.searches import MEASURED
from stages.plumbing.errors import InputError


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(write_study(tmp_path, {"jsb_chorales": Planted({"gru": [8.5]})}, resamples=99))
    write_batch_sizes(tmp_path)
    return tmp_path


def sizes(study, **settings) -> pd.DataFrame:
    content = YAML().load(study / SETTINGS)
    content["batch_sizes"] |= settings
    YAML().dump(content, study / SETTINGS)
    return compare()["batch_sizes"].set_index("batch_size")


def test_the_largest_size_within_the_margin_is_taken(study):
    found = sizes(study)
    assert found["behind"].tolist() == pytest.approx([0.0, 0.01, 0.04, 0.15])
    assert found.index[found["taken"]].tolist() == [2] and set(found["candidates"]) == {3}
    wider = sizes(study, margin=0.05)
    assert wider.index[wider["taken"]].tolist() == [4]


def test_a_rate_at_the_edge_is_the_last_candidate_or_near_the_end_of_the_range(study):
    """Of size 4 the last candidate is chosen; of size 8 one in the outer tenth, which has another beyond it."""
    assert sizes(study)["edge"].tolist() == ["inside", "inside", "top", "top"]
    assert sizes(study, edge=0.01)["edge"].tolist() == ["inside", "inside", "top", "inside"]


def test_each_dataset_has_a_size_of_its_own(study):
    trials = pd.read_csv(MEASURED)
    other = trials.assign(dataset="nottingham", valid_nll=trials["valid_nll"] - 0.2 * (trials["batch_size"] == 8))
    pd.concat([trials, other]).to_csv(MEASURED, index=False)
    found = compare()["batch_sizes"]
    assert found[found["taken"]].set_index("dataset")["batch_size"].to_dict() == {"jsb_chorales": 2, "nottingham": 8}


def test_a_file_of_another_kind_is_refused_and_none_is_no_error(study):
    pd.read_csv(MEASURED).drop(columns="chosen").to_csv(MEASURED, index=False)
    with pytest.raises(InputError, match="batch_sizes.csv: expected dataset,.* it lacks chosen"):
        compare()
    MEASURED.unlink()
    assert compare()["batch_sizes"].empty
