"""Folders of files: found in one order on every machine, read one by one, written whole or not at all."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from stages.plumbing.errors import InputError

R = TypeVar("R")


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
        InputError: there is no such folder, or it holds a link to a folder (which could lead anywhere, or in a circle).
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    names = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        for name in folders:
            if (Path(root) / name).is_symlink():
                raise InputError(f"{Path(root) / name}: expected a folder, found a link to one; copy the files there")
        names += [(Path(root) / name).relative_to(folder).as_posix() for name in files if not name.startswith(".")]
    return sorted(names)


def find_files(folder: Path, suffixes: Collection[str]) -> list[str]:
    """Those of `list_files` whose name ends in one of `suffixes` (lower case, with the dot), whatever their case.

    Raises:
        InputError: there is none.
    """
    names = [name for name in list_files(folder) if name.lower().endswith(tuple(suffixes))]
    if not names:
        raise InputError(f"{folder}: expected files ending in {' or '.join(suffixes)}, found none")
    return names


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
        results = {name: submit(read, folder / name) for name in names}
        for name, result in tqdm(results.items(), desc="reading", unit="file", disable=None):
            try:
                contents[name] = result()
            except InputError as error:
                if not skip_unreadable:
                    raise InputError(f"{error} (`skip_unreadable: true` goes on without such files)") from None
                left_out[name] = str(error)
                tqdm.write(f"skipped: {error}", file=sys.stderr)
    if not contents:
        raise InputError(f"{folder}: none of its {len(names)} files can be read; the first: {left_out[names[0]]}")
    return contents, left_out


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
