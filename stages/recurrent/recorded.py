"""What trainings recorded of themselves in run.json, for the stages that use their nets."""

import json
from pathlib import Path

from stages.plumbing.errors import InputError
from stages.recurrent.net import Net


def recorded_cells(folder: Path) -> list[str]:
    """The cells with a training in the folder of an arm's dataset, by name. Which there must be, `compare` knows.

    Raises:
        InputError: there is none.
    """
    if not (found := sorted(path.parent.name for path in folder.glob("*/run.json"))):
        raise InputError(f"{folder}: no training there; `dvc repro` trains what params.yaml asks for")
    return found


def recorded_net(path: Path) -> Net:
    """The net that a training recorded in its run.json.

    Raises:
        InputError: the file is missing, or lacks a fact.
    """
    try:
        facts = json.loads(path.read_text())
        return Net.build(
            facts["cell"],
            facts["output"],
            facts["input_size"],
            facts["units"],
            facts["target_size"],
            facts["output_settings"],
        )
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `dvc repro` trains it") from None
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a record of a training ({error!r}); delete it and `dvc repro`") from None
