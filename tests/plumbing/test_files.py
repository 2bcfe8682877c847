"""Files appear whole or not at all, whoever else writes them, with the rights that the umask gives."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from stages.plumbing.errors import InputError
from stages.plumbing.files import remove, whole

ROOT = Path(__file__).parent.parent.parent


def test_a_whole_file_appears_when_complete(tmp_path):
    path = tmp_path / "folder" / "curves.csv"
    with whole(path) as temporary:
        temporary.write_text("epoch\n1\n")
        assert not path.exists() and temporary.suffix == ".csv"
    assert path.read_text() == "epoch\n1\n"
    assert os.listdir(path.parent) == ["curves.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_half_written_file_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "curves.csv"
    path.write_text("before")
    with pytest.raises(error), whole(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["curves.csv"]


def test_a_folder_that_is_a_file_is_the_users_error(tmp_path):
    (tmp_path / "models").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"), whole(tmp_path / "models" / "run.json"):
        pass
    with pytest.raises(InputError, match="cannot be written"):
        remove(tmp_path / "models" / "run.json")


def test_two_writers_never_mix(tmp_path):
    """Each writes its own letter slowly; whoever ends last has the file."""
    path, errors = tmp_path / "x.safetensors", []

    def write(letter: bytes, pause: float) -> None:
        try:
            with whole(path) as temporary, temporary.open("wb") as file:
                for _ in range(8):
                    file.write(letter * 1000)
                    file.flush()
                    time.sleep(pause)
        except BaseException as error:
            errors.append(error)

    first, second = (threading.Thread(target=write, args=each) for each in ((b"a", 0.02), (b"b", 0.05)))
    first.start()
    time.sleep(0.05)
    second.start()
    first.join()
    assert path.read_bytes() == 8000 * b"a"
    second.join()
    assert path.read_bytes() == 8000 * b"b" and not errors
    assert os.listdir(tmp_path) == ["x.safetensors"]


KILLED = """
import sys, time
from pathlib import Path
from stages.plumbing.files import whole
with whole(Path("curves.csv")) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_writer_left_is_swept_and_a_living_ones_is_not(tmp_path):
    def writer() -> subprocess.Popen:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "writing\n"
        return process

    killed, living = writer(), writer()
    killed.kill()
    killed.wait()
    (tmp_path / ".curves.part.csv").write_text("left by an older version")
    (tmp_path / ".curves.part.csv.gz").write_text("another file's")
    with whole(tmp_path / "curves.csv") as temporary:
        temporary.write_text("whole")
    left = sorted(path.name for path in tmp_path.iterdir())
    living.kill()
    living.wait()
    assert left[-1] == "curves.csv" and ".curves.part.csv.gz" in left
    assert [name.split("-")[0] for name in left if name.endswith(".part.csv")] == [f".curves.{living.pid}"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_gives_the_rights(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        with whole(tmp_path / "a.csv") as temporary:
            temporary.write_text("a")
        with whole(tmp_path / "b.csv") as temporary:
            temporary.unlink()  # as by writers that go by a temporary file of their own, whose rights are 0600
            temporary.touch(mode=0o600)
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.csv", "b.csv")] == [mode, mode]
