"""What runs again when something changes, tried on a throw-away copy of the pipeline: what must, and nothing else.

A start of DVC takes seconds and a stage's start some more: the study is small, and built once.
"""

import csv
import io
import re

import endurance
import pytest
from pipeline_study import ROOT, Study, entry, lay_out

CELLS = ["tanh", "gru"]
ARMS = ["total", "noiseless", "authors", "practice"]
LAST = ["compare", "figures", "report"]


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
    for cell in CELLS:
        files = {path.name for path in (built.folder / "models/paper/airs" / cell).iterdir()}
        assert files == {"weights.safetensors", "trials.csv", "curves.csv.gz", "run.json"}
        assert (built.folder / "reports/samples/airs" / cell / "sample.mid").exists()
    measured = {
        "scores": {"evaluation.csv", "noisy.csv", "pieces.csv"},
        "baselines": {"baselines.csv", "leakage.csv"},
        "reach": {"gradients.csv", "memory.csv", "gates.csv"},
    }
    for folder, files in measured.items():
        assert {path.name for path in (built.folder / "measured/paper/airs" / folder).iterdir()} == files
    assert (built.folder / "reports/index.html").stat().st_size > 0
    assert built.call("git", "status", "--porcelain", "models", "measured", "reports") == "", "results are committed"
    assert "data/prepared/airs/train.npz" not in built.call("git", "ls-files"), "data are not"


def test_a_second_run_and_a_fresh_clone_run_nothing(built, tmp_path):
    assert built.repro() == []
    built.call("git", "clone", "--quiet", str(built.folder), str(tmp_path / "clone"))
    clone = Study(tmp_path / "clone")
    assert not (clone.folder / "data/prepared").exists()
    assert clone.repro("--allow-missing") == []


def test_what_changes_no_number_leaves_every_file_as_it_was(study):
    """Trainings and timings are visited, and nothing after them; code that can change no number is no dependency."""
    for name in ("population/trainer", "console/progress"):
        with (study.folder / f"stages/{name}.py").open("a") as file:
            file.write("# edited\n")
    assert study.repro() == ["train@airs", "clock@airs"]
    assert study.call("git", "status", "--porcelain", "models", "measured", "reports") == ""


EDITS = {
    "another equation": (
        "cells/gru.py",
        "\nplain = step\n\ndef step(*given):\n    return (0.99 * plain(*given)[0],)\n",
    ),
    "another noise": ("population/noise.py", "\nMULTIPLIERS = (0xD2511F53, 0xCD9E8D59)\n"),
    "another decay": (
        "population/optimisers.py",
        "\ngiven = _rmsprop_numbers\nRULES['rmsprop'] = Rule(RULES['rmsprop'].state, "
        "lambda of, update: (lambda n: (n[0] * np.float32(0.99), *n[1:]))(given(of, update)), _rmsprop)\n",
    ),
}


def test_a_renamed_file_and_a_comment_keep_the_repeats_and_another_equation_trains_anew(study):
    """By the training's command alone: that DVC runs it after an edit is tested above."""
    train = ("python", "-m", "stages.train", "--dataset", "airs", "--cell", "gru")
    files = [study.folder / "models/paper/airs/gru" / name for name in ("weights.safetensors", "run.json")]
    before = [file.read_bytes() for file in files]
    stages = study.folder / "stages"
    (stages / "population/batches.py").rename(stages / "population/epochs.py")
    for file in stages.rglob("*.py"):
        file.write_text(file.read_text().replace("stages.population.batches", "stages.population.epochs"))
    (stages / "cells/gru.py").write_text((stages / "cells/gru.py").read_text() + "# a comment\n")
    assert "2 of 2 repeats are there and stay as they are" in study.call(*train)
    assert [file.read_bytes() for file in files] == before
    for name, addition in EDITS.values():
        with (stages / name).open("a") as file:
            file.write(addition)
        assert "stay as they are" not in study.call(*train), name


def test_a_new_cell_is_all_that_is_trained(study):
    code = re.search(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    (study.folder / "stages/cells/mgu.py").write_text(code)
    study.edit_yaml("params.yaml", lambda params: params["cells"].append("mgu"))
    files = [study.folder / "models/paper/airs" / cell / "run.json" for cell in CELLS]
    before = [file.read_bytes() for file in files]
    assert study.repro("train") == ["train@airs"]
    assert (study.folder / "models/paper/airs/mgu/run.json").exists()
    assert [file.read_bytes() for file in files] == before


def test_a_figures_edit_reruns_figures_and_report_only(study):
    study.edit("stages/findings/plots/scores.py", "nats per step", "nats a step")
    assert study.repro() == ["figures", "report"]


def test_a_variant_shows_its_nll_among_the_experiments(study):
    smaller = ("-S", "train.patience=1", "-S", "datasets.airs.training.repeats=1", "-S", "cells=[gru]")
    study.call("dvc", "exp", "run", "--name", "hasty", *smaller, "evaluate@airs")
    shown = study.call("dvc", "exp", "show", "--csv")
    row = next(row for row in csv.DictReader(io.StringIO(shown)) if row["Experiment"] == "hasty")
    assert row["train.patience"] == "1"
    assert float(row["paper.airs.gru"]) > 0


def test_a_new_dataset_and_new_arms_run_themselves_only(study):
    def add(params):
        params["datasets"]["jigs"] = entry("jigs")
        for arm in ARMS:
            params["arms"][arm]["datasets"] = {"airs": {"repeats": 1}}

    study.edit_yaml("params.yaml", add)
    own = ["prepare@jigs", "train@jigs", "evaluate@jigs"]  # its source was there
    own += [f"train_{arm}@airs" for arm in ARMS] + [f"evaluate_{arm}@airs" for arm in ARMS]
    assert sorted(study.repro("evaluate", *(f"evaluate_{arm}" for arm in ARMS))) == sorted(own)
    for arm in ARMS:
        assert (study.folder / f"measured/{arm}/airs/metrics.json").exists()


def test_a_removed_model_file_is_trained_again_to_the_bit(study):
    """What follows runs at most where the training took another tenth of a second, which its record tells."""
    weights = study.folder / "models/paper/airs/gru/weights.safetensors"
    before = weights.read_bytes()
    weights.unlink()
    first, *ran = study.repro()
    of_nets = {f"{stage}@airs" for stage in ("evaluate", "probe", "clock", "sample")}
    assert first == "train@airs" and set(ran) <= {*of_nets, *LAST}
    assert weights.read_bytes() == before


def test_killed_on_its_way_it_ends_the_same(built, tmp_path):
    """The short form of `make endurance`: the same command again is all the help there is."""
    pristine = lay_out(tmp_path / "pristine")
    pristine.commit()
    rooms = ("data/prepared/airs", "models", "measured/paper/airs/scores")
    calm = {
        name: digest
        for name, digest in endurance.results(built.folder).items()
        if name.startswith(rooms) and not name.endswith("run.json")
    }
    shaken = endurance.Shaken(pristine, calm, 8, 0, ("evaluate@airs",))
    assert len(list(shaken.kills(4))) == 4 and shaken.passes >= 1
