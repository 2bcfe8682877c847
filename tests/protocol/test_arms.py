"""The arms of params.yaml: each states its differences, and what it does not state is the paper's."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.plumbing.errors import InputError
from stages.plumbing.parameters import load
from stages.protocol import arms

ROOT = Path(__file__).parents[2]
ARMS = list(load(ROOT / "params.yaml")["arms"])


@pytest.fixture
def params(tmp_path, monkeypatch):
    """The project's parameters in a folder of their own. Returns a function that changes them in place."""
    monkeypatch.chdir(tmp_path)

    def write(change=lambda params: None):
        params = YAML().load(ROOT / "params.yaml")
        change(params)
        YAML().dump(params, tmp_path / "params.yaml")

    write()
    return write


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_differs_from_the_paper_in_what_it_states_alone(params, arm):
    stated = load()["arms"][arm]
    paper, own = arms.load("paper", "musedata"), arms.load(arm, "musedata")
    for differing, before, after in (("train", paper.protocol, own.protocol), ("training", paper.budget, own.budget)):
        before, after = before.model_dump(), after.model_dump()
        changed = {key for key in before if before[key] != after[key]}
        assert changed <= {*stated.get(differing, {}), *stated.get("datasets", {}).get("musedata", {})}
    assert own.matching == stated.get("matching", paper.matching)


def test_a_dataset_of_an_arm_has_the_last_word(params):
    params(lambda params: params["arms"]["authors"].update(datasets={"piano_midi": {"repeats": 2, "halving": None}}))
    budget = arms.load("authors", "piano_midi").budget
    assert (budget.repeats, budget.candidates, budget.batch_size) == (2, 1, 1)
    assert arms.load("authors", "musedata").budget.repeats == 5


def test_nested_differences_replace_the_whole(params):
    assert arms.load("practice", "musedata").protocol.optimiser.name == "adam"  # rmsprop's floor would be refused


@pytest.mark.parametrize(
    ("arm", "change", "message"),
    [
        ("papers", {}, "params.yaml: no key 'papers' under arms; known there: paper, total"),
        ("total", {"tran": {}}, "params.yaml: arms.total.tran: .*not permitted"),
        ("authors", {"train": {"pace": 3}}, "params.yaml: arms.authors.train.pace: .*not permitted; found 3"),
        ("total", {"training": {"repeats": 0}}, "arms.total.training.repeats: .*found 0"),
        ("total", {"train": []}, "arms.total.train: .*found"),
    ],
)
def test_errors_name_the_arm_and_the_key(params, arm, change, message):
    params(lambda params: params["arms"].get(arm, {}).update(change))
    with pytest.raises(InputError, match=message):
        arms.load(arm, "musedata")


@pytest.mark.parametrize(
    "stated", [{"train": {"weight_noise": 0.0}}, {"training": {"repeats": 2}}, {"matching": "total"}]
)
def test_the_paper_states_no_difference_from_itself(params, stated):
    params(lambda params: params["arms"].update(paper=stated))
    with pytest.raises(InputError, match=r"params.yaml: arms.paper: expected \{\}, as it is what others differ from"):
        arms.load("paper", "jsb_chorales")
