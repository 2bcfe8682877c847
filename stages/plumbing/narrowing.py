"""A small study beside the real one: params.yaml with fewer datasets, cells and epochs, and commands run there."""

import os
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages.plumbing.errors import InputError, Interrupted
from stages.plumbing.files import whole
from stages.plumbing.parameters import PARAMS


def narrow(
    folder: Path,
    datasets: Collection[str],
    cells: Collection[str] | None = None,
    repeats: int = 1,
    epochs: int | None = None,
    change: Callable[[dict[str, Any]], None] = lambda params: None,
) -> None:
    """Writes `folder`/params.yaml: the project's, of these datasets and cells only, without further arms.

    Args:
        cells: None: those of the project.
        repeats: of each dataset.
        epochs: at most; None: the dataset's own.
        change: what else is to be another, in place.
    """
    yaml = YAML()  # keeps comments and layout
    yaml.width = 120
    params = yaml.load(PARAMS)
    for name in set(params["datasets"]) - set(datasets):
        del params["datasets"][name]
    for entry in params["datasets"].values():
        budget = entry["training"]
        budget.update(repeats=repeats, max_epochs=min(budget["max_epochs"], epochs or budget["max_epochs"]))
    if cells is not None:
        params["cells"] = list(cells)
    for arm in params["arms"].values():
        if "datasets" in arm:
            arm["datasets"] = {}
    change(params)
    with whole(folder / PARAMS) as path:
        yaml.dump(params, path)


def environment() -> dict[str, str]:
    """This process's environment with its interpreter's programs first on the path."""
    here = str(Path(sys.executable).parent)
    told = {"DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}  # a line is passed on when it is printed
    return os.environ | told | {"PATH": here + os.pathsep + os.environ["PATH"]}


def call(
    folder: Path,
    *command: str,
    said: Callable[[str], None] = lambda line: print(line, end="", flush=True),
    **variables: str,
) -> None:
    """Runs `command` in `folder`; each line of its output goes to `said`, its errors go through.

    Raises:
        InputError: the command failed; it has printed why.
        Interrupted: it was asked to stop, and has said what it did.
    """
    where = environment() | variables
    with subprocess.Popen(
        command, cwd=folder, env=where, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as running:
        try:
            for line in running.stdout:
                said(line)
        except KeyboardInterrupt:  # the command has got it too, and puts its work away
            for line in running.stdout:
                said(line)
            running.wait()
            raise Interrupted(
                f"see above; the same command goes on, and nothing outside {folder}/ was changed"
            ) from None
    if running.returncode == 130:
        raise Interrupted(f"see above; the same command goes on, and nothing outside {folder}/ was changed")
    if running.returncode:
        raise InputError(f"{folder}: '{' '.join(command)}' failed, see above; nothing outside {folder}/ was changed")
