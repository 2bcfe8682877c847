"""The quick study: one dataset in a folder of its own, in a checkout where nothing has run yet."""

from pipeline_study import lay_out


def test_quick_runs_one_dataset_and_leaves_the_study_alone(tmp_path):
    study = lay_out(tmp_path / "study")
    study.edit_yaml("params.yaml", lambda params: params.update(cells=["gru"]))
    study.commit()
    printed = study.call("python", "-m", "stages.quick", "airs")
    assert "train@airs-gru" in printed and "jigs" not in printed and "quick/reports" in printed
    assert (study.folder / "quick/reports/index.html").exists()
    assert study.call("git", "status", "--porcelain") == ""
