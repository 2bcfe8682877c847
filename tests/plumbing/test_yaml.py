"""params.yaml and sources.yaml with whatever a file may hold: a value, or one line that names file and key."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stages.corpora import readers, sources
from stages.plumbing import parameters
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import checked, load, read
from stages.protocol import arms
from stages.protocol.protocol import Protocol

ROOT = Path(__file__).parents[2]
PROTOCOL = read("train", ROOT / "params.yaml")
BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a: 2020-99-99", "not valid YAML: .*month"),
        (b"a: [1, 2", "not valid YAML"),
        (b"? [a, b]\n: 1", "expected a mapping|not valid YAML|no key"),
        (b"\xff\xfe", "not valid YAML: .*decode"),
        (b"a: " + b"[" * 5000, "expected lists and mappings a few levels deep|not valid YAML"),
        (BOMB.encode(), "expected at most 100000 values, found more"),
        (b"a: 1\n" * 400_000, "expected at most 1048576 bytes, found more"),
        (b"- a", "expected a mapping at the top, found list"),
        (b"a: 1\na: 2", "not valid YAML: .*duplicate"),
    ],
)
def test_files_that_are_no_parameters_are_refused_in_one_line(tmp_path, text, expected):
    (tmp_path / "p.yaml").write_bytes(text)
    with pytest.raises(InputError, match=f"p.yaml: (?:{expected})") as error:
        read("nothing", tmp_path / "p.yaml")
    assert str(error.value).isprintable() and len(str(error.value)) < 500


def test_a_folder_in_the_files_place(tmp_path):
    with pytest.raises(InputError, match="cannot be read .Is a directory"):
        load(tmp_path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=200) | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)
PLACES = ["seed", "rate", "weight_noise", "dropout", "optimiser", "schedule", "gradient_norm", "patience"]


@settings(max_examples=150, deadline=None)
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_any_value_at_any_key_of_the_protocol_is_taken_or_named(place, value):
    try:
        checked({**PROTOCOL, place: value}, Protocol, "params.yaml: train")
    except InputError as error:
        assert (
            str(error).isprintable() and len(str(error)) < 500 and str(error).startswith(f"params.yaml: train.{place}")
        )


@settings(max_examples=60, deadline=None)
@given(key=st.sampled_from(["train", "datasets.jsb_chorales.training", "arms.paper"]), value=VALUES)
def test_any_value_in_a_sections_place_is_taken_or_named(key, value):
    def changed(asked, path=Path("params.yaml")):
        content = read(asked, ROOT / "params.yaml")
        return value if asked == key else content

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameters, "read", changed)
        try:
            arms.load("paper", "jsb_chorales")
        except InputError as error:
            assert str(error).isprintable() and len(str(error)) < 500 and f"params.yaml: {key}" in str(error)


@settings(max_examples=150, deadline=None)
@given(reader=VALUES)
def test_any_reader_is_taken_or_named(reader):
    with pytest.raises(InputError, match="sequences.reader: expected one of") as error:
        readers.read(ROOT, {"reader": reader}, "sequences")
    assert str(error.value).isprintable() and len(str(error.value)) < 300


@settings(max_examples=60, deadline=None)
@given(entry=VALUES, kind=st.sampled_from(["file", "archive", "package", "path", None]))
def test_any_source_is_taken_or_named(tmp_path_factory, entry, kind):
    path = tmp_path_factory.mktemp("s") / "sources.yaml"
    with path.open("w") as file:
        YAML(typ="safe").dump({"sources": {"mine": entry if kind is None else {"kind": kind, "path": entry}}}, file)
    try:
        sources.find("mine", path)
    except InputError as error:
        assert str(error).isprintable() and "sources.yaml" in str(error) and len(str(error)) < 500


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_number_is_a_finite_one(tmp_path, monkeypatch, value):
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["train"]["weight_noise"] = value
    yaml.dump(params, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="params.yaml: train.weight_noise"):
        arms.load("paper", "jsb_chorales")
