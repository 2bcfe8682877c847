"""Whole files or none: an output appears under its name only when it is complete."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex

from stages.plumbing.errors import InputError


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; on success it replaces `path`, on any error it is removed.

    The temporary name is the writer's own, so that two never mix, and keeps the suffix of `path`, because some writers
    choose their format by it. The file is locked while it is written; one without a lock was left by a killed process
    and is removed by the next who writes `path`. The file's rights are those that the umask gives.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        temporary, descriptor = _temporary(path)
        mode = os.fstat(descriptor).st_mode & 0o777
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(mode)  # a writer may have made the file anew, and for its eyes only
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)
        os.close(descriptor)


def remove(path: Path) -> None:
    """Removes a file that may be there.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from None


def _temporary(path: Path) -> tuple[Path, int]:
    """A new file beside `path`, locked, and its descriptor."""
    while True:
        temporary = path.with_name(f".{path.stem}.{os.getpid()}-{token_hex(4)}.part{path.suffix}")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, descriptor
        os.close(descriptor)  # swept away before it was locked


def _sweep(path: Path) -> None:
    """Removes what killed writers of `path` have left."""
    for left in path.parent.glob(f".{escape(path.stem)}.*part{escape(path.suffix)}"):
        with suppress(OSError):  # another's, in use or already removed
            descriptor = os.open(left, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(descriptor)


def cannot_write(path: Path, error: OSError) -> InputError:
    """The user's error that an error of the system is."""
    return InputError(f"{path}: cannot be written ({error.strerror}); check the folder's rights and the disk's space")
