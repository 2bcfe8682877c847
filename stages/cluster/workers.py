"""What a worker does: it trains a block in a process of its own, and tells how that ended.

Ray carries this file's code to the worker, which may have none of the project's: only the standard library is used.
"""

import os
import platform
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path

NOTHING = "none"
LINES = 20  # of a training's output that are kept


@dataclass(frozen=True)
class Versions:
    """Digests of files, by path, and versions of packages; `mark` is the file that only the driver's folder has."""

    mark: str
    files: dict[str, str]
    packages: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a block ended.

    Attributes:
        node: Ray's name of the machine.
        host: its own.
        refused: what keeps the machine from training; empty: nothing.
        status: the exit status of the training, negative for a signal.
        said: its last lines.
    """

    node: str
    host: str
    refused: list[str]
    status: int = 0
    said: str = ""


def work(folder: str, arguments: tuple[str, ...], versions: Versions, variables: dict[str, str]) -> Outcome:
    """Trains a block, as the driver's folder, which this machine must share, has it.

    Ctrl-C, which is how Ray asks a task to stop, is passed on; the training saves where it is.

    Args:
        variables: of the training's environment; the machine's own are those it was started with.
    """
    import ray  # where this runs, it is there

    node, host = ray.get_runtime_context().get_node_id(), socket.gethostname()
    if refused := differences(Path(folder), versions):
        return Outcome(node, host, refused)
    where = os.environ | variables | {"PYTHONUNBUFFERED": "1"}
    where.pop("PYTHONPATH", None)
    # Its standard input is a pipe that nothing is written to: it closes when this process ends, however that ends.
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.cluster.child", *arguments],
        cwd=folder,
        env=where,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines: deque[str] = deque(maxlen=LINES)
    try:
        lines.extend(process.stdout)
        status = process.wait()
    except KeyboardInterrupt:
        process.terminate()
        lines.extend(process.stdout)
        status = process.wait()
    return Outcome(node, host, [], status, "".join(lines))


def differences(folder: Path, versions: Versions) -> list[str]:
    """What this machine has other than the driver."""
    if digest(folder / versions.mark) != versions.files[versions.mark]:
        return [f"{folder} is not the driver's folder, which all machines must share"]
    files = [name for name, there in versions.files.items() if digest(folder / name) != there]
    packages = [
        f"{name} {found}, the driver's {there}"
        for name, there in versions.packages.items()
        if (found := package(name)) != there
    ]
    return files + packages


def digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return NOTHING


def package(name: str) -> str:
    """The version, without what tells builds for a GPU and for none apart."""
    if name == "Python":
        return platform.python_version()
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return NOTHING
