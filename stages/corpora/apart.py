"""Reading a file of others in a process of its own, where a library's memory is at the file's mercy."""

import multiprocessing
import resource
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from stages.plumbing.errors import InputError

BYTES = 4 * 1024**3  # of memory that the reader may take beyond what it starts with
READ, REFUSED = b"r", b"e"


def read_apart(read: Callable[[Path], bytes], path: Path) -> bytes:
    """What `read(path)` gives. A reader that breaks down takes nothing with it, and memory is bounded.

    Args:
        read: a function of a module; bytes come back, so that nothing that was made over there is unpickled here.

    Raises:
        InputError: that of `read`, or the reader broke down or ran out of memory.
    """
    context = multiprocessing.get_context()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_read, args=(read, path, theirs))
    process.start()
    theirs.close()
    try:
        told, found = ours.recv_bytes(), ours.recv_bytes(BYTES)
    except (EOFError, OSError):
        told, found = REFUSED, f"{path}: damaged, its reader breaks down on it".encode()
    process.join()
    if told != READ:
        raise InputError(found.decode())
    return found


def _read(read: Callable[[Path], bytes], path: Path, pipe: Connection) -> None:
    with suppress(OSError, ValueError):  # a bound is there already, or the system knows none
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        told, found = READ, read(path)
    except InputError as error:
        told, found = REFUSED, str(error).encode()
    except MemoryError:
        told, found = REFUSED, f"{path}: claims more than fits into {BYTES >> 30} GiB of memory".encode()
    pipe.send_bytes(told)
    pipe.send_bytes(found)
