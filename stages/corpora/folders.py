"""Files of others, opened, copied and read one by one, and folders written whole or not at all."""

import fcntl
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from glob import escape
from multiprocessing import get_context
from pathlib import Path
from typing import IO, Any, TypeVar

from tqdm import tqdm

from stages.plumbing.errors import InputError

R = TypeVar("R")
LOCK = "lock"  # the file in a folder being filled that its process has locked


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
        raise InputError(f"{path}: cannot be read ({_reason(error)})") from None
    with file:
        yield file


def _reason(error: OSError | ValueError) -> str:
    """The system's words, without its number and the file's name."""
    return getattr(error, "strerror", None) or str(error)


def content(path: Path, most: int) -> bytes:
    """A file's bytes.

    Raises:
        InputError: as `opened`, or there are more bytes than `most`.
    """
    with opened(path) as file:
        try:
            found = file.read(most + 1)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({_reason(error)})") from None
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
                target.unlink()
                raise InputError(f"{origin}: cannot be read ({_reason(error)})") from None
            if not chunk:
                return
            written.write(chunk)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yields an empty folder beside `path`; on success it replaces `path`, on any error it is removed.

    It holds a file that is locked meanwhile: what a killed process has left is removed by the next who makes `path`.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    temporary, stack = None, ExitStack()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{escape(path.name)}.*/{LOCK}"):
            with suppress(OSError), left.open("rb") as file:  # another's, in use or already removed
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left.parent, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        lock = stack.enter_context((temporary / LOCK).open("wb"))
        with suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
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
        stack.close()


def read_each(
    folder: Path,
    names: Sequence[str],
    read: Callable[[Path], R],
    skip_unreadable: bool,
    workers: int = 1,
    unusable: Mapping[str, str] = {},
) -> tuple[dict[str, R], dict[str, str]]:
    """Reads files one by one, in `workers` processes: what was read by name, and why files were left out by name.

    Args:
        unusable: why further files cannot be read, by name.

    Raises:
        InputError: a file cannot be used and `skip_unreadable` is false, or none can be used.
    """
    contents: dict[str, R] = {}
    left_out = {name: f"{folder / name}: {reason}" for name, reason in unusable.items()}
    if left_out and not skip_unreadable:
        raise InputError(f"{next(iter(left_out.values()))} (`skip_unreadable: true` goes on without such files)")
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
