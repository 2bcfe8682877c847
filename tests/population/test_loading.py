"""The cache of compiled code: found by contents, made anew whatever was done to it, and never in silence."""

import os
import re
import shutil
import sys
import tempfile
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import sleep

import pytest
from filelock import FileLock

from stages import cells
from stages.plumbing.errors import InputError
from stages.population.kernels import loading
from stages.recurrent import derive

# A fork of this process, in which Numba is there already; of the cell's package it has nothing.
CONTEXT = get_context("fork")

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


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A small fast path in the place of the true one, and an empty cache."""
    for clone in ("one", "two"):
        (tmp_path / clone).mkdir()
        (tmp_path / clone / "row.py").write_text(ROW)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "one"


def load_and_call(sources: Path, answers: Path, said: Path) -> None:
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    loading.SOURCES = sources
    row = loading.load(CELL.format(3))
    answers.write_text(f"{row.train(2)} {sum(row.train.stats.cache_misses.values())}")


def start(sources: Path) -> tuple[BaseProcess, Path, Path]:
    files = sources.with_name("answers"), sources.with_name("said")
    for file in files:
        file.write_text("")
    process = CONTEXT.Process(target=load_and_call, args=(sources, *files))
    process.start()
    return process, *files


def end(process: BaseProcess, answers: Path, said: Path) -> tuple[str, str]:
    process.join(300)
    assert process.exitcode == 0, said.read_text()
    return answers.read_text(), said.read_text()


def run(sources: Path) -> tuple[str, str]:
    """Another process's answer and how many functions it compiled, and what it said."""
    return end(*start(sources))


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
        waiting = start(sources)
        while waiting[0].is_alive() and not waiting[2].read_text():
            sleep(0.05)
        assert waiting[2].read_text() == "waiting for another process that compiles the fast path\n"
    assert end(*waiting)[0] == "6 0"


def test_where_no_cache_can_be_written_it_is_compiled_for_the_process(sources):
    (sources.with_name("cache")).write_text("a file where a folder is wanted")
    assert run(sources)[0] == "6 1" and run(sources)[0] == "6 1"


def test_where_the_cache_is_full_it_is_compiled_for_the_process(sources, monkeypatch):
    """Its folder can be made, and nothing be copied into it."""
    full = [sources.with_name("cache")]

    def copytree(_, folder, **options):
        if any(place in folder.parents for place in full):
            raise shutil.Error([("row.py", str(folder), "[Errno 28] No space left on device")])
        folder.mkdir(parents=True)

    monkeypatch.setattr(loading, "user_cache_path", lambda _: full[0])
    monkeypatch.setattr(loading.shutil, "copytree", copytree)
    monkeypatch.setattr(loading, "_run", lambda folder, _: folder)
    folder = loading.load("a cell")
    assert folder.is_dir() and full[0] not in folder.parents
    full.append(Path(tempfile.gettempdir()))
    with pytest.raises(InputError, match=r"cannot be written \(.*No space left on device.*\); check the disk's space"):
        loading.load("another cell")


@pytest.mark.parametrize("name", ["gru", "tanh"])
def test_compiled_functions_are_told_apart_by_their_cells_package(name):
    """Else two cells from the cache in one process call each other's: RMSProp's loop called Adam's."""
    row = loading.load(derive.compiled(cells.load(name), 8, 6))
    (file,) = Path(row.__file__).parent.rglob("*train*.nbc")
    symbols = set(re.findall(rb"_ZN(?:08NumbaEnv)?(\d\d?[a-z]\w*)", file.read_bytes()))
    own = f"{len(row.__package__)}{row.__package__}".encode()
    # Of the optimisers' equations, which are shared, those of one name are the same in all cells.
    shared = b"6stages10population10optimisers", b"5numba", b"7cpython"
    assert any(symbol.startswith(own + b"8products") for symbol in symbols)
    assert not [symbol for symbol in symbols if not symbol.startswith((own, *shared))]
