"""The training and evaluation stages as commands: their files, and their errors in one line."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages import evaluate, train
from stages.corpora.split import Split
from stages.plumbing.errors import run

ROOT = Path(__file__).parent.parent


def stage(folder, module, *arguments) -> str | None:
    """Runs a stage as `python -m` does, in this process; returns its error line, or None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.argv", [module.__name__, *arguments])
        try:
            run(module.main)
        except SystemExit as stop:
            return str(stop.code)
    return None


def write_params(folder, change=lambda params: None):
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["datasets"]["scales"] = {
        "source": "none",
        "sequences": {"reader": "midi"},
        "training": {"repeats": 2, "candidates": 2, "max_epochs": 2, "batch_size": 4},
    }
    change(params)
    yaml.dump(params, folder / "params.yaml")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with a tiny dataset, params, and one finished training and evaluation."""
    folder = tmp_path_factory.mktemp("study")
    generator = np.random.default_rng(0)
    for name in ("train", "valid", "test"):
        pieces = [np.eye(12, dtype=np.uint8)[generator.integers(0, 12, n)] for n in (4, 9, 7, 2, 5)]
        Split(
            inputs=np.concatenate([p[:-1] for p in pieces]),
            targets=np.concatenate([p[1:] for p in pieces]),
            lengths=np.array([len(p) - 1 for p in pieces]),
            names=np.array([f"{name} {n}" for n in range(5)]),
            output="bernoulli",
        ).save(folder / "data/prepared/scales" / f"{name}.npz")
    write_params(folder)
    assert stage(folder, train, "--dataset", "scales", "--cell", "lstm") is None
    assert stage(folder, evaluate, "--dataset", "scales", "--cell", "lstm") is None
    assert stage(folder, evaluate, "--dataset", "scales", "--baselines") is None
    return folder


def test_the_files_of_a_training_agree(study):
    models = study / "models/scales/lstm"
    trials, curves = pd.read_csv(models / "trials.csv"), pd.read_csv(models / "curves.csv.gz")
    run = json.loads((models / "run.json").read_text())
    assert list(zip(trials.repeat, trials.candidate, strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert trials.groupby("repeat").chosen.sum().tolist() == [1, 1]
    assert trials.groupby("repeat").apply(lambda t: t.valid_nll[t.chosen].iloc[0] == t.valid_nll.min()).all()
    assert len(curves) == trials.epochs.sum()
    best = curves.merge(
        trials, left_on=["repeat", "candidate", "epoch"], right_on=["repeat", "candidate", "best_epoch"]
    )
    np.testing.assert_allclose(best.valid_nll_x, best.valid_nll_y, atol=1e-4)
    assert run["units"] == 36 and run["updates_per_epoch"] == 2 and run["seconds_per_update"] > 0
    assert run["total_parameters"] == run["recurrent_parameters"] + run["output_parameters"]


def test_the_evaluation_agrees_with_its_pieces(study):
    models = study / "models/scales/lstm"
    results, pieces = pd.read_csv(models / "evaluation.csv"), pd.read_csv(models / "pieces.csv")
    assert results.repeat.tolist() == [0, 1] and (results.sequences == 5).all() and (results.steps == 22).all()
    for result in results.itertuples():
        own = pieces[pieces.repeat == result.repeat]
        assert own.nll.sum() / own.steps.sum() == pytest.approx(result.test_nll, abs=1e-4)
        assert (own.nll / own.steps).mean() == pytest.approx(result.test_nll_per_sequence, abs=1e-4)
    assert set(pd.read_csv(study / "models/scales/baselines.csv").baseline) == {"note-1-gram", "copy-previous"}


def test_training_does_not_need_the_test_split(study, tmp_path):
    for name in ("train", "valid"):
        source = study / f"data/prepared/scales/{name}.npz"
        (tmp_path / "data/prepared/scales").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"data/prepared/scales/{name}.npz").write_bytes(source.read_bytes())
    write_params(tmp_path)
    assert stage(tmp_path, train, "--dataset", "scales", "--cell", "lstm") is None
    first, second = (f / "models/scales/lstm/weights.safetensors" for f in (study, tmp_path))
    assert first.read_bytes() == second.read_bytes(), "same seed, same machine: the same bytes"


def with_repeats(repeats):
    return lambda params: params["datasets"]["scales"]["training"].update(repeats=repeats)


def test_further_repeats_join_those_that_are_there(study, tmp_path, capfd):
    """Trained one after the other, and taken away again, they are the same bytes as trained at once."""
    (tmp_path / "data").symlink_to(study / "data")
    models, files = Path("models/scales/lstm"), ("weights.safetensors", "trials.csv", "curves.csv.gz")
    for repeats, first, said in ((1, 0, ""), (2, 1, "1 of 2 repeats"), (1, 1, "1 of 1 repeats")):
        write_params(tmp_path, with_repeats(repeats))
        capfd.readouterr()
        assert stage(tmp_path, train, "--dataset", "scales", "--cell", "lstm") is None
        printed = capfd.readouterr().out
        assert said in printed and ("epoch 2/2" in printed) == (repeats > first)
        if repeats == 2:
            assert all((study / models / f).read_bytes() == (tmp_path / models / f).read_bytes() for f in files)
    assert set(pd.read_csv(tmp_path / models / "trials.csv").repeat) == {0}


def test_repeats_of_another_training_are_not_kept(study, tmp_path, capfd):
    (tmp_path / "data").symlink_to(study / "data")
    for patience in (1, 2):
        write_params(tmp_path, lambda params, patience=patience: params["train"].update(patience=patience))
        capfd.readouterr()
        assert stage(tmp_path, train, "--dataset", "scales", "--cell", "lstm") is None
        assert "stay as they are" not in capfd.readouterr().out
    for name, content, said in (
        ("trials.csv", b"repeat,candidate,seed\n0,1,7\n", "its files are not those of one training"),
        ("curves.csv.gz", (tmp_path / "models/scales/lstm/curves.csv.gz").read_bytes()[:99], "Compressed file ended"),
    ):
        (tmp_path / "models/scales/lstm" / name).write_bytes(content)
        assert stage(tmp_path, train, "--dataset", "scales", "--cell", "lstm") is None
        assert f"its repeats cannot be kept ({said}" in capfd.readouterr().err


def test_the_second_arm_lies_beside_the_first_and_counts_the_output_layer(study):
    assert stage(study, train, "--dataset", "scales", "--cell", "lstm", "--matching", "total") is None
    assert stage(study, evaluate, "--dataset", "scales", "--cell", "lstm", "--matching", "total") is None
    first, second = (json.loads((study / "models/scales" / f / "run.json").read_text()) for f in ("lstm", "total/lstm"))
    assert (first["matching"], first["units"], second["matching"], second["units"]) == ("recurrent", 36, "total", 38)
    assert len(pd.read_csv(study / "models/scales/total/lstm/evaluation.csv")) == 2


@pytest.mark.parametrize(
    ("arguments", "change", "message"),
    [
        (("nowhere", "gru"), None, "no key 'nowhere' under datasets; known there: .*scales"),
        (("scales", "grru"), None, "no cell 'grru'; there are gru, lstm, tanh"),
        (("scales", "gru"), {"train": {"weight_noise": "much"}}, "train.weight_noise: .*number; found 'much'"),
        (("scales", "gru"), {"train": {"patience": 0}}, "train.patience: .*greater than or equal to 1; found 0"),
        (("scales", "gru"), {"train": {"patiance": 3}}, "train.patiance: .*not permitted; found 3"),
        (("scales", "gru"), {"matching": {"mode": "both"}}, "matching.mode: .*'recurrent' or 'total'; found 'both'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(study, tmp_path, arguments, change, message):
    (tmp_path / "data").symlink_to(study / "data")

    def apply(params):
        for section, values in (change or {}).items():
            params[section].update(values)

    write_params(tmp_path, apply)
    error = stage(tmp_path, train, "--dataset", arguments[0], "--cell", arguments[1])
    assert error is not None and len(error.splitlines()) == 1
    assert re.search(message, error), error
    assert not (tmp_path / "models").exists()


def test_a_device_that_is_not_there(study, monkeypatch):
    monkeypatch.setenv("STUDY_DEVICE", "cuda:99")
    error = stage(study, train, "--dataset", "scales", "--cell", "gru")
    assert error is not None and "STUDY_DEVICE: cannot use 'cuda:99'" in error
    assert len(error.splitlines()) == 1


def test_a_missing_split_says_so(tmp_path):
    write_params(tmp_path)
    error = stage(tmp_path, train, "--dataset", "scales", "--cell", "gru")
    assert error is not None and "data/prepared/scales/train.npz: no such file" in error
