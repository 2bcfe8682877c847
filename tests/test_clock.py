"""The stage that times updates: every cell in every round, whatever its nets come to."""

import json

import numpy as np
import pandas as pd
import pytest
from training_stage import stage, write_params

from stages import clock
from stages.corpora.split import Split
from stages.plumbing import places
from stages.population.engines.compiled import Compiled
from stages.train import Task


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with a tiny dataset and params."""
    generator = np.random.default_rng(0)
    for name in ("train", "valid"):
        pieces = [np.eye(12, dtype=np.uint8)[generator.integers(0, 12, n)] for n in (4, 9, 7, 2, 5)]
        inputs, targets = (np.concatenate([piece[part] for piece in pieces]) for part in (slice(-1), slice(1, None)))
        lengths = np.array([len(piece) - 1 for piece in pieces])
        Split(inputs, targets, lengths, np.array(list("abcde")), "bernoulli").save(
            f"{tmp_path}/data/prepared/scales/{name}.npz"
        )
    for name, value in {"ROUNDS": 3, "SECONDS": 0.0}.items():
        monkeypatch.setattr(clock, name, value)
    return tmp_path


def timed(folder, *changes) -> pd.DataFrame:
    """What the stage leaves, of nets whose records are there."""
    write_params(folder, *changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for cell in ("gru", "lstm", "tanh"):
            task = Task.load("paper", "scales", cell)
            task.folder.mkdir(parents=True, exist_ok=True)
            (task.folder / "run.json").write_text(json.dumps(task.facts))
    assert stage(folder, clock, "--dataset", "scales") is None
    return pd.read_csv(folder / places.clock("scales"))


def test_the_cells_are_timed_in_turns(study, capsys):
    found = timed(study)
    assert (
        found["cell"].tolist() == ["gru", "lstm", "tanh"] * 3 and found["round"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
    )
    assert (found["seconds"] > 0).all() and found["engine"].nunique() == 1
    assert "scales: gru " in capsys.readouterr().out


def test_timings_stay_until_a_net_the_engine_or_a_round_is_another(study, monkeypatch, capsys):
    timed(study)
    path = study / places.clock("scales")
    before = path.read_bytes()
    timed(study)
    assert path.read_bytes() == before and "scales: its timings are there" in capsys.readouterr().out
    timed(study, lambda params: params["matching"].update(mode="total"))
    assert (others := path.read_bytes()) != before
    silent = lambda params: params["train"].update(weight_noise=0.0)  # noqa: E731
    timed(study, lambda params: params["matching"].update(mode="total"), silent)
    assert path.read_bytes() != others, "nets of the same sizes by another training"
    path.write_bytes(others[:-20])
    timed(study, lambda params: params["matching"].update(mode="total"))
    assert len(pd.read_csv(path)) == 9 and path.read_bytes() != others
    monkeypatch.setenv("STUDY_ENGINE", "torch")
    timed(study, lambda params: params["matching"].update(mode="total"))
    assert pd.read_csv(path)["engine"].str.startswith("torch").all()


def test_a_net_that_diverges_is_timed_update_by_update(study, monkeypatch):
    """An engine passes over what follows a diverged update."""
    at_once, train = [], Compiled.train

    def spied(self, population, split, batches, *rest):
        at_once.append(len(batches))
        train(self, population, split, batches, *rest)

    monkeypatch.setattr(Compiled, "train", spied)
    assert (timed(study)["seconds"] > 0).all() and set(at_once) == {2}
    (study / places.clock("scales")).unlink()
    found = timed(study, lambda params: params["train"].update(weight_noise=3e38))
    assert (found["seconds"] > 0).all() and at_once[-1] == 1


def test_what_is_not_there_is_named(study):
    assert "models/paper/scales: no training there" in stage(study, clock, "--dataset", "scales")
    timed(study)
    for path in (places.clock("scales"), places.PREPARED / "scales/train.npz"):
        (study / path).unlink()
    assert "data/prepared/scales/train.npz" in stage(study, clock, "--dataset", "scales")
