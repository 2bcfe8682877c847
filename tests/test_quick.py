"""The quick study: one dataset in a folder of its own, in a checkout where nothing has run yet; and its page."""

import re
from pathlib import Path

import pandas as pd
import pytest
from pipeline_study import lay_out

from stages.own_runs import beside, report

ROOT = Path(__file__).parent.parent
CHORALES = "bach_chorales"
LEFT_OUT = "left out, 16 files: 5 parts instead of 4"


def test_quick_runs_one_dataset_and_leaves_the_study_alone(tmp_path):
    study = lay_out(tmp_path / "study")
    study.edit_yaml("params.yaml", lambda params: params.update(cells=["gru"]))
    study.commit()
    printed = study.call("python", "-m", "stages.quick", "airs")
    assert "train@airs" in printed and "jigs" not in printed and "quick/report.html" in printed
    assert re.search(r"^== 1 of \d+: download@airs, about \d+:\d\d left in all$", printed, re.MULTILINE)
    assert "yours: 1 run, 2 epochs" in printed and "The study has no runs of this dataset" in printed
    assert "Updating lock file" not in printed and "epoch 1 of 2" not in printed
    page = (study.folder / "quick/report.html").read_text()
    assert "airs" in page and "jigs" not in page and "The study has no runs of this dataset" in page
    assert "data-notes" in page and not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert study.call("git", "status", "--porcelain") == ""


@pytest.fixture
def found(tmp_path) -> report.Own:
    """A run worse than the study's by 0.1, but for the LSTM, whose every net diverged."""
    units = beside.committed(CHORALES, ROOT / beside.TABLES)
    for name in ("results", "summary", "baselines", "differences", "bands"):
        table = beside.read(name, ROOT / beside.TABLES)
        table = table[table["dataset"] == CHORALES]
        if name == "results":
            table = table[(table["repeat"] == 0) & (table["cell"] != "lstm")]
            table["test_nll"] = table["cell"].map({unit.cell: unit.mean + 0.1 for unit in units})
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    counts = {
        "splits": {split: {"sequences": 1200 + number} for number, split in enumerate(("train", "valid", "test"))}
    }
    return report.Own(CHORALES, tmp_path, 100, 500, units, {"gru": 0.3}, Path("counts.json"), counts, [LEFT_OUT])


def test_the_page_sets_the_readers_numbers_beside_the_studys(found, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    report.write(tmp_path / "report.html", tmp_path, [found], "3:20")
    page = (tmp_path / "report.html").read_text()
    assert "GRU (8.77) has the lowest error, before tanh (8.92)" in page and "The study has the same order." in page
    assert re.search(r"LSTM</th>\s*<td>diverged</td>", page) and "8.76 [8.75" in page
    assert "+0.10" in page and f"<li>{LEFT_OUT}</li>" in page and "1,200 for training" in page
    assert "after 100 epochs the study's own runs had a validation NLL 0.30 (GRU) above their best" in page
    assert page.count("<svg") == 2 and "MuseData" not in page and "claims" not in page.partition("<body>")[2]


def test_a_gap_within_chance_is_told_from_one_beyond(found, tmp_path):
    limit = beside.threshold(found.units, 1)
    gru = next(unit for unit in found.units if unit.cell == "gru")
    for gap, chance in ((0.9 * limit, "yes"), (1.1 * limit, "no")):
        results = pd.read_csv(tmp_path / "results.csv")
        results.loc[results["cell"] == "gru", "test_nll"] = gru.mean + gap
        results.to_csv(tmp_path / "results.csv", index=False)
        assert re.search(rf"\| GRU \|.*\| {chance} \|", found.rows)


def test_nets_behind_a_predictor_without_one_are_named(found, tmp_path):
    assert "not learned enough" not in " ".join(found.sentences)
    results = pd.read_csv(tmp_path / "results.csv")
    results.loc[results["cell"] == "tanh", "test_nll"] = 20.0
    results.to_csv(tmp_path / "results.csv", index=False)
    assert found.sentences[1].startswith("tanh has not learned enough to be compared: copy-previous, ")


def test_everything_diverged_is_said(found, tmp_path):
    for name in ("results", "bands"):
        pd.read_csv(tmp_path / f"{name}.csv").head(0).to_csv(tmp_path / f"{name}.csv", index=False)
    assert found.sentences[0] == "**Every net diverged: there is no result.**"
    assert found.rows.count("diverged") == 3 and not found.draw(tmp_path)
