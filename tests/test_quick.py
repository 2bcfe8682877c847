"""The quick study: one dataset in a folder of its own, in a checkout where nothing has run yet."""

import re

from pipeline_study import lay_out


def test_quick_runs_one_dataset_and_leaves_the_study_alone(tmp_path):
    study = lay_out(tmp_path / "study")
    study.edit_yaml("params.yaml", lambda params: params.update(cells=["gru"]))
    study.commit()
    printed = study.call("python", "-m", "stages.quick", "airs")
    assert "train@airs-gru" in printed and "jigs" not in printed and "quick/reports" in printed
    assert re.search(r"^== 1 of \d+: download@airs, about \d+:\d\d left in all$", printed, re.MULTILINE)
    assert "yours: 1 run, 2 epochs" in printed and "The study has no runs of this dataset" in printed
    assert "Updating lock file" not in printed and "epoch 1 of 2" not in printed
    assert (study.folder / "quick/reports/index.html").exists()
    assert study.call("git", "status", "--porcelain") == ""
