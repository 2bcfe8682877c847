"""What a training recorded of itself in run.json, for the stages that use its nets."""

import json
from pathlib import Path

from stages.plumbing.errors import InputError
from stages.recurrent.net import Net


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
