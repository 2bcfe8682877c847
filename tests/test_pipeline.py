"""What runs again when something changes, tried on a throw-away copy of the pipeline: what must, and nothing else."""

import csv
import io
import re
import shutil

import pytest
from pipeline_study import ROOT, Study, entry, lay_out

DATASETS = ["airs", "jigs"]
CELLS = ["tanh", "gru"]


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Study:
    """The study, run once and committed. Not to be changed: a test that changes something takes `study`."""
    study = lay_out(tmp_path_factory.mktemp("pipeline") / "built")
    study.repro()
    study.commit()
    return study


@pytest.fixture
def study(built, tmp_path) -> Study:
    """A copy of the built study for one test."""
    return built.copy(tmp_path / "study")


def test_the_first_run_leaves_every_result(built):
    for dataset in DATASETS:
        for cell in CELLS:
            folder = built.folder / "models" / dataset / cell
            names = "weights.safetensors trials.csv curves.csv.gz run.json evaluation.csv pieces.csv".split()
            names += "gradients.csv memory.csv gates.csv".split()
            assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert (built.folder / "reports/index.html").stat().st_size > 0
    assert built.call("git", "status", "--porcelain", "models", "reports") == "", "results are committed"
    assert "data/prepared/airs/train.npz" not in built.call("git", "ls-files"), "data are not"


def test_a_second_run_runs_nothing(built):
    assert built.repro() == []


def test_a_cells_edit_reruns_its_trainings_and_what_follows(study):
    with (study.folder / "stages/cells/gru.py").open("a") as file:
        file.write("# edited\n")
    assert sorted(study.repro("--dry", "train")) == [f"train@{dataset}-gru" for dataset in DATASETS]
    study.edit_yaml("params.yaml", lambda params: params["datasets"].pop("jigs"))
    own = [f"{stage}@airs-gru" for stage in ("train", "evaluate", "memory", "sample")]
    assert sorted(study.repro()) == sorted([*own, "compare", "figures", "report"])


def test_a_new_cell_trains_itself_only(study):
    code = re.search(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    (study.folder / "stages/cells/mgu.py").write_text(code)
    study.edit_yaml("params.yaml", lambda params: params["cells"].append("mgu"))
    assert sorted(study.repro("--dry", "train")) == [f"train@{dataset}-mgu" for dataset in DATASETS]


def test_a_figures_edit_reruns_figures_and_report_only(study):
    study.edit("stages/findings/plots.py", "nats per step", "nats a step")
    assert study.repro() == ["figures", "report"]


def test_a_variant_shows_among_the_experiments(study):
    smaller = ("-S", "cells=[gru]", "-S", "~datasets.jigs")
    study.call("dvc", "exp", "run", "--name", "hasty", "-S", "train.patience=1", *smaller)
    shown = study.call("dvc", "exp", "show", "--csv", "--drop", ".*(models|data).*")
    row = next(row for row in csv.DictReader(io.StringIO(shown)) if row["Experiment"] == "hasty")
    assert row["train.patience"] == "1"
    assert float(row["airs.gru"]) > 0, "the test NLL of reports/metrics.json"


def test_a_new_dataset_runs_itself_only(study):
    shutil.copytree(study.folder / "tunes/airs", study.folder / "tunes/reels")
    study.edit_yaml("params.yaml", lambda params: params.update(cells=["gru"]))
    study.edit_yaml("params.yaml", lambda params: params["datasets"].update(reels=entry("reels")))
    study.edit_yaml(
        "data/sources.yaml",
        lambda catalogue: catalogue["sources"].update(reels={"kind": "path", "path": "tunes/reels"}),
    )
    own = [f"{stage}@reels" for stage in ("download", "prepare", "baselines", "leakage", "excerpt")]
    own += [f"{stage}@reels-gru" for stage in ("train", "evaluate", "memory", "sample")]
    assert sorted(study.repro()) == sorted([*own, "compare", "figures", "report"])


def test_a_removed_model_file_is_trained_again_to_the_bit_with_what_follows(study):
    weights = study.folder / "models/airs/gru/weights.safetensors"
    before = weights.read_bytes()
    weights.unlink()
    ran = study.repro()
    assert ran[0] == "train@airs-gru" and ran[-3:] == ["compare", "figures", "report"]
    assert sorted(ran[1:-3]) == ["evaluate@airs-gru", "memory@airs-gru", "sample@airs-gru"]
    assert weights.read_bytes() == before


def test_a_fresh_clone_runs_nothing(built, tmp_path):
    built.call("git", "clone", "--quiet", str(built.folder), str(tmp_path / "clone"))
    clone = Study(tmp_path / "clone")
    assert not (clone.folder / "data/prepared").exists()
    assert clone.repro("--allow-missing") == []
