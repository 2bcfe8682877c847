"""From a cell's file to a verdict beside the study, and the reader's numbers beside the study's."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pipeline_study import lay_out

from stages import cells, try_cell
from stages.corpora.split import Split
from stages.own_runs import beside
from stages.plumbing.errors import InputError

ROOT = Path(__file__).parent.parent
RUNS = {"tanh": [9.0, 9.2], "gru": [8.0, 8.1, 8.2]}


def write_tables(folder: Path, dataset: str = "airs", runs: dict[str, list[float]] = RUNS) -> None:
    """What the study has of a dataset: results, summary and bands."""
    folder.mkdir(parents=True)
    results = [
        {"dataset": dataset, "cell": cell, "repeat": n, "test_nll": nll}
        for cell, nlls in runs.items()
        for n, nll in enumerate(nlls)
    ]
    summary = [
        {"dataset": dataset, "cell": cell, "split": split, "averaging": "pooled"}
        | {"nll_mean": sum(nlls) / len(nlls), "nll_low": min(nlls), "nll_high": max(nlls)}
        for cell, nlls in runs.items()
        for split in ("valid", "test")
    ]
    bands = [
        {"dataset": dataset, "cell": cell, "epoch": epoch}
        | {"valid_low": 9.0 / epoch, "valid_median": 9.5 / epoch, "valid_high": 10 / epoch}
        for cell in runs
        for epoch in range(1, 6)
    ]
    for name, rows in {"results": results, "summary": summary, "bands": bands}.items():
        pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)


@pytest.fixture
def units(tmp_path):
    write_tables(tmp_path / "tables")
    return beside.committed("airs", tmp_path / "tables")


def test_a_cells_file_leads_to_a_verdict(tmp_path):
    study = lay_out(tmp_path / "study")
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    (study.folder / "stages/cells/mgu.py").write_text(code)
    write_tables(study.folder / "reports/tables")
    study.commit()
    printed = study.call("python", "-m", "stages.try_cell", "mgu", "--dataset", "airs")
    assert "mgu: " in printed and " units for a budget of 20,100 parameters" in printed
    assert re.search(r"^(fast path: compiled|plain torch, which is slower: .+)$", printed, re.MULTILINE)
    assert re.search(
        r"^mgu \d+\.\d\d; GRU 8\.10 \[8\.00,\s8\.20\], tanh 9\.10 \[9\.00,\s9\.20\]$", printed, re.MULTILINE
    )
    assert "with one run, nothing below " in printed and "So far mgu is worse than GRU and tanh." in printed
    assert (study.folder / "try/airs-mgu.svg").exists()
    again = study.call("python", "-m", "stages.try_cell", "mgu", "--dataset", "airs", "--repeats", "2")
    assert "1 of 2 repeats are there" in again and "over 2 of 2 runs" in again
    assert again.splitlines()[-1].endswith("make try CELL=mgu REPEATS=4 DATASET=airs")
    assert study.call("git", "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gruu"], "no cell 'gruu'; there are .*gru"),
        (["half"], "cell 'half' .*half.py.* lacks step"),
        (["broken"], r"cell broken: SyntaxError: .*\(broken.py, line 1\)"),
        (["gru", "--repeats", "0"], "--repeats: expected 1 or more, found 0"),
        (["gru", "--dataset", "hymns"], "no key 'hymns' under datasets; known there: "),
    ],
)
def test_what_cannot_be_tried_is_said_in_one_line(arguments, message, tmp_path, monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)  # params.yaml
    (tmp_path / "half.py").write_text("STATES = 1\n\n\ndef parameters(inputs, units):\n    return {}\n")
    (tmp_path / "broken.py").write_text("def step(:\n")
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    monkeypatch.setattr(sys, "argv", ["try_cell", *arguments])
    with pytest.raises(InputError, match=message) as caught:
        try_cell.main()
    assert "\n" not in str(caught.value)


WRONG = """from stages.recurrent.parameters import Parameter

STATES = 1


def parameters(inputs, units):
    return {"W": Parameter((inputs, units), "input"), "U": Parameter((units, units), "recurrent")}


def step(weights, x, state):
    return """


@pytest.mark.parametrize(
    ("number", "step", "message"),
    [
        (1, '(x @ weights["U"],)', r"cell wrong1 \(line 11\): RuntimeError: mat1 and mat2 shapes"),
        (2, "state + state", r"cell wrong2: step: expected 1 states of shape \(2, \d+\), found \(2, \d+\), "),
        (3, "(h,)", r"cell wrong3 \(line 11\): NameError: name 'h' is not defined"),
    ],
)
def test_a_step_that_fails_is_told_before_training(number, step, message, tmp_path, monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)  # params.yaml
    (tmp_path / f"wrong{number}.py").write_text(f"{WRONG}{step}\n")
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    frames = np.zeros((4, 8), np.uint8)
    with pytest.raises(InputError, match=message):
        try_cell.build(f"wrong{number}", Split(frames, frames, np.array([4]), np.array(["a"]), "bernoulli"))


def test_a_parameter_of_no_known_kind_is_told_before_training(tmp_path, monkeypatch, request):
    """An unknown role would be left at zero and without noise."""
    monkeypatch.chdir(request.config.rootpath)  # params.yaml
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    frames = np.zeros((4, 8), np.uint8)
    split = Split(frames, frames, np.array([4]), np.array(["a"]), "bernoulli")
    for name, code, message in (
        ("misspelt", WRONG.replace('"recurrent"', '"reccurent"'), "role: expected one of input, .*found 'reccurent'"),
        ("oblong", WRONG.replace("(units, units)", "(units, 3)"), r"recurrent matrix: expected \(units, k × units\)"),
    ):
        (tmp_path / f"{name}.py").write_text(f"{code}(x,)\n")
        with pytest.raises(InputError, match=message):
            try_cell.build(name, split)


@pytest.mark.parametrize(
    ("name", "step", "message"),
    [
        (
            "inplace",
            "new = torch.tanh(x @ weights['W'] + state[0] @ weights['U'])\n    new *= 0.9\n    return (new,)",
            "inplace",
        ),
        ("random", "return (torch.rand_like(state[0]) * state[0] + x @ weights['W'],)", "random"),
    ],
)
def test_a_cell_that_has_no_gradient_is_told_before_training(name, step, message, tmp_path, monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)  # params.yaml
    code = WRONG[: WRONG.rindex("return ")]
    (tmp_path / f"{name}.py").write_text(f"import torch\n\n{code}{step}\n")
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    frames = np.zeros((4, 8), np.uint8)
    with pytest.raises(InputError, match=rf"cell {name}.*{message}") as told:
        try_cell.build(name, Split(frames, frames, np.array([4]), np.array(["a"]), "bernoulli"))
    assert "\n" not in str(told.value)


def test_a_unit_that_diverged_is_not_taken_for_one_with_a_number(tmp_path):
    nan = float("nan")
    write_tables(tmp_path / "tables", runs={"lstm": [2.8, 2.9], "tanh": [nan, nan], "gru": [2.6, nan]})
    summary = pd.read_csv(tmp_path / "tables/summary.csv")
    summary.loc[summary["cell"] == "gru", "nll_mean"] = 2.6
    summary.to_csv(tmp_path / "tables/summary.csv", index=False)
    found = beside.committed("airs", tmp_path / "tables")
    assert [(unit.cell, len(unit.runs)) for unit in found] == [("gru", 1), ("lstm", 2), ("tanh", 0)]
    assert str(found[-1]) == "tanh diverged" and beside.spread(found) == pytest.approx(0.1 / 2**0.5)
    assert beside.verdict("mgu", [2.7], found)[1:] == [
        "Runs of one unit differ by 0.07 nats (standard deviation of the study's own): with one run, nothing below "
        "0.20 nats means anything.",
        "So far mgu is not to be told from GRU and LSTM.",
    ]


def test_the_threshold_is_of_the_spread_between_runs(units):
    assert [unit.cell for unit in units] == ["gru", "tanh"]  # the best first
    assert beside.spread(units) == pytest.approx(((2 * 0.01 + 1 * 0.02) / 3) ** 0.5)
    assert beside.threshold(units, 1) == pytest.approx(2 * beside.spread(units) * (1 + 1 / 2) ** 0.5)
    assert beside.threshold(units, 3) < beside.threshold(units, 1)
    assert beside.meaning(units, 1).endswith("with one run, nothing below 0.28 nats means anything.")


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ([7.5], "So far mgu is better than GRU and tanh."),
        ([8.2], "So far mgu is better than tanh; not to be told from GRU."),
        ([8.6], "So far mgu is better than tanh; worse than GRU."),
    ],
)
def test_a_unit_is_better_worse_or_not_to_be_told_apart(units, own, told):
    assert beside.verdict("mgu", own, units)[-1] == told


def test_where_the_spread_is_not_known_no_verdict(tmp_path):
    write_tables(tmp_path / "tables", runs={"gru": [8.0]})
    single = beside.committed("airs", tmp_path / "tables")
    assert beside.verdict("mgu", [7.0], single)[1:] == [beside.meaning(single, 1)]
    assert beside.meaning(single, 1).endswith("no gap is sure.")
    assert beside.verdict("mgu", [7.0], []) == ["mgu 7.00", "The study has no runs of this dataset to set beside it."]
    assert "every candidate diverged" in beside.verdict("mgu", [], single)[0]


def test_fewer_epochs_cost_what_the_curves_say():
    curves = pd.DataFrame({"repeat": [0, 0, 0, 1, 1], "epoch": [1, 2, 3, 1, 3], "valid_nll": [9.0, 8.5, 8.0, 9.0, 8.5]})
    assert beside.cost(curves, 2) == pytest.approx((0.5 + 0.5) / 2)
    assert beside.cost(curves, 3) == 0


def test_the_picture_shows_the_units_and_the_cell(tmp_path):
    write_tables(tmp_path / "tables")
    curves = pd.DataFrame({"repeat": 0, "epoch": range(1, 5), "valid_nll": [9.0, 4.0, 3.0, 2.0]})
    figure = beside.pictured({"mgu": curves}, "airs", tmp_path / "tables")
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told[:3] == ["tanh", "GRU", "mgu"] and len(told) == 5
    again = beside.pictured({"gru": curves}, "airs", tmp_path / "tables")
    assert len(again.axes[0].lines) == 4  # two of the study, its own unit among them; the reader's, and its best epoch
