"""One at a time over machines that share a folder: a lease that its holder keeps alive and a successor takes over.

A lock of the system's ends with its process, but between machines nobody tells whether it did: a network that is cut
off looks like a machine that is gone. So the holder writes a beat into its lease now and then. Who finds one whose beat
has stood still for `SECONDS`, or whose process was of this machine and is gone, takes over by a lease of the next
number; creating a file is the one step that a shared folder grants to one alone. The one that was cut off finds the
higher number before it writes anything, and stops.

Between that look and the write it may be cut off again. What trainings write then does no harm: their files replace
others whole, and two processes of one training have the same bits to write, or an older state of the same path.
Machines' clocks are never compared.
"""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex

import psutil

from stages.plumbing.environment import seconds
from stages.plumbing.errors import Interrupted
from stages.plumbing.files import cannot_write

SECONDS = 60.0  # without a beat until a lease is anybody's; STUDY_LEASE_SECONDS changes it, on all machines alike
BEATS = 6  # in that time
POLL = 0.1  # seconds between two looks of one that waits
STEP = 5.0  # seconds by which a clock that is set may move the time at which a process began


@contextmanager
def held(path: Path, what: str) -> Iterator["Lease"]:
    """A context that one process at a time is in, on all machines that share the folder: others wait, and say for whom.

    Args:
        path: of the lease; its files have a number more.
        what: is done alone, for the messages.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """
    lease = Lease(path, what)
    try:
        lease.take()
    except OSError as error:
        raise cannot_write(path, error) from None
    stop = threading.Event()
    beating = threading.Thread(target=lease.beat, args=(stop,), daemon=True)
    beating.start()
    try:
        yield lease
    finally:
        stop.set()
        beating.join()
        lease.give_back()


class Lease:
    """A process's claim to be the only one at something."""

    def __init__(self, path: Path, what: str):
        self.path, self.what, self.token = path, what, token_hex(8)
        self._seconds = seconds("STUDY_LEASE_SECONDS", SECONDS, least=0.5)
        self._file, self._descriptor = path, -1
        self._facts = {
            "token": self.token,
            "holder": f"process {os.getpid()} on {socket.gethostname()}",
            "machine": _machine(),
            "process": [os.getpid(), psutil.Process().create_time()],
        }

    def take(self) -> None:
        """Waits until nobody holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        seen, since, said = None, time.monotonic(), False
        while True:
            number, content = highest(self.path)
            if content != seen:
                seen, since = content, time.monotonic()
            facts = _read(content)
            if number == 0 or time.monotonic() - since > self._seconds or _is_gone(facts):
                if self._create(number + 1):
                    return
            elif not said:
                print(
                    f"{self.what}: {facts.get('holder', 'another process')} is at it; this one waits for it to end",
                    file=sys.stderr,
                    flush=True,
                )
                said = True
            time.sleep(POLL)

    def confirm(self) -> None:
        """To be called before anything is written.

        Raises:
            Interrupted: another process has taken over.
        """
        facts = _read(highest(self.path)[1])
        if facts.get("token") != self.token:
            raise Interrupted(f"{self.what}: {facts.get('holder', 'another process')} has taken over; this one stops")

    def beat(self, stop: threading.Event) -> None:
        """Says now and then that the holder lives, in place: a full disk does not silence it."""
        beat = 0
        while not stop.wait(self._seconds / BEATS):
            beat += 1
            with suppress(OSError):
                os.pwrite(self._descriptor, self._text(beat), 0)  # by descriptor: by name it may be a successor's
                os.fsync(self._descriptor)  # other machines see what was brought to the folder

    def give_back(self) -> None:
        with suppress(OSError):  # what is left becomes anybody's by itself
            if _read(self._file.read_bytes()).get("token") == self.token:
                self._file.unlink()
        os.close(self._descriptor)

    def _create(self, number: int) -> bool:
        """Makes the lease of that number; whether nobody else was first."""
        file = self.path.with_name(f"{self.path.name}.{number}")
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return False
        try:
            os.write(descriptor, self._text(0))
            os.fsync(descriptor)
        except OSError:
            os.close(descriptor)
            file.unlink()
            raise
        self._file, self._descriptor = file, descriptor
        for lower, left in _numbered(self.path).items():
            if lower < number:
                left.unlink(missing_ok=True)
        return True

    def _text(self, beat: int) -> bytes:
        """Of the same length at every beat."""
        return json.dumps(self._facts | {"beat": f"{beat:012d}"}).encode()


def highest(path: Path) -> tuple[int, bytes]:
    """The number of the lease that counts and what it holds; 0 where there is none."""
    while found := _numbered(path):
        with suppress(FileNotFoundError):  # given back since
            return max(found), found[max(found)].read_bytes()
    return 0, b""


def token(path: Path) -> str | None:
    """The holder's; None where nobody holds it."""
    return _read(highest(path)[1]).get("token")


def _numbered(path: Path) -> dict[int, Path]:
    files = path.parent.glob(f"{escape(path.name)}.*")
    return {int(file.suffix[1:]): file for file in files if file.suffix[1:].isdigit()}


def _read(content: bytes) -> dict:
    """What a lease says; nothing where its maker was killed before it said anything."""
    try:
        facts = json.loads(content)
        return facts if isinstance(facts, dict) else {}
    except ValueError:
        return {}


def _is_gone(facts: dict) -> bool:
    """Whether the holder was a process of this machine and has ended."""
    if facts.get("machine") != _machine():
        return False
    number, created = facts["process"]
    try:
        process = psutil.Process(number)
        return abs(process.create_time() - created) > STEP or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _machine() -> str:
    """The same for processes that can see each other by number."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), os.readlink("/proc/self/ns/pid")]
    return " ".join(parts)
