"""The cache of compiled code: found by contents, made anew whatever was done to it, and never in silence."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

CELL = "FACTOR = {}\n"
ROW = """
from numba import int64, njit

from . import cell


@njit(cache=True)
def train(x):
    return cell.FACTOR * x


def compile_all():
    train.compile((int64,))
"""
PROGRAM = f"""
import sys
from pathlib import Path
from stages.population.kernels import loading
loading.SOURCES = Path(sys.argv[1])
row = loading.load({CELL.format(3)!r})
print(row.train(2), sum(row.train.stats.cache_misses.values()))
"""


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A small fast path in the place of the true one, and an empty cache."""
    for clone in ("one", "two"):
        (tmp_path / clone).mkdir()
        (tmp_path / clone / "row.py").write_text(ROW)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "one"


def run(sources: Path) -> tuple[str, str]:
    """Another process's answer and how many functions it compiled, and what it said."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(sources)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def test_a_second_clone_compiles_nothing_and_another_version_does(sources):
    answer, said = run(sources)
    assert answer == "6 1" and said.startswith("compiling the fast path")
    assert run(sources) == ("6 0", "")
    assert run(sources.with_name("two")) == ("6 0", "")
    (sources.with_name("two") / "row.py").write_text(ROW + "# another\n")
    assert run(sources.with_name("two"))[0] == "6 1"


def damages():
    yield "empty index", ".nbi", lambda data: b""
    yield "half an index", ".nbi", lambda data: data[: len(data) // 2]
    yield "another index", ".nbi", lambda data: b"\x00" * len(data)
    yield "empty code", ".nbc", lambda data: b""
    yield "half the code", ".nbc", lambda data: data[: len(data) // 2]
    yield "a turned bit of the code", ".nbc", lambda data: data[:-200] + bytes([data[-200] ^ 1]) + data[-199:]
    yield "another source", "cell.py", lambda data: data.replace(b"3", b"4")
    yield "no manifest", "finished.json", lambda data: b""


@pytest.mark.parametrize(("ending", "damage"), [each[1:] for each in damages()], ids=[each[0] for each in damages()])
def test_a_damaged_cache_is_made_anew(sources, ending, damage):
    run(sources)
    cache = sources.with_name("cache")
    (file,) = [file for file in cache.rglob("*") if file.name.endswith(ending)]
    file.write_bytes(damage(file.read_bytes()))
    answer, said = run(sources)
    assert answer == "6 1" and said.startswith("compiling the fast path")
    assert run(sources) == ("6 0", "")


def test_a_missing_file_is_made_anew(sources):
    run(sources)
    for file in sources.with_name("cache").rglob("*.nb[ic]"):
        file.unlink()
    assert run(sources)[0] == "6 1"


def test_waiting_for_another_process_is_announced(sources, monkeypatch):
    run(sources)
    (lock,) = sources.with_name("cache").rglob("*.lock")
    with FileLock(lock):
        waiting = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(sources)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert waiting.stderr.readline() == "waiting for another process that compiles the fast path\n"
    assert waiting.communicate(timeout=300)[0].strip() == "6 0"


def test_where_no_cache_can_be_written_it_is_compiled_for_the_process(sources):
    (sources.with_name("cache")).write_text("a file where a folder is wanted")
    assert run(sources)[0] == "6 1" and run(sources)[0] == "6 1"
