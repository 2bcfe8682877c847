"""The arms of the study: named differences from `paper`, the protocol as params.yaml states it.

An arm's `train` is laid over the protocol, key by key; its `training` over a dataset's budget, and what stands at a
dataset of the arm over both; a budget's `protocol` is what the protocol is on that dataset. `matching` replaces
matching.mode. Which datasets an arm has is for dvc.yaml, which trains them, and for `compare`, which asks for them.
"""

from dataclasses import dataclass
from typing import Any

from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Section, checked, mapping, read, section, shortened
from stages.plumbing.places import PAPER
from stages.protocol.protocol import Budget, Protocol


class Stated(Section):
    """`arms.NAME` in params.yaml.

    Attributes:
        matching: of units to a parameter budget; None: as the paper's.
        train, training: differences from the protocol, and from the budget of every dataset.
        cells, datasets: what is run, a dataset with its own differences from its budget; `paper` states neither, having
            all of `cells` and `datasets`.
        shared: cells whose nets are the same as the paper's: their runs stand in both arms.
    """

    matching: str | None = None
    train: dict[str, Any] = {}
    training: dict[str, Any] = {}
    cells: list[str] = []
    shared: list[str] = []
    datasets: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Arm:
    """What the trainings of an arm on a dataset have in common.

    Attributes:
        matching: what units are matched by, a mode of stages/recurrent/matching.py.
    """

    name: str
    dataset: str
    protocol: Protocol
    budget: Budget
    matching: str


def load(arm: str, dataset: str) -> Arm:
    """The arm as it trains on the dataset.

    Raises:
        InputError: there is no such arm or dataset, or a difference is no key of what it differs from.
    """
    stated = section(f"arms.{arm}", Stated)
    training = {**mapping(f"datasets.{dataset}.training"), **stated.training, **stated.datasets.get(dataset, {})}
    where = "params.yaml: " if arm == PAPER else f"params.yaml: arms.{arm} over "
    of_dataset = training.pop("protocol", {})
    if not isinstance(of_dataset, dict):
        found = shortened(repr(of_dataset))
        raise InputError(f"{where}datasets.{dataset}.training.protocol: expected a mapping, found {found}")
    protocol = {**mapping("train"), **of_dataset, **stated.train}
    return Arm(
        arm,
        dataset,
        checked(protocol, Protocol, f"{where}train"),
        checked(training, Budget, f"{where}datasets.{dataset}.training"),
        stated.matching or read("matching.mode"),
    )


def cells(arm: str) -> list[str]:
    """The cells that the arm states.

    Raises:
        InputError: it states none.
    """
    if not (stated := section(f"arms.{arm}", Stated).cells):
        raise InputError(f"params.yaml: arms.{arm}: expected cells, found none; `--cell` trains one")
    return stated
