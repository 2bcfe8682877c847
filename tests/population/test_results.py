"""Repeats that are there stay, byte for byte, whatever is renamed around them, and never as those of another study."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from training_data import net
from training_stage import stage, write_params

from stages import train
from stages.corpora.split import Split
from stages.plumbing import places
from stages.plumbing.errors import InputError
from stages.population import behaviour, noise, results
from stages.population.results import Results
from stages.recurrent.layout import Layout

FILES = ("weights.safetensors", "trials.csv", "curves.csv.gz", "run.json")
FOLDER = places.run_folder("paper", "scales", "lstm")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with a tiny dataset, params, and one finished training."""
    folder = tmp_path_factory.mktemp("study")
    generator = np.random.default_rng(0)
    for name in ("train", "valid"):
        pieces = [np.eye(12, dtype=np.uint8)[generator.integers(0, 12, n)] for n in (4, 9, 7, 2, 5)]
        Split(
            inputs=np.concatenate([p[:-1] for p in pieces]),
            targets=np.concatenate([p[1:] for p in pieces]),
            lengths=np.array([len(p) - 1 for p in pieces]),
            names=np.array([f"{name} {n}" for n in range(5)]),
            output="bernoulli",
        ).save(folder / "data/prepared/scales" / f"{name}.npz")
    write_params(folder)
    assert trained(folder) is None
    return folder


@pytest.fixture
def copy(study, tmp_path):
    """The study for one test, its training finished."""
    shutil.copytree(study, tmp_path / "study")
    return tmp_path / "study"


def trained(folder) -> str | None:
    return stage(folder, train, "--dataset", "scales", "--cell", "lstm")


class Killed(Exception):
    pass


def train_until_killed(folder, written: int) -> None:
    """A training that is killed when it has written so many files of its results."""
    write, left = results._write, iter(range(written))

    def until_killed(path, content):
        if next(left, None) is None:
            raise Killed
        write(path, content)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(results, "_write", until_killed)
        trained(folder)


def contents(folder) -> dict[str, bytes]:
    return {name: (folder / FOLDER / name).read_bytes() for name in FILES}


def record(folder) -> dict:
    return json.loads((folder / FOLDER / "run.json").read_text())


def with_repeats(repeats):
    return lambda params: params["datasets"]["scales"]["training"].update(repeats=repeats)


def test_the_files_of_a_training_agree(study):
    trials, curves = pd.read_csv(study / FOLDER / "trials.csv"), pd.read_csv(study / FOLDER / "curves.csv.gz")
    run = record(study)
    assert list(zip(trials.repeat, trials.candidate, strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert trials.groupby("repeat").chosen.sum().tolist() == [1, 1]
    assert trials.groupby("repeat").apply(lambda t: t.valid_nll[t.chosen].iloc[0] == t.valid_nll.min()).all()
    assert len(curves) == trials.epochs.sum()
    best = curves.merge(
        trials, left_on=["repeat", "candidate", "epoch"], right_on=["repeat", "candidate", "best_epoch"]
    )
    np.testing.assert_allclose(best.valid_nll_x, best.valid_nll_y, atol=1e-4)
    assert run["units"] == 36 and run["updates_per_epoch"] == 2
    assert run["total_parameters"] == run["recurrent_parameters"] + run["output_parameters"]
    (made,) = run["made"]
    assert made["repeats"] == [0, 1] and made["device"] == run["device"] and made["seconds"] == run["seconds"]


def test_trained_again_every_file_stays_as_it_was(copy, capfd):
    before, times = contents(copy), [(copy / FOLDER / name).stat().st_mtime_ns for name in FILES]
    capfd.readouterr()
    assert trained(copy) is None
    assert "2 of 2 repeats are there and stay as they are" in capfd.readouterr().out
    assert contents(copy) == before
    assert [(copy / FOLDER / name).stat().st_mtime_ns for name in FILES] == times, "not even written"


def test_further_repeats_join_those_that_are_there(study, tmp_path, capfd):
    """Trained one after the other, and taken away again, they are the same bytes as trained at once."""
    (tmp_path / "data").symlink_to(study / "data")
    for repeats, first, said in ((1, 0, ""), (2, 1, "1 of 2 repeats"), (1, 1, "1 of 1 repeats")):
        write_params(tmp_path, with_repeats(repeats))
        capfd.readouterr()
        assert trained(tmp_path) is None
        printed = capfd.readouterr().out
        assert said in printed and ("at the last epoch" in printed) == (repeats > first)
        if repeats == 2:
            assert all(contents(study)[name] == contents(tmp_path)[name] for name in FILES[:3])
            assert [block["repeats"] for block in record(tmp_path)["made"]] == [[0, 0], [1, 1]]
    assert set(pd.read_csv(tmp_path / FOLDER / "trials.csv").repeat) == {0}
    assert [block["repeats"] for block in record(tmp_path)["made"]] == [[0, 0]]


def with_candidates(candidates):
    return lambda params: params["datasets"]["scales"]["training"].update(candidates=candidates, repeats=3)


def test_further_candidates_join_those_that_are_there(study, tmp_path, capfd):
    """And further repeats with them: the same bytes as trained at once, said to be made one after the other."""
    (tmp_path / "data").symlink_to(study / "data")
    write_params(tmp_path, with_candidates(5))
    assert trained(tmp_path) is None
    at_once, run = contents(tmp_path), record(tmp_path)
    shutil.rmtree(tmp_path / FOLDER)
    for candidates in (1, 3):
        write_params(tmp_path, with_candidates(candidates), with_repeats(2))
        assert trained(tmp_path) is None
    write_params(tmp_path, with_candidates(5))
    capfd.readouterr()
    assert trained(tmp_path) is None
    said = capfd.readouterr()
    assert "2 repeats are there with 3 candidates, which stay; 2 further ones join each" in said.out
    assert "4 trials" in said.out and "5 trials" in said.out and not said.err
    assert all(contents(tmp_path)[name] == at_once[name] for name in FILES[:3])
    now = record(tmp_path)
    assert [(block["repeats"], block.get("candidates")) for block in now["made"]] == [
        ([0, 1], [0, 0]),
        ([0, 1], [1, 2]),
        ([0, 1], [3, 4]),
        ([2, 2], None),
    ]
    own = ("made", "seconds")
    assert {k: v for k, v in now.items() if k not in own} == {k: v for k, v in run.items() if k not in own}
    assert not places.shards("paper", "scales", "lstm").exists()


def test_shards_take_the_candidates_that_are_there_too(study, tmp_path, capfd):
    (tmp_path / "data").symlink_to(study / "data")
    write_params(tmp_path, with_candidates(2))
    assert trained(tmp_path) is None
    write_params(tmp_path, with_candidates(3))
    capfd.readouterr()
    for block in ("0:1", "1:3"):
        assert stage(tmp_path, train, "--dataset", "scales", "--cell", "lstm", "--repeats", block) is None
    assert trained(tmp_path) is None
    said = capfd.readouterr()
    assert re.findall(r"(\d+) trials?, at most", said.out) == ["1", "2"] and not said.err
    joined = contents(tmp_path)
    shutil.rmtree(tmp_path / FOLDER)
    assert trained(tmp_path) is None
    assert all(contents(tmp_path)[name] == joined[name] for name in FILES[:3])


@pytest.mark.parametrize("killed_before", range(9))
def test_killed_while_candidates_join_it_ends_the_same(study, tmp_path, killed_before, capfd):
    """Before any of the files of the shard and then of the training, no trial that was there is trained again."""
    (tmp_path / "data").symlink_to(study / "data")
    write_params(tmp_path, with_candidates(2))
    assert trained(tmp_path) is None
    write_params(tmp_path, with_candidates(5))
    capfd.readouterr()
    if killed_before < 8:
        train_until_killed(tmp_path, killed_before)
    assert trained(tmp_path) is None
    said = capfd.readouterr()
    assert not re.search("6 trials|15 trials", said.out) and "anew" not in said.err
    again = contents(tmp_path)
    shutil.rmtree(tmp_path / FOLDER)
    assert trained(tmp_path) is None
    assert all(contents(tmp_path)[name] == again[name] for name in FILES[:3])


def test_under_halving_further_candidates_change_which_are_ended(study, tmp_path, capfd):
    halving = {"epochs": [1], "keep": 0.5, "apply": True}

    def halved(params):
        params["datasets"]["scales"]["training"]["halving"] = halving

    (tmp_path / "data").symlink_to(study / "data")
    for candidates in (2, 3):
        write_params(tmp_path, with_candidates(candidates), halved)
        capfd.readouterr()
        assert trained(tmp_path) is None
    assert "budget.candidates 2, now 3); all are trained anew" in capfd.readouterr().err


def test_repeats_made_elsewhere_join_and_each_says_where(copy, monkeypatch):
    """On another engine, whose last bits differ; as on a GPU."""
    monkeypatch.setenv("STUDY_ENGINE", "torch")
    write_params(copy, with_repeats(3))
    before = record(copy)
    assert trained(copy) is None
    after = record(copy)
    assert after["made"][0] == before["made"][0] and after["behaviour"] == before["behaviour"]
    assert [(block["repeats"], block["engine"]) for block in after["made"]] == [
        ([0, 1], before["engine"]),
        ([2, 2], "torch, 1 threads"),
    ]
    assert after["engine"] == f"{before['engine']}, torch, 1 threads"


def test_a_moved_or_renamed_training_keeps_its_repeats(copy):
    """What it is called is brought up to date, and nothing else."""
    run = record(copy)
    (copy / FOLDER / "run.json").write_text(json.dumps(run | {"arm": "formerly"}))
    before = contents(copy)
    assert trained(copy) is None
    assert all(contents(copy)[name] == before[name] for name in FILES[:3]) and record(copy) == run


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda params: params["train"].update(patience=1), r"protocol\.patience 30, now 1"),
        (
            lambda params: params["datasets"]["scales"]["training"].update(max_epochs=3),
            r"budget\.max_epochs 2, now 3",
        ),
        (lambda params: params["matching"].update(mode="total"), r"units 36, now 38"),
    ],
)
def test_repeats_from_other_parameters_are_not_kept(copy, change, said, capfd):
    write_params(copy, change)
    capfd.readouterr()
    assert trained(copy) is None
    printed = capfd.readouterr()
    assert "stay as they are" not in printed.out
    assert re.search(rf"cannot be kept \(they were made from others: {said}\); all are trained anew", printed.err)


def test_repeats_from_other_data_are_not_kept(copy, capfd):
    path = copy / "data/prepared/scales/valid.npz"
    split = Split.load(path)
    split.targets[0] = 1 - split.targets[0]
    split.save(path)
    capfd.readouterr()
    assert trained(copy) is None
    assert "made from others: data); all are trained anew" in capfd.readouterr().err


def test_repeats_of_code_that_computes_something_else_are_not_kept(copy, monkeypatch, capfd):
    monkeypatch.setenv("STUDY_ENGINE", "torch")
    monkeypatch.setattr(noise, "MULTIPLIERS", (0xD2511F53, 0xCD9E8D59))
    before = record(copy)
    assert trained(copy) is None
    assert "the code computes something else than when they were made" in capfd.readouterr().err
    assert record(copy)["behaviour"] != before["behaviour"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("trials.csv", lambda old: b"repeat,candidate,seed\n0,1,7\n", "its files are not those of one training"),
        ("trials.csv", lambda old: old.replace(b"True,True", b"False,False", 1), "not those of one training"),
        ("curves.csv.gz", lambda old: old[:99], "Compressed file ended"),
        ("weights.safetensors", lambda old: old[:-40], "not a file of trained weights"),
        ("run.json", lambda old: old[:-40], "Expecting|Unterminated"),
        ("run.json", lambda old: b"{}", "does not say what they were made from"),
        ("run.json", lambda old: old.replace(b'"made": [', b'"made": ["a", '), ""),
        ("run.json", lambda old: re.sub(rb'"behaviour": \[[^]]*\]', b'"behaviour": ["a"]', old), ""),
        ("run.json", lambda old: re.sub(rb'"repeats": \[\s*0,\s*1', b'"repeats": [0, 2', old), "not those of one"),
    ],
)
def test_damaged_files_are_trained_anew_to_the_same_bytes(copy, name, content, said, capfd):
    before = contents(copy)
    path = copy / FOLDER / name
    path.write_bytes(content(path.read_bytes()))
    assert path.read_bytes() != before[name]
    assert trained(copy) is None
    assert re.search(rf"its repeats cannot be kept \(.*{said}", capfd.readouterr().err)
    assert all(contents(copy)[each] == before[each] for each in FILES[:3])


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("killed_before", range(4))
def test_killed_between_two_files_it_ends_the_same(copy, repeats, killed_before):
    calm = copy.parent / "calm"
    shutil.copytree(copy, calm)
    for folder in (calm, copy):
        write_params(folder, with_repeats(repeats))
    assert trained(calm) is None
    train_until_killed(copy, killed_before)
    assert trained(copy) is None
    assert all(contents(copy)[name] == contents(calm)[name] for name in FILES[:3])
    assert [block["repeats"] for block in record(copy)["made"]] == [b["repeats"] for b in record(calm)["made"]]


def test_a_half_written_training_is_never_taken_for_the_one_before(copy, monkeypatch):
    """Killed when its first file lay there, then the parameters turned back: run.json of the old one would fit."""
    write_params(copy, lambda params: params["train"].update(weight_noise=0.5))
    write = results._write
    monkeypatch.setattr(
        results, "_write", lambda path, content: path.name == "trials.csv" and 1 / 0 or write(path, content)
    )
    with pytest.raises(ZeroDivisionError):
        trained(copy)
    assert not (copy / FOLDER / "run.json").exists()


def test_a_folder_that_cannot_be_written_is_the_users_error(tmp_path):
    (tmp_path / "models").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        some = Results([], ["0,0,a"], [], {}, [{"repeats": [0, 0], "device": "", "engine": "", "seconds": 1.0}], [1.0])
        some.save(tmp_path / "models/x", Layout.of(net()), {}, 0)


def test_the_probe_is_what_the_file_says(study):
    assert behaviour.agree(record(study)["behaviour"], record(study)["behaviour"])
    assert len(record(study)["behaviour"]) > 20
    assert not list(Path(study / FOLDER).glob(".*"))


def test_shards_join_to_the_bytes_of_a_training_at_once(study, tmp_path, capfd):
    """Trained in any order, the later one first and by itself nothing; what is joined is gone."""
    (tmp_path / "data").symlink_to(study / "data")
    shards = tmp_path / places.shards("paper", "scales", "lstm")
    write_params(tmp_path)
    for block in ("1:2", "0:1"):
        assert stage(tmp_path, train, "--dataset", "scales", "--cell", "lstm", "--repeats", block) is None
    assert not (tmp_path / FOLDER).exists() and sorted(path.name for path in shards.iterdir()) == ["0-1", "1-2"]
    assert set(pd.read_csv(shards / "1-2/trials.csv").repeat) == {1}
    capfd.readouterr()
    assert trained(tmp_path) is None
    assert "2 of 2 repeats are there and stay as they are" in capfd.readouterr().out
    assert all(contents(study)[name] == contents(tmp_path)[name] for name in FILES[:3])
    assert [block["repeats"] for block in record(tmp_path)["made"]] == [[0, 0], [1, 1]]
    assert record(tmp_path)["behaviour"] == record(study)["behaviour"] and not shards.exists()


def test_a_shard_of_another_study_or_a_damaged_one_is_not_joined(study, tmp_path, capfd):
    (tmp_path / "data").symlink_to(study / "data")
    shards = tmp_path / places.shards("paper", "scales", "lstm")
    write_params(tmp_path, lambda params: params["train"].update(patience=1))
    for block in ("0:1", "0:2"):
        assert stage(tmp_path, train, "--dataset", "scales", "--cell", "lstm", "--repeats", block) is None
    (shards / "0-1/trials.csv").write_text("")
    write_params(tmp_path)
    capfd.readouterr()
    assert trained(tmp_path) is None
    said = capfd.readouterr()
    assert said.err.count("its repeats cannot be kept") == 2 and "stay as they are" not in said.out
    assert all(contents(study)[name] == contents(tmp_path)[name] for name in FILES[:3])


@pytest.mark.parametrize("block", ["0:3", "1:1", "-1:1", "1", "a:b"])
def test_a_block_that_is_none_is_the_users_error(study, tmp_path, block):
    (tmp_path / "data").symlink_to(study / "data")
    write_params(tmp_path)
    error = stage(tmp_path, train, "--dataset", "scales", "--cell", "lstm", f"--repeats={block}")
    assert error == f"error: --repeats: expected a:b with 0 <= a < b <= 2, found '{block}'"
    assert not (tmp_path / places.SHARDS).exists()
