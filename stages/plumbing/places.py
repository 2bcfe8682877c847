"""Where the files of trainings and of measurements lie. The paths are relative to the folder that holds dvc.yaml.

Measurements lie apart from the trainings, because a DVC stage that reads a dataset's trainings as one folder may not
write into it.
"""

from pathlib import Path

PAPER = "paper"  # the arm that is the protocol as params.yaml states it
PARTS = "parts"  # the arm whose units lack a part; how far back nets reach is measured of these two
MODELS = Path("models")  # what trainings leave
SHARDS = Path(".shards")  # what trainings of some repeats leave, until they are joined
MEASURED = Path("measured")  # what was measured of their nets, and of the data
PREPARED = Path("data/prepared")


def trainings(arm: str, dataset: str) -> Path:
    """The folders of an arm's trainings on a dataset, one a cell."""
    return MODELS / arm / dataset


def run_folder(arm: str, dataset: str, cell: str) -> Path:
    """A training's files: weights.safetensors, trials.csv, curves.csv.gz, run.json."""
    return trainings(arm, dataset) / cell


def shards(arm: str, dataset: str, cell: str) -> Path:
    """The folders of a training's shards, one a block of repeats: 3-5 holds repeats 3 and 4."""
    return SHARDS / arm / dataset / cell


def set_folder(arm: str, dataset: str) -> Path:
    """A dataset's measurements, of all cells of an arm, in folders and files as their stages leave them."""
    return MEASURED / arm / dataset


def scores(arm: str, dataset: str) -> Path:
    """What `evaluate` leaves: evaluation.csv, pieces.csv."""
    return set_folder(arm, dataset) / "scores"


def baselines(dataset: str) -> Path:
    """What needs no net: baselines.csv, leakage.csv."""
    return set_folder(PAPER, dataset) / "baselines"


def reach(arm: str, dataset: str) -> Path:
    """What `probe` leaves: gradients.csv, memory.csv, gates.csv."""
    return set_folder(arm, dataset) / "reach"


def clock(dataset: str) -> Path:
    """What `clock` leaves: how long an update takes, round by round."""
    return set_folder(PAPER, dataset) / "clock.csv"
