"""One at a time, on however many machines: who waits, who takes over from whom, and who finds out."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from stages.plumbing import leases
from stages.plumbing.errors import InputError, Interrupted
from stages.plumbing.leases import held

ROOT = Path(__file__).parent.parent.parent

HOLDER = """
import time
from pathlib import Path
from stages.plumbing.leases import held
with held(Path("locks/a"), "a"):
    print("alone", flush=True)
    time.sleep(60)
"""


def holder(folder) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "alone\n"
    return process


def test_a_lock_is_waited_for_and_ends_with_its_process(tmp_path, capfd):
    process = holder(tmp_path)
    killer = threading.Timer(0.3, lambda: os.kill(process.pid, signal.SIGKILL))
    killer.start()
    begun = time.monotonic()
    with held(tmp_path / "locks/a", "scales-gru"):
        assert time.monotonic() - begun > 0.2
    process.wait()
    assert f"scales-gru: process {process.pid} on " in capfd.readouterr().err
    assert os.listdir(tmp_path / "locks") == []


def test_a_lock_left_behind_is_nobodys(tmp_path, capfd):
    process = holder(tmp_path)
    process.kill()
    process.wait()
    assert (tmp_path / "locks/a.1").exists()
    with held(tmp_path / "locks/a", "a"):
        pass
    assert capfd.readouterr().err == ""


def test_many_are_alone_one_after_the_other(tmp_path):
    inside, most = [], []

    def enter() -> None:
        with held(tmp_path / "a", "a"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) == 8


@pytest.fixture
def elsewhere(monkeypatch):
    """Processes of this machine look like another machine's: nobody can ask whether they live."""
    monkeypatch.setattr(leases, "_is_gone", lambda facts: False)
    monkeypatch.setenv("STUDY_LEASE_SECONDS", "0.6")


def test_a_machine_that_was_cut_off_is_succeeded_and_writes_nothing_when_it_is_back(tmp_path, elsewhere):
    first = leases.Lease(tmp_path / "a", "scales-gru")
    first.take()  # and beats no more
    first.confirm()
    with held(tmp_path / "a", "scales-gru") as second:
        with pytest.raises(Interrupted, match="scales-gru: process .* has taken over; this one stops"):
            first.confirm()
        first.give_back()
        second.confirm()
        assert leases.token(tmp_path / "a") == second.token
    assert os.listdir(tmp_path) == [] and leases.token(tmp_path / "a") is None


@pytest.mark.parametrize("told", ["60s", "0", "-5", "inf", "nan", "x" * 999])
def test_what_the_environment_says_of_seconds_is_checked(tmp_path, monkeypatch, told):
    monkeypatch.setenv("STUDY_LEASE_SECONDS", told)
    with pytest.raises(InputError, match=r"^STUDY_LEASE_SECONDS: expected a number of seconds, 0\.5 or more, found '"):
        leases.Lease(tmp_path / "a", "a")
    monkeypatch.setenv("STUDY_LEASE_SECONDS", "")
    assert leases.Lease(tmp_path / "a", "a")._seconds == leases.SECONDS


def test_who_beats_is_waited_for_however_long(tmp_path, elsewhere):
    with held(tmp_path / "a", "a") as first:
        waiting = threading.Thread(target=leases.Lease(tmp_path / "a", "a").take, daemon=True)
        waiting.start()
        waiting.join(1.8)
        assert waiting.is_alive()
        first.confirm()
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_late_beat_never_falls_into_a_successors_lease(tmp_path):
    """The name may be given again; the first still has its own file open."""
    first, second = (leases.Lease(tmp_path / "a", "a") for _ in range(2))
    first.take()
    (tmp_path / "a.1").unlink()
    second.take()
    os.pwrite(first._descriptor, first._text(1), 0)
    second.confirm()
    with pytest.raises(Interrupted):
        first.confirm()


def test_a_lease_whose_maker_was_killed_at_once_is_taken_over(tmp_path, elsewhere):
    (tmp_path / "a.7").touch()
    with held(tmp_path / "a", "a"):
        assert os.listdir(tmp_path) == ["a.8"]


def test_a_folder_that_cannot_be_written_is_the_users_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"), held(tmp_path / "file/a", "a"):
        pass
