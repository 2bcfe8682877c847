"""Parameters are checked and named in errors; a user's error is one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Section, checked, read, section


class Budget(Section):
    candidates: int
    rate: float


@pytest.fixture
def params(tmp_path: Path):
    """Writes a params.yaml and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "params.yaml"
        path.write_text(text)
        return path

    return write


def test_a_value_is_found_under_its_dotted_key(params):
    path = params("datasets: {jsb: {training: {candidates: 3}}}")
    assert read("datasets.jsb.training", path) == {"candidates": 3}


def test_a_section_takes_an_integer_for_a_float_and_yaml_1_2_numbers(params):
    budget = section("training", Budget, params("training: {candidates: 3, rate: 1e-3}"))
    assert (budget.candidates, budget.rate) == (3, 0.001)
    assert section("training", Budget, params("training: {candidates: 3, rate: 1}")).rate == 1.0


def test_a_missing_key_is_named_with_the_keys_there_are(params):
    path = params("datasets: {jsb: {source: a}, nottingham: {source: b}}")
    with pytest.raises(InputError, match=r"no key 'muse' under datasets; known there: jsb, nottingham"):
        read("datasets.muse.source", path)


def test_a_key_under_a_scalar_is_missing(params):
    with pytest.raises(InputError, match="no key 'b' under a; known there: no keys"):
        read("a.b", params("a: 1"))


@pytest.mark.parametrize(
    ("training", "place", "found"),
    [
        ("{candidates: ten, rate: 0.1}", "training.candidates", "'ten'"),
        ("{candidates: 2.5, rate: 0.1}", "training.candidates", "2.5"),
        ("{candidates: true, rate: 0.1}", "training.candidates", "True"),
        ("{candidates: 3, rate: '0.1'}", "training.rate", "'0.1'"),
        ("{candidates: 3, rate: 0.1, speed: 2}", "training.speed", "2"),
        ("{candidates: 3}", "training.rate", "3"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_found(params, training, place, found):
    with pytest.raises(InputError) as error:
        section("training", Budget, params(f"training: {training}"))
    message = str(error.value)
    assert f"{place}: " in message and found in message and "\n" not in message


def test_checked_values_cannot_be_changed():
    budget = checked({"candidates": 3, "rate": 0.1}, Budget, "here")
    with pytest.raises(ValueError, match="frozen"):
        budget.candidates = 4


@pytest.mark.parametrize(("text", "message"), [("a: [1", "not valid YAML"), ("- a\n- b", "expected a mapping")])
def test_a_file_that_is_no_mapping_is_refused_in_one_line(params, text, message):
    with pytest.raises(InputError, match=message) as error:
        read("a", params(text))
    assert "\n" not in str(error.value)


def test_a_missing_file_says_where_to_run(tmp_path):
    with pytest.raises(InputError, match="run the stages from the folder that holds dvc.yaml"):
        read("a", tmp_path / "params.yaml")


def test_a_command_ends_with_one_line_and_status_1():
    code = (
        "from stages.plumbing.errors import InputError, run\n"
        "def main(): raise InputError('params.yaml: train.seed: expected an integer')\n"
        "run(main)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: params.yaml: train.seed: expected an integer\n"
