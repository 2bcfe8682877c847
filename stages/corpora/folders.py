"""Folders of files: found in one order on every machine, read one by one, written whole or not at all."""

import os
import shutil
import signal
import stat
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

from tqdm import tqdm

from stages.plumbing.errors import InputError

R = TypeVar("R")
LONGEST_NAME, LONGEST_PATH = 255, 1024  # bytes that a file system holds


class Found(NamedTuple):
    """The files of a folder: those asked for, in order, and how many others there are by their ending."""

    names: list[str]
    others: Counter[str]


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file of others, open for reading.

    Raises:
        InputError: it is no plain file (a link to nothing, a pipe, a device), or reading it fails, then or later.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            raise InputError(f"{path}: expected a file, found a folder, a pipe or a device")
        file = path.open("rb")
    except FileNotFoundError:
        found = "a link to nothing" if path.is_symlink() else "none"
        raise InputError(f"{path}: expected a file, found {found}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    with file:
        yield file


def content(path: Path, most: int) -> bytes:
    """A file's bytes.

    Raises:
        InputError: as `opened`, or there are more bytes than `most`.
    """
    with opened(path) as file:
        try:
            found = file.read(most + 1)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error})") from None
    if len(found) > most:
        raise InputError(f"{path}: expected at most {most} bytes, found more")
    return found


def created(path: Path) -> IO[bytes]:
    """A new file, open for writing.

    Raises:
        InputError: there is one: some disks take names for the same that differ in capitals or accents' form.
    """
    try:
        return path.open("xb")
    except FileExistsError:
        raise InputError(f"{path.name}: this disk takes its name and another file's for the same; rename one") from None


def copy(origin: Path, target: Path) -> None:
    """Copies a file of others. Errors of reading name it; errors of writing are `whole_folder`'s.

    Raises:
        InputError: as `opened` and `created`.
    """
    with opened(origin) as source, created(target) as written:
        while True:
            try:
                chunk = source.read(2**20)
            except OSError as error:
                raise InputError(f"{origin}: cannot be read ({error})") from None
            if not chunk:
                return
            written.write(chunk)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yields an empty folder beside `path`; on success it replaces `path`, on any error it is removed.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        filling = temporary / "filling"
        filling.mkdir()
        yield filling
        if path.exists():
            path.rename(temporary / "replaced")
        filling.rename(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error}); check the folder's rights and the disk's space"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def list_files(folder: Path) -> list[str]:
    """Names of all files below `folder`, with `/`, sorted; hidden ones and macOS's shadow copies are left out.

    Raises:
        InputError: there is no such folder, it holds a link to a folder (which could lead anywhere, or in a circle), or
            a name that cannot be used (see `unusable`).
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})")

    names = []
    for root, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        files = [name for name in files if not name.startswith(".")]
        for name in folders + files:
            if reason := unusable(name):
                raise InputError(f"{folder}: {name!a}: {reason}; rename it")
        for name in folders:
            if (Path(root) / name).is_symlink():
                raise InputError(f"{Path(root) / name}: expected a folder, found a link to one; copy the files there")
        names += [(Path(root) / name).relative_to(folder).as_posix() for name in files]
    return sorted(names)


def unusable(name: str) -> str:
    """Why a file's name can stand in no table, page or list of DVC; empty if it can."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "expected a name in UTF-8, found other bytes"
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name):
        return "expected a name without control characters and line breaks"
    if size > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in name.split("/")):
        return f"expected at most {LONGEST_NAME} bytes a name and {LONGEST_PATH} a path, found more"
    return ""


def find_files(folder: Path, suffixes: Collection[str]) -> Found:
    """Those of `list_files` whose name ends in one of `suffixes` (lower case, with the dot), whatever their case.

    Raises:
        InputError: there is none.
    """
    names, others = [], Counter()
    for name in list_files(folder):
        ending = Path(name).suffix.lower()
        if ending in suffixes:
            names.append(name)
        else:
            others[ending or "none"] += 1
    if not names:
        there = f"; there are files ending in {', '.join(sorted(others))}" if others else ""
        raise InputError(f"{folder}: expected files ending in {' or '.join(suffixes)}, found none{there}")
    return Found(names, others)


def told(others: Mapping[str, int], odd: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """What counts.json says of the files that were not asked for, by ending, and of what was odd in those read.

    Args:
        odd: what was odd, in words, with how often it was, by the file's name.
    """
    kinds = sorted({what for counts in odd.values() for what in counts if counts[what]})
    found = {
        what: {"files": sum(counts[what] > 0 for counts in of), "times": sum(counts[what] for counts in of)}
        for what in kinds
        if (of := [counts for counts in odd.values() if counts.get(what)])
    }
    about = {"other_endings": dict(sorted(others.items())), "odd": found}
    return {key: value for key, value in about.items() if value}


def read_each(
    folder: Path, names: Sequence[str], read: Callable[[Path], R], skip_unreadable: bool, workers: int = 1
) -> tuple[dict[str, R], dict[str, str]]:
    """Reads files one by one, in `workers` processes: what was read by name, and why files were left out by name.

    Raises:
        InputError: a file cannot be used and `skip_unreadable` is false, or none can be used.
    """
    contents: dict[str, R] = {}
    left_out: dict[str, str] = {}
    with _submitter(workers) as submit:
        results = {name: submit(_read_plain, read, folder / name) for name in names}
        for name, result in tqdm(results.items(), desc="reading", unit="file", disable=None):
            try:
                contents[name] = result()
            except (InputError, MemoryError) as error:
                if isinstance(error, MemoryError):
                    error = InputError(f"{folder / name}: more memory is asked for than there is")
                if not skip_unreadable:
                    raise InputError(f"{error} (`skip_unreadable: true` goes on without such files)") from None
                left_out[name] = str(error)
                tqdm.write(f"skipped: {error}", file=sys.stderr)
    if not contents:
        raise InputError(f"{folder}: none of its {len(names)} files can be read; the first: {left_out[names[0]]}")
    return contents, left_out


def _read_plain(read: Callable[[Path], R], path: Path) -> R:
    with opened(path):  # else a reader would wait for a pipe
        pass
    return read(path)


@contextmanager
def _submitter(workers: int) -> Iterator[Callable[..., Callable[[], Any]]]:
    """Yields a function that takes a call and gives a function that waits for its result."""
    if workers == 1:
        yield partial
        return
    # An interrupt is the main process's to handle, once.
    ignore_interrupts = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=ignore_interrupts)
    try:
        yield lambda call, *arguments: pool.submit(call, *arguments).result
    finally:
        pool.shutdown(cancel_futures=True)
