"""The training and evaluation stages as commands: their files, and their errors in one line."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from training_data import net
from training_stage import ROOT, stage, write_params

from stages import evaluate, train
from stages.corpora.split import Split
from stages.plumbing.errors import InputError
from stages.recurrent.layout import Layout
from stages.scoring import noise
from stages.scoring.leakage import SETTINGS


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
    write_params(folder, lambda params: params.update(cells=["lstm"]))
    (folder / SETTINGS).parent.mkdir(parents=True)
    shutil.copy(ROOT / SETTINGS, folder / SETTINGS)
    assert stage(folder, train, "--dataset", "scales") is None
    assert stage(folder, evaluate, "--dataset", "scales") is None
    return folder


def test_the_evaluation_agrees_with_its_pieces(study):
    measured = study / "measured/paper/scales"
    results, pieces = (pd.read_csv(measured / f"scores/{name}.csv") for name in ("evaluation", "pieces"))
    assert set(results.cell) == {"lstm"}
    assert results.repeat.tolist() == [0, 1] and (results.sequences == 5).all() and (results.steps == 22).all()
    for result in results.itertuples():
        own = pieces[pieces.repeat == result.repeat]
        assert own.nll.sum() / own.steps.sum() == pytest.approx(result.test_nll, abs=1e-4)
        assert (own.nll / own.steps).mean() == pytest.approx(result.test_nll_per_sequence, abs=1e-4)
    nll = json.loads((measured / "metrics.json").read_text())["paper"]["scales"]["lstm"]
    assert nll == pytest.approx(results.test_nll.mean(), abs=1e-4)
    baselines = pd.read_csv(measured / "baselines/baselines.csv")
    assert set(baselines.baseline) == {"note-1-gram", "copy-previous"}


def test_the_noise_of_training_left_on_costs_something_and_is_recorded_draw_by_draw(study):
    scores = study / "measured/paper/scales/scores"
    noisy, clean = pd.read_csv(scores / "noisy.csv"), pd.read_csv(scores / "evaluation.csv")
    assert noisy[["repeat", "draw"]].to_numpy().tolist() == [[0, 0], [1, 0], [0, 1], [1, 1], [0, 2], [1, 2]]
    assert (noisy["weight_noise"] == 0.075).all()
    apart = noisy.merge(clean, on="repeat", suffixes=("", "_clean"))
    assert (abs(apart["test_nll"] - apart["test_nll_clean"]) > 1e-6).all()
    assert apart.groupby("repeat")["test_nll"].nunique().tolist() == [3, 3]


def test_noise_falls_where_it_fell_in_training_and_as_strongly(study, tmp_path):
    of = net("lstm", units=30)
    weights = {name: torch.zeros(2, *parameter.shape) for name, parameter in of.parameters.items()}
    folder = study / "models/paper/scales/lstm"
    deviation, where = noise.deviations(folder, [(0, 0), (1, 1)])
    assert deviation.tolist() == [0.075, 0.075] and where == "matrices"
    found = noise.perturbed(Layout.of(of), weights, np.array([0.0, 0.075]), "inputs", draw=0)
    assert [name for name, values in found.items() if values.any()] == ["recurrent.W"]
    assert not found["recurrent.W"][0].any() and found["recurrent.W"][1].std() == pytest.approx(0.075, rel=0.1)
    facts = json.loads((folder / "run.json").read_text())
    facts["protocol"] |= {"weight_noise": {"one_of": [0.0, 0.1]}, "noise_on": "inputs"}
    (tmp_path / "run.json").write_text(json.dumps(facts))
    drawn = pd.DataFrame({"repeat": [0, 0, 1], "candidate": [0, 1, 0], "weight_noise": [0.1, 0.0, 0.1]})
    drawn.to_csv(tmp_path / "trials.csv", index=False)
    deviation, where = noise.deviations(tmp_path, [(1, 0), (0, 1)])
    assert deviation.tolist() == [0.1, 0.0] and where == "inputs"
    (tmp_path / "run.json").unlink()
    with pytest.raises(InputError, match="does not tell its weight noise"):
        noise.deviations(tmp_path, [])


def test_training_does_not_need_the_test_split(study, tmp_path):
    for name in ("train", "valid"):
        source = study / f"data/prepared/scales/{name}.npz"
        (tmp_path / "data/prepared/scales").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"data/prepared/scales/{name}.npz").write_bytes(source.read_bytes())
    write_params(tmp_path)
    assert stage(tmp_path, train, "--dataset", "scales", "--cell", "lstm") is None
    first, second = (f / "models/paper/scales/lstm/weights.safetensors" for f in (study, tmp_path))
    assert first.read_bytes() == second.read_bytes(), "same seed, same machine: the same bytes"


def test_another_arm_lies_beside_the_first_and_differs_as_it_states(study):
    def narrow(params):
        params["cells"] = ["lstm"]
        params["arms"]["total"].update(cells=["lstm"], training={"repeats": 3}, datasets={"scales": {"repeats": 1}})

    write_params(study, narrow)
    assert stage(study, train, "--dataset", "scales", "--arm", "total") is None
    assert stage(study, evaluate, "--dataset", "scales", "--arm", "total") is None
    first, second = (
        json.loads((study / f"models/{arm}/scales/lstm/run.json").read_text()) for arm in ("paper", "total")
    )
    assert (first["matching"], first["units"], second["matching"], second["units"]) == ("recurrent", 36, "total", 38)
    assert len(pd.read_csv(study / "measured/total/scales/scores/evaluation.csv")) == 1


def test_an_arms_cells_are_trained_in_turn_and_what_is_there_is_kept(study, capsys):
    def having(*cells):
        return lambda params: params["arms"]["noiseless"].update(
            cells=list(cells), training={"repeats": 1}, datasets={"scales": {}}
        )

    for cells, kept in (["lstm"], []), (["tanh", "lstm"], ["lstm"]):
        write_params(study, having(*cells))
        capsys.readouterr()
        assert stage(study, train, "--dataset", "scales", "--arm", "noiseless") is None
        printed = capsys.readouterr().out
        for cell in cells:
            said = "1 of 1 repeats are there and stay as they are" if cell in kept else "2 trials, at most 2 epochs"
            assert f"noiseless-scales-{cell}: {said}" in printed
    write_params(study, lambda params: params["arms"].update(noiseless={}))
    error = stage(study, train, "--dataset", "scales", "--arm", "noiseless")
    assert error == "error: params.yaml: arms.noiseless: expected cells, found none; `--cell` trains one"


@pytest.mark.parametrize(
    ("arguments", "change", "message"),
    [
        (("nowhere", "gru"), None, "no key 'nowhere' under datasets; known there: .*scales"),
        (("scales", "grru"), None, "no cell 'grru'; there are gru, .*lstm, .*tanh"),
        (
            ("scales", "gru"),
            {"train": {"weight_noise": "much"}},
            "train.weight_noise: expected a number, .*; found 'much'",
        ),
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
