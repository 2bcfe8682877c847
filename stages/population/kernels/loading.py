"""Compiles a cell's fast path on first use with Numba, which needs no compiler on the machine.

What is compiled lies in the user's cache under a name made from all that it was made of: another version of the study
never runs it, another copy of this version compiles nothing, and a cache that was damaged or left unfinished is made
anew.

A cell gets a package of its own with a copy of every kernel. Compiled functions call each other by names that are made
of their module and of a number that Numba gave them in the process that compiled them. Two cells from the cache that
shared a module would call each other's functions (seen with Numba 0.68.1: RMSProp's loop called Adam's).
"""

import atexit
import json
import shutil
import sys
import tempfile
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numba
from filelock import FileLock, Timeout
from llvmlite import binding
from platformdirs import user_cache_path

from stages.plumbing.errors import InputError
from stages.plumbing.parameters import shortened
from stages.population import optimisers

SOURCES = Path(__file__).parent
_loaded: dict[str, ModuleType] = {}


def load(source: str) -> ModuleType:
    """The module `row` with the derived passes of a cell, compiled in this process or taken from the cache.

    Processes that come at the same time wait for the first. Where no cache can be written the code is compiled for
    this process alone.

    Raises:
        InputError: the disk is full, that of temporary files too.
    """
    name = _digest(source)
    if name not in _loaded:
        folder = _folder(name)
        lock = FileLock(folder.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0.2)
        except Timeout:
            print("waiting for another process that compiles the fast path", file=sys.stderr)
            lock.acquire()
        try:
            _loaded[name] = _from(folder, source, name)
        except OSError:  # no room where the folder could be made
            _loaded[name] = _alone(source, name)
        finally:
            lock.release()
    return _loaded[name]


def _from(folder: Path, source: str, name: str) -> ModuleType:
    """Runs the package in the folder, which is made anew unless every file is as it was when it was finished."""
    finished = folder / "finished.json"
    if _is_whole(folder, finished):
        try:
            return _run(folder, name)
        except Exception as error:  # whatever Numba thinks of its files: they can be made anew
            print(f"the compiled fast path cannot be used ({type(error).__name__})", file=sys.stderr)
    print("compiling the fast path, once for this version of the cell (half a minute or so)", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns(Path(__file__).name, "__pycache__"))
    (folder / "cell.py").write_text(source, encoding="utf-8")
    row = _run(folder, name)
    finished.write_text(json.dumps(_digests(folder)))
    return row


def _run(folder: Path, name: str) -> ModuleType:
    """Imports the package: `row`, and from it `cell`, the derived passes."""
    package = f"fast_path_{name}"
    for module in [module for module in sys.modules if module.partition(".")[0] == package]:
        del sys.modules[module]
    numba.config.CACHE_DIR = str(folder)
    spec = spec_from_file_location(package, folder / "__init__.py", submodule_search_locations=[str(folder)])
    sys.modules[package] = module_from_spec(spec)
    row = import_module(f"{package}.row")
    row.compile_all()
    return row


def _is_whole(folder: Path, finished: Path) -> bool:
    try:
        return json.loads(finished.read_text()) == _digests(folder)
    except (OSError, ValueError):
        return False


def _digests(folder: Path) -> dict[str, str]:
    """Of every file that is run, and where they lie, which Numba asks too."""
    files = [file for file in folder.rglob("*") if file.suffix in (".py", ".nbi", ".nbc")]
    return {"folder": str(folder)} | {
        str(file.relative_to(folder)): sha256(file.read_bytes()).hexdigest() for file in files
    }


def _digest(source: str) -> str:
    """A name for what the compiled code depends on: sources, the compiler's version, the processor."""
    parts = [file.read_bytes() for file in (*sorted(SOURCES.glob("*.py")), Path(optimisers.__file__))]
    facts = source, version("numba"), version("llvmlite"), sys.version, binding.get_host_cpu_name()
    parts += [repr(facts).encode(), binding.get_host_cpu_features().flatten().encode()]
    return sha256(b"".join(parts)).hexdigest()[:16]


def _folder(name: str) -> Path:
    """A folder that can be written: the user's, or one that lasts as long as this process."""
    cache = user_cache_path("gated-recurrence-study") / "kernels"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / f"{name}.lock").touch()
    except OSError:
        return _passing(name)
    return cache / name


def _alone(source: str, name: str) -> ModuleType:
    """Compiled for this process alone."""
    folder = _passing(name)
    try:
        return _from(folder, source, name)
    except OSError as error:
        reason = shortened(" ".join(str(error).split()), 200)
        raise InputError(f"{folder}: cannot be written ({reason}); check the disk's space") from None


def _passing(name: str) -> Path:
    """A folder that lasts as long as this process."""
    cache = Path(tempfile.mkdtemp(prefix="gated-recurrence-study-"))
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    return cache / name
