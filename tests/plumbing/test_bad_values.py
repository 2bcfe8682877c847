"""A table of bad values at every key of params.yaml, of the settings and of data/sources.yaml, as they are read.

Each is taken for what it says, which `MEANT` lists, or refused in one line that names file and key.
"""

import copy
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages import quick
from stages.corpora import readers, sources
from stages.findings.inference.evidence import Rules
from stages.findings.inference.questions import Questions
from stages.findings.records import design
from stages.findings.tables import robustness
from stages.listening import settings as listening
from stages.plumbing import parameters
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import PARAMS, Name, read, section
from stages.protocol import arms
from stages.reach import settings as reach
from stages.recurrent.matching import Matching
from stages.scoring import leakage
from stages.train import output_settings

ROOT = Path(__file__).parents[2]
TABLE = f"""
list: [1, [2, 3]]
mapping: {{a: {{b: 1}}}}
date: 2020-01-31
nothing: null
infinity: .inf
no number: .nan
minus one: -1
zero: 0
long: {"x" * 5000}
lines: "a\\n<script>alert('b')</script>\\r\\n"
deep: {"[" * 60}{"]" * 60}
aliases: [&a [1, 2], *a, *a]
"""
BAD = YAML(typ="safe", pure=True).load(TABLE)
MEANT = {  # key -> what of the table says something there
    "datasets.*.expected.*.*": "nothing",  # is not asserted
    "datasets.bach_chorales.sequences.width": "nothing",  # the highest pitch
    "datasets.nottingham_midi.sequences.width": "nothing",
    "datasets.*.sequences.fractions": "nothing",
    "datasets.*.sequences.takes": "nothing",
    "datasets.*.sequences.takes.*.*": "zero",
    "datasets.*.sequences.drawn": "nothing",  # all
    "datasets.*.training.halving": "nothing",
    "*seed": "zero",
    "matching.tolerance": "zero",
    "*train.rate.log_uniform.1": "minus one, zero",  # of a natural logarithm
    "*train.weight_noise": "zero",
    "*train.weight_noise.one_of.*": "zero",
    "*train.dropout": "zero",
    "*train.dropout.one_of.*": "zero",
    "*train.optimiser.decay": "zero",
    "*train.optimiser.momentum": "zero",
    "*train.optimiser.beta*": "zero",
    "*train.schedule.share": "zero",
    "*train.schedule.warm_up": "zero",
    "*train.step_norm": "nothing",
    "train.initial_range": "zero",
    "train.length_jitter": "zero",
    "arms.*.matching": "nothing",  # the paper's
    "claims.level_slack": "zero",
    "sources.*.licence": "long, lines",  # words of others, read by nobody here
    "sources.*.citation": "long, lines",
    "sources.*.keep.*": "long, lines",  # a pattern that no name fits
}

Key = tuple[str | int, ...]


def readings(path: Path, key: Key, names: Any) -> Iterator[Callable]:
    """What reads the part of a file that `key` is in; `names` are those of all parts, for a key that holds them."""
    top, name = str(key[0]), key[1] if len(key) > 1 else None
    if path == sources.SOURCES:
        for source in [name] if name else names:
            yield partial(sources.find, source, path)
    elif path == PARAMS and top == "datasets":
        yield design.read_designs
        for dataset in [name] if name else names:
            yield partial(section, f"datasets.{dataset}.source", Name)
            yield partial(_options, f"datasets.{dataset}.sequences")
            yield partial(arms.load, "paper", dataset)
    elif path == PARAMS and top == "arms":
        yield design.read_designs
        for arm in [name] if name else names:
            for dataset in parameters.load(PARAMS)["datasets"]:
                yield partial(arms.load, arm, dataset)
    else:
        yield from READINGS[path, top]


def _options(key: str) -> None:
    readers.chosen(read(key), f"{PARAMS}: {key}")


READINGS = {
    (PARAMS, "cells"): [design.read_designs],
    (PARAMS, "matching"): [lambda: arms.load("paper", "nottingham"), lambda: section("matching", Matching)],
    (PARAMS, "outputs"): [lambda: output_settings("bernoulli"), lambda: output_settings("gaussian_mixture")],
    (PARAMS, "train"): [lambda: arms.load("paper", "nottingham"), lambda: design.read_protocol(["nottingham"])],
    (PARAMS, "claims"): [lambda: section("claims", Rules)],
    (PARAMS, "questions"): [lambda: section("questions", Questions)],
    (design.SETTINGS, "compare"): [lambda: section("compare", design.Comparison, design.SETTINGS)],
    (listening.SETTINGS, "sample"): [lambda: section("sample", listening.Sampling, listening.SETTINGS)],
    (reach.SETTINGS, "memory"): [lambda: section("memory", reach.Settings, reach.SETTINGS)],
    (leakage.SETTINGS, "leakage"): [
        lambda: section("leakage", leakage.Rule, leakage.SETTINGS),
        lambda: section("leakage", robustness.Leakage, leakage.SETTINGS),
    ],
}
FILES = [PARAMS, sources.SOURCES, design.SETTINGS, listening.SETTINGS, reach.SETTINGS, leakage.SETTINGS]


def keys(tree: Any, above: Key = ()) -> Iterator[Key]:
    """Every place of a tree: its mappings, lists and values."""
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield (*above, key)
            yield from keys(value, (*above, key))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_bad_value_is_meant_or_refused_in_one_line_that_names_file_and_key(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    trees = {file: copy.deepcopy(parameters.load(file)) for file in FILES}
    monkeypatch.setattr(parameters, "load", lambda path=PARAMS: trees[path])
    for key in list(keys(trees[path])):
        place, taken, expected = ".".join(map(str, key)), set(), set()
        for pattern, values in MEANT.items():
            expected |= set(values.split(", ")) if fnmatchcase(place, pattern) else set()
        for what, value in BAD.items():
            with replaced(trees[path], key, value) as before:
                if value == before:
                    expected.discard(what)
                    continue
                told = [refusal(read) for read in readings(path, key, before if len(key) == 1 else {})]
            for line in filter(None, told):
                assert named(path, key, line), f"{place}, {what}: {line}"
            if not any(told):
                taken.add(what)
        assert taken == expected, place


@contextmanager
def replaced(tree: Any, key: Key, value: Any) -> Iterator[Any]:
    """A tree with another value in a place; gives the one that was there."""
    for part in key[:-1]:
        tree = tree[part]
    before, tree[key[-1]] = tree[key[-1]], value
    yield before
    tree[key[-1]] = before


def refusal(read: Callable) -> str:
    """The line of the error; empty if there is none. Another exception than an `InputError` is the test's failure."""
    try:
        read()
    except InputError as error:
        return str(error)
    return ""


def named(path: Path, key: Key, line: str) -> bool:
    """Whether a line is one, short, and names the file and the words of the key in their order."""
    words = ".*".join(re.escape(part) for part in key if isinstance(part, str))
    return line.isprintable() and len(line) < 500 and bool(re.match(f"{path}: .*{words}", line))


@pytest.mark.parametrize(
    ("path", "key", "what"),
    [
        (PARAMS, ("datasets",), "nothing"),
        (PARAMS, ("datasets", "bach_chorales", "training"), "list"),
        (PARAMS, ("datasets", "bach_chorales", "source"), "lines"),
        (PARAMS, ("arms", "total"), "deep"),
        (PARAMS, ("claims",), "date"),
        (sources.SOURCES, ("sources",), "list"),
        (sources.SOURCES, ("sources", "bach_chorales"), "long"),
        (design.SETTINGS, ("compare", "resamples"), "infinity"),
    ],
)
def test_quick_reads_all_before_it_writes(tmp_path, monkeypatch, path, key, what):
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    tree = YAML(typ="safe", pure=True).load(tmp_path / path)
    with replaced(tree, key, BAD[what]):
        YAML(typ="safe", pure=True).dump(tree, tmp_path / path)
    monkeypatch.chdir(tmp_path)
    assert named(path, key, refusal(lambda: quick.lay_out(["bach_chorales"])))
    assert not Path("quick").exists()
