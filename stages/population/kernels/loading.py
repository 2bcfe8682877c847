"""Compiles the kernels on first use with Numba, which needs no compiler on the machine.

The code is kept in the user's cache under a name made from the sources: another version of the study never runs it.
"""

import atexit
import shutil
import sys
import tempfile
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numba
from filelock import FileLock
from platformdirs import user_cache_path


def load() -> ModuleType:
    """The module `row`, its functions compiled in this process or taken from the cache.

    Processes that come at the same time wait for the first. Where no cache can be written the code is compiled for
    this process alone.
    """
    cache = _cache()
    numba.config.CACHE_DIR = str(cache)
    with FileLock(cache / "lock"):
        if not any(cache.glob("**/*.nbi")):
            print("compiling the fast path, once for this version of the study (half a minute or so)", file=sys.stderr)
        row = import_module(f"{__package__}.row")
        row.compile_all()
    return row


def _cache() -> Path:
    """A folder that can be written: the user's, or one that lasts as long as this process."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    name = sha256(b"".join(file.read_bytes() for file in sources) + version("numba").encode()).hexdigest()[:16]
    cache = user_cache_path("gated-recurrence-study") / "kernels" / name
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "lock").touch()
        return cache
    except OSError:
        folder = tempfile.mkdtemp(prefix="gated-recurrence-study-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)
