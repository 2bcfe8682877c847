"""What a kill leaves of DVC's own files is mended from the last whole ones, and nothing else is touched."""

import fcntl
import json
import os
import random
import subprocess

import pytest

from stages import repro
from stages.plumbing import mend

NAMES = [f"train@tunes-{cell}" for cell in ("tanh", "lstm", "gru")] + ["compare"]


def entry(name: str, digest: str = "0" * 32) -> str:
    return (
        f"  {name}:\n    cmd: python -m stages.{name.partition('@')[0]}\n    deps:\n    - path: stages/train.py\n"
        f"      hash: md5\n      md5: {digest}\n      size: 123\n    params:\n      params.yaml:\n        text: 'a\n"
        f"\n          b'\n    outs:\n    - path: models/{name}\n      hash: md5\n      md5: {digest}.dir\n"
        "      size: 99\n      nfiles: 4\n"
    )


def lock(names=NAMES, **digests) -> str:
    return mend.HEADER + "".join(entry(name, digests.get(name, "0" * 32)) for name in names)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A git repository with a committed dvc.lock, as DVC leaves it."""
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / "dvc.yaml").write_text("stages:\n  train:\n    cmd: a\n  compare:\n    cmd: b\n")
    (tmp_path / "dvc.lock").write_text(lock())
    for command in (["init", "-q"], ["add", "dvc.lock"], ["commit", "-qm", "lock"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_whole_stays(study):
    assert mend.mend() == [] and mend.lost() == [] and mend.wound(lock()) is None
    assert (study / "dvc.lock").read_text() == lock()


@pytest.mark.parametrize("seed", range(20))
def test_a_cut_anywhere_is_mended_and_what_was_new_is_kept(study, seed):
    """A stage entered before the cut stays entered; those cut off come from the commit."""
    new = "1" * 32
    text = lock(**{NAMES[0]: new, NAMES[1]: new})
    cut = random.Random(seed).randrange(len(text))
    (study / "dvc.lock").write_text(text[:cut])
    (line,) = mend.mend()
    assert line.startswith("dvc.lock (") and line.endswith("4 stages are entered")
    whole = [name for name in NAMES if cut >= text.index(entry(name, new if name in NAMES[:2] else "0" * 32))]
    mended = mend.stages((study / "dvc.lock").read_text())
    assert list(mended) == NAMES and mend.mend() == []
    for name in whole[:-1]:
        assert mended[name] == mend.stages(text)[name]


@pytest.mark.parametrize("damage", ["", "\0" * 500, "stages: {}\n", "schema: '2.0'\n", lock()[:-3] + "\0\0\0"])
def test_other_damage_is_mended_too(study, damage):
    (study / "dvc.lock").write_text(damage)
    assert len(mend.mend()) == 1
    assert (study / "dvc.lock").read_text() == lock()


def test_stages_lost_without_a_trace_are_noticed(study):
    """A cut between two stages leaves valid YAML."""
    (study / "dvc.lock").write_text(lock(NAMES[:2]))
    assert mend.wound(lock(NAMES[:2])) is None and mend.lost() == NAMES[2:]
    assert mend.mend() == ["dvc.lock (it lacked 2 stages that it had), from the last whole one; 4 stages are entered"]
    assert (study / "dvc.lock").read_text() == lock()


def test_a_stage_taken_out_of_the_pipeline_is_not_lost(study):
    (study / "dvc.yaml").write_text("stages:\n  train:\n    cmd: a\n")
    (study / "dvc.lock").write_text(lock(NAMES[:3]))
    assert mend.lost() == [] and mend.mend() == []


def test_an_older_committed_lock_is_as_somebody_wanted_it(study):
    (study / "dvc.lock").write_text(lock(NAMES[:2]))
    subprocess.run(["git", "hash-object", "-w", "dvc.lock"], cwd=study, check=True, capture_output=True)
    assert mend.lost() == [] and mend.mend() == []


def test_the_kept_copy_is_newer_than_the_commit(study):
    new = lock(**{NAMES[3]: "2" * 32})
    (study / "dvc.lock").write_text(new)
    mend.keep()
    (study / "dvc.lock").write_text(new[:100])
    mend.keep()
    mend.mend()
    assert (study / "dvc.lock").read_text() == new


def test_without_any_other_it_begins_anew(study):
    subprocess.run(["rm", "-rf", ".git"], cwd=study, check=True)
    (study / "dvc.lock").write_text("schema:")
    assert "it begins anew" in mend.mend()[0]
    assert not (study / "dvc.lock").exists() and mend.mend() == []


@pytest.mark.parametrize("content", ["", '{"write": {"a"', "[]", '{"write": {"a": {"pid": "x"}}}'])
def test_a_torn_rwlock_is_removed(study, content):
    (study / mend.RWLOCK).write_text(content)
    assert mend.mend() == [".dvc/tmp/rwlock (it was torn), removed"]
    assert not (study / mend.RWLOCK).exists()


def test_a_rwlock_of_processes_that_are_gone_is_removed(study):
    """Or of ones that are none of DVC's: after a restart another may have the number."""
    path = study / mend.RWLOCK
    for pid in (2**22 - 1, os.getppid()):
        path.write_text(json.dumps({"read": {"a": [{"pid": pid, "cmd": "dvc repro"}]}}))
        assert mend.mend() == [".dvc/tmp/rwlock (it names processes that are gone), removed"]
    path.write_text("{}")
    assert mend.mend() == [] and path.exists()


def test_a_rwlock_in_use_stays(study):
    process = subprocess.Popen(["sleep", "60"])
    try:
        path = study / mend.RWLOCK
        path.write_text(json.dumps({"write": {"a": {"pid": process.pid, "cmd": "dvc repro"}}}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mend, "_is_dvc", lambda pid: pid == process.pid)
            assert mend.mend() == [] and path.exists()
    finally:
        process.kill()
        process.wait()


def test_while_another_dvc_writes_nothing_is_touched(study):
    (study / "dvc.lock").write_text("schema:")
    with (study / mend.GUARD).open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert mend.mend() == []
    assert len(mend.mend()) == 1


def test_check_tells_of_a_torn_lock(study):
    (study / "dvc.lock").write_text(lock()[:200])
    assert repro.check() == ["torn: dvc.lock: it is cut off; `make repro` mends it, or `git restore dvc.lock`"]


def test_check_tells_of_lost_stages_and_missing_results(study, monkeypatch):
    """What `dvc repro --dry` says is tried on the throw-away pipeline."""
    done = subprocess.CompletedProcess([], 0, stdout="Running stage 'train@tunes-gru':\n> python\n")
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **how: done if "dvc" in command else run(command, **how))
    (study / "dvc.lock").write_text(lock(NAMES[:2]))
    (study / f"models/{NAMES[0]}").mkdir(parents=True)
    assert repro.check() == [
        "lost: 'train@tunes-gru' is no longer in dvc.lock; `make repro` mends it",
        "lost: 'compare' is no longer in dvc.lock; `make repro` mends it",
        "outdated: 'train@tunes-gru', and what follows from it",
        f"missing: models/{NAMES[1]}",
    ]
