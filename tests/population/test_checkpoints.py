"""Nothing lost: a training killed, interrupted or starved ends as if nothing had happened, or says what to do."""

import json
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
from multiprocessing import forkserver
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save
from training_data import CPU, budget, engine, music, net, protocol, trial
from training_stage import write_params

from stages import train
from stages.corpora.split import Split
from stages.plumbing.errors import run
from stages.population import trainer, trials
from stages.population.checkpoints import Checkpoint, _digest
from stages.recurrent.layout import Layout

CONTEXT = multiprocessing.get_context("forkserver")
RESULTS = ("weights.safetensors", "trials.csv", "curves.csv.gz")
KILLS = 20
RESUMED = 5  # trainings that go on from a checkpoint within an epoch, at least


def child(folder: Path, environment: dict[str, str], limits: dict[int, int]) -> None:
    """A whole `python -m stages.train`, with its output in a file and at most so much of some resources."""
    os.chdir(folder)
    os.environ.update(environment)
    output = os.open("output.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests run in the background hand on that it is ignored
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))
    trainer.SHORT = 0.002  # seconds between two looks: such a short training would not be stopped within an epoch
    if "REST" in environment:  # a training on a fast machine is over before anyone has seen its first checkpoint
        save_at_once = Checkpoint.save

        def save_and_rest(checkpoint, training):
            save_at_once(checkpoint, training)
            time.sleep(float(environment["REST"]))

        Checkpoint.save = save_and_rest
    sys.argv = ["train", "--dataset", "scales", "--cell", "gru"]
    run(train.main)


def start(folder, limits=None, **environment):
    process = CONTEXT.Process(target=child, args=(folder, environment, limits or {}))
    process.start()
    return process


def finish(folder, **environment) -> int:
    process = start(folder, **environment)
    process.join()
    return process.exitcode


def results(folder) -> list[bytes]:
    return [(folder / "models/paper/scales/gru" / name).read_bytes() for name in RESULTS]


def output(folder) -> str:
    return (folder / "output.txt").read_text() if (folder / "output.txt").exists() else ""


def checkpoints(folder) -> list[Path]:
    return sorted((folder / ".checkpoints").glob("[!.]*.safetensors"))


def wait_for_checkpoint(folder, process) -> None:
    deadline = time.monotonic() + 120
    while not checkpoints(folder):
        assert process.is_alive() and time.monotonic() < deadline, output(folder)
        time.sleep(0.01)


@pytest.fixture(scope="module", autouse=True)
def server():
    """The process that trainings are forked from; in Python 3.11 it finds its modules by PYTHONPATH alone."""
    with pytest.MonkeyPatch.context() as patch:
        tests = Path(__file__).parent.parent
        patch.setenv("PYTHONPATH", f"{tests.parent}:{tests}")
        CONTEXT.set_forkserver_preload(["preloaded"])
        forkserver.ensure_running()
        first = CONTEXT.Process(target=os.getpid)  # answers when everything has been imported
        first.start()
        first.join()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The data of a training that takes a few seconds, its last epoch scored often enough for halving and stopping."""
    folder = tmp_path_factory.mktemp("prepared")
    generator = np.random.default_rng(0)
    for name, pieces in (("train", 160), ("valid", 20)):
        walks = [(generator.integers(12) + np.arange(generator.integers(20, 60))) % 12 for _ in range(pieces)]
        rolls = [np.eye(12, dtype=np.uint8)[walk] for walk in walks]
        Split(
            inputs=np.concatenate([roll[:-1] for roll in rolls]),
            targets=np.concatenate([roll[1:] for roll in rolls]),
            lengths=np.array([len(roll) - 1 for roll in rolls]),
            names=np.array([f"{name} {n}" for n in range(pieces)]),
            output="bernoulli",
        ).save(folder / f"{name}.npz")
    return folder


@pytest.fixture
def study(prepared, tmp_path):
    """Makes folders in which that training can run."""

    def make(name, **changes):
        folder = tmp_path / name
        (folder / "data/prepared").mkdir(parents=True)
        (folder / "data/prepared/scales").symlink_to(prepared)

        def change(params):
            params["datasets"]["scales"]["training"] |= {
                "repeats": 2,
                "candidates": 3,
                "max_epochs": 12,
                "batch_size": 4,
                "halving": {"epochs": [2, 4], "keep": 0.5},
            } | changes

        write_params(folder, change)
        return folder

    return make


def test_killed_at_twenty_random_moments_it_ends_the_same_to_the_bit(study):
    calm, shaken = (study(name, max_epochs=30) for name in ("calm", "shaken"))
    begun = time.monotonic()
    assert finish(calm, STUDY_CHECKPOINT_SECONDS="0") == 0, output(calm)
    long = time.monotonic() - begun
    generator, kills = random.Random(0), 0

    def resumed() -> int:
        return len(re.findall(r"going on from a checkpoint, epoch \d+, update [1-9]", output(shaken)))

    # On a machine busier than during the calm run all kills may come before the first checkpoint: then some more
    # follow, later, and earlier again after a run that was done first.
    while kills < KILLS or resumed() < RESUMED:
        process = start(shaken, STUDY_CHECKPOINT_SECONDS="0")
        process.join(generator.uniform(0, long / 2))
        if process.is_alive():
            process.kill()
            process.join()
            kills += 1
            long *= 1.2 if kills >= KILLS else 1.0
        else:  # done before it was killed: compare, and once more from the start
            assert process.exitcode == 0, output(shaken)
            assert results(shaken) == results(calm)
            shutil.rmtree(shaken / "models")
            long /= 1.2 if kills >= KILLS else 1.0
    assert finish(shaken, STUDY_CHECKPOINT_SECONDS="0") == 0, output(shaken)
    assert results(shaken) == results(calm)
    assert not checkpoints(shaken), "removed when the results are there"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_asked_to_stop_it_writes_a_checkpoint_and_says_how_to_go_on(study, name):
    calm, asked = study("calm"), study("asked")
    assert finish(calm) == 0
    process = start(asked, STUDY_CHECKPOINT_SECONDS="0", REST="0.3")
    wait_for_checkpoint(asked, process)
    os.kill(process.pid, getattr(signal, name))
    asked_at = time.monotonic()
    process.join()
    assert process.exitcode == 130 and time.monotonic() - asked_at < 5
    line = output(asked).splitlines()[-1]
    assert re.search(
        r"interrupted: epoch \d+ of 12, update \d+ of 40 is saved in \.checkpoints/.*goes on from there", line
    )
    assert not (asked / "models").exists()
    assert finish(asked) == 0
    assert results(asked) == results(calm)


def interrupted(folder) -> Path:
    """The checkpoint of a training that was stopped half-way."""
    process = start(folder, STUDY_CHECKPOINT_SECONDS="0", REST="0.3")
    wait_for_checkpoint(folder, process)
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    (path,) = checkpoints(folder)
    return path


@pytest.mark.parametrize("fault", ["a flipped bit", "cut off", "another training's"])
def test_a_checkpoint_that_is_not_the_trainings_own_is_set_aside(study, fault):
    calm, damaged = study("calm"), study("damaged")
    assert finish(calm) == 0
    path = interrupted(damaged)
    content = bytearray(path.read_bytes())
    if fault == "a flipped bit":
        content[-1000] ^= 1
    elif fault == "cut off":
        del content[-1000:]
    else:
        content = bytearray(interrupted(study("other", batch_size=5)).read_bytes())
    path.write_bytes(content)
    assert finish(damaged) == 0
    reason = {"a flipped bit": "not what was written", "cut off": "", "another training's": "other parameters, data or"}
    assert re.search(rf"{path.name}: not usable as a checkpoint \(.*{reason[fault]}.*aside1", output(damaged))
    assert path.with_suffix(".aside1").read_bytes() == bytes(content)
    assert "going on" not in output(damaged)
    assert results(damaged) == results(calm)


@pytest.mark.parametrize("epochs", [2, 5])
def test_what_is_saved_after_the_last_epoch_ends_at_once(tmp_path, monkeypatch, epochs):
    """A kill may come when no trial runs any more and no result is written yet."""
    monkeypatch.chdir(tmp_path)
    of, rules, plan, place = net(), protocol(), budget(max_epochs=epochs), Checkpoint("scales-gru", "0" * 64)
    monkeypatch.setattr(place, "due", lambda: True)
    monkeypatch.setattr(place, "remove", lambda: None)
    computing, layout = engine("torch", of, rules), Layout.of(of)
    splits, grid = [music(seed).on(computing) for seed in (0, 1)], trials.draw(rules, "scales", 1, 3)
    begun = trainer.Training.begin(layout, rules, grid, CPU)
    done = trainer.train(computing, rules, plan, begun, *splits, "scales-gru", place)
    again = place.load(layout, rules, CPU)
    monkeypatch.setattr(computing, "train", None)
    for record, same in zip(done, trainer.train(computing, rules, plan, again, *splits, "", place), strict=True):
        assert record.curve == same.curve and record.status == same.status
        assert torch.equal(record.weights, same.weights)


SOUND = {"epoch": 2, "updates": 3, "seconds": 1.5}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({}, ""),
        ({"epoch": "two"}, "valid integer"),
        ({"updates": -1}, "greater than or equal to 0"),
        ({"seconds": []}, "valid number"),
        ({"records": {"0": 1}}, ""),
        ({"records": [[]] * 2}, ""),
        ({"status": "resting"}, "Input should be 'running'"),
        ({"trial": {"repeat": 0}}, "Field required"),
        ({"curve": [[1, 2, "a\nb", None, None, 1.0]]}, "valid number"),
        ({"weights": torch.zeros(2, 3)}, r"weights: expected torch.float32 \(2, \d+\), found torch.float32 \(2, 3\)"),
        ({"optimiser.square": torch.zeros(1)}, "optimiser.square: expected"),
        ({"finite": torch.ones(2)}, r"finite: expected torch.bool \(2,\)"),
    ],
)
def test_a_checkpoint_with_a_right_digest_and_wrong_content_is_set_aside(tmp_path, monkeypatch, capsys, wrong, reason):
    monkeypatch.chdir(tmp_path)
    layout, rules, place = Layout.of(net()), protocol(), Checkpoint("scales-gru", "0" * 64)
    training = trainer.Training.begin(layout, rules, [trial(candidate=n, seed=n) for n in range(2)], CPU)
    training.epoch, training.updates, training.seconds = SOUND.values()
    place.save(training)
    with safe_open(place.path, framework="pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    state = json.loads(metadata["state"])
    for name, value in wrong.items():
        (tensors if name in tensors else state if name in state else state["records"][0])[name] = value
    text = json.dumps(state)
    place.path.write_bytes(save(tensors, {**metadata, "state": text, "digest": _digest(tensors, text)}))
    found, said = place.load(layout, rules, CPU), capsys.readouterr().err
    if not wrong:
        assert {name: getattr(found, name) for name in SOUND} == SOUND and found.records == training.records
        assert torch.equal(found.population.weights, training.population.weights)
    else:
        assert found is None and said.count("\n") == 1 and len(said) < 500
        assert re.search(f"not usable as a checkpoint .*{reason}.*set aside as", said)


def test_changed_parameters_start_a_training_of_their_own_and_the_old_can_go_on(study):
    folder = study("varied")
    first = interrupted(folder)
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("max_epochs: 12", "max_epochs: 2"))
    assert finish(folder) == 0
    assert "holds 1 checkpoint(s) made with other parameters, data or code" in output(folder)
    assert "going on" not in output(folder) and checkpoints(folder) == [first]
    (folder / "params.yaml").write_text(params)
    assert finish(folder) == 0
    assert "going on from a checkpoint" in output(folder)


def test_a_disk_that_is_full_is_an_error_and_the_last_checkpoint_stays(study):
    calm, full = study("calm"), study("full")
    assert finish(calm) == 0
    path = interrupted(full)
    before = path.read_bytes()
    process = start(full, limits={resource.RLIMIT_FSIZE: len(before) // 2}, STUDY_CHECKPOINT_SECONDS="0")
    process.join()
    line = output(full).splitlines()[-1]
    assert process.exitcode == 1
    assert re.search(
        r"^error: .*\.checkpoints/.*cannot be written \(.*\); check the folder's rights and the disk's", line
    )
    assert path.read_bytes() == before and [file.name for file in (full / ".checkpoints").iterdir()] == [path.name]
    assert not (full / "models").exists()
    assert finish(full) == 0
    assert results(full) == results(calm)


def test_a_folder_that_cannot_be_written_is_an_error(study):
    folder = study("locked")
    (folder / ".checkpoints").write_text("a file where the folder should be")
    assert finish(folder, STUDY_CHECKPOINT_SECONDS="0") == 1
    assert re.search(r"error: .checkpoints/.*cannot be written", output(folder).splitlines()[-1])
    assert not (folder / "models").exists()


@pytest.mark.parametrize("allocate", [np.empty, torch.empty])
def test_lack_of_memory_is_an_error_of_one_line(allocate):
    with pytest.raises(SystemExit) as stop:
        run(lambda: allocate(2**50))  # more than any machine has
    assert str(stop.value).startswith("error: out of memory") and "\n" not in str(stop.value)


def test_what_was_spent_before_an_interruption_counts(study):
    folder = study("timed")
    path = interrupted(folder)
    with safe_open(path, framework="pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    state = json.loads(metadata["state"])
    text = json.dumps(state | {"seconds": state["seconds"] + 1000})
    path.write_bytes(save(tensors, {**metadata, "state": text, "digest": _digest(tensors, text)}))
    assert finish(folder) == 0
    facts = json.loads((folder / "models/paper/scales/gru/run.json").read_text())
    assert facts["seconds"] > 1000


def test_two_of_one_training_go_one_after_the_other(study):
    """The second says whose turn it is, waits, and finds everything there; a lock that was left behind is nobody's."""
    calm, shared = study("calm"), study("shared")
    assert finish(calm) == 0
    killed = start(shared, STUDY_CHECKPOINT_SECONDS="0", REST="0.3")
    wait_for_checkpoint(shared, killed)
    killed.kill()
    killed.join()
    first = start(shared, STUDY_CHECKPOINT_SECONDS="0", REST="0.02")
    deadline = time.monotonic() + 120
    while "going on" not in output(shared):
        assert time.monotonic() < deadline, output(shared)
        time.sleep(0.01)
    second = start(shared, STUDY_CHECKPOINT_SECONDS="0")
    for process in (first, second):
        process.join()
        assert process.exitcode == 0, output(shared)
    assert f"scales-gru: process {first.pid} on " in output(shared)
    assert "2 of 2 repeats are there and stay as they are" in output(shared)
    assert results(shared) == results(calm) and list((shared / ".checkpoints").iterdir()) == []
