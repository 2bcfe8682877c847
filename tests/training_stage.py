"""The stages as commands in this process, and a params.yaml for them: the project's with one more, tiny dataset."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.plumbing.errors import run

ROOT = Path(__file__).parent.parent


def stage(folder, module, *arguments) -> str | None:
    """Runs a stage as `python -m` does, in this process; returns its error line, or None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.argv", [module.__name__, *arguments])
        try:
            run(module.main)
        except SystemExit as stop:
            return str(stop.code)
    return None


def write_params(folder, *changes):
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["datasets"]["scales"] = {
        "source": "none",
        "sequences": {"reader": "midi"},
        "training": {"repeats": 2, "candidates": 2, "max_epochs": 2, "batch_size": 4},
    }
    for change in changes:
        change(params)
    yaml.dump(params, folder / "params.yaml")
