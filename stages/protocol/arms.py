"""The arms of the study: named differences from `paper`, the protocol as params.yaml states it.

An arm's `train` is laid over the protocol, key by key; its `training` over a dataset's budget, and what stands at a
dataset of the arm over both; a budget's `protocol` is what the protocol is on that dataset. `matching` replaces
matching.mode. Which datasets an arm has is for dvc.yaml, which trains them, and for `compare`, which asks for them.
"""

from dataclasses import dataclass
from typing import Any, Literal

from stages.plumbing.errors import InputError
from stages.plumbing.parameters import PARAMS, Name, Section, checked, layered, mapping, section
from stages.plumbing.places import PAPER
from stages.protocol.protocol import Budget, Protocol

Mode = Literal["recurrent", "total"]  # what a parameter budget counts, see stages/recurrent/matching.py


class Stated(Section):
    """`arms.NAME` in params.yaml.

    Attributes:
        matching: of units to a parameter budget; None: as the paper's.
        train, training: differences from the protocol, and from the budget of every dataset.
        cells, datasets: what is run, a dataset with its own differences from its budget; `paper` states neither, having
            all of `cells` and `datasets`.
        shared: cells whose nets are the same as the paper's: their runs stand in both arms.
    """

    matching: Mode | None = None
    train: dict[str, Any] = {}
    training: dict[str, Any] = {}
    cells: list[Name] = []
    shared: list[Name] = []
    datasets: dict[Name, dict[str, Any]] = {}


@dataclass(frozen=True)
class Arm:
    """What the trainings of an arm on a dataset have in common.

    Attributes:
        matching: what units are matched by.
    """

    name: str
    dataset: str
    protocol: Protocol
    budget: Budget
    matching: Mode


def load(arm: str, dataset: str) -> Arm:
    """The arm as it trains on the dataset.

    Raises:
        InputError: there is no such arm or dataset, or a difference is no key of what it differs from.
    """
    stated = section(f"arms.{arm}", Stated)
    if arm == PAPER and stated != Stated():
        raise InputError(
            f"{PARAMS}: arms.{PAPER}: expected {{}}, as it is what others differ from; change `train` itself"
        )
    in_file, in_arm = f"{PARAMS}: datasets.{dataset}.training", f"{PARAMS}: arms.{arm}"
    training = dict(mapping(f"datasets.{dataset}.training"))
    of_dataset = checked(training.pop("protocol", {}), dict[str, Any], f"{in_file}.protocol")
    protocol = layered(
        Protocol,
        (f"{PARAMS}: train", mapping("train")),
        (f"{in_file}.protocol", of_dataset),
        (f"{in_arm}.train", stated.train),
    )
    budget = layered(
        Budget,
        (in_file, training),
        (f"{in_arm}.training", stated.training),
        (f"{in_arm}.datasets.{dataset}", stated.datasets.get(dataset, {})),
    )
    return Arm(arm, dataset, protocol, budget, stated.matching or section("matching.mode", Mode))


def cells(arm: str) -> list[str]:
    """The cells that the arm states, or the study's if it is `paper`.

    Raises:
        InputError: it states none.
    """
    stated = section("cells", list[Name]) if arm == PAPER else section(f"arms.{arm}", Stated).cells
    if not stated:
        raise InputError(f"{PARAMS}: arms.{arm}: expected cells, found none; `--cell` trains one")
    return stated
