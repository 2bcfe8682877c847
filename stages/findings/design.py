"""The study's design as params.yaml states it: which runs there must be, and which of their files are missing.

Runs are enumerated from the parameters, never from a folder, so results of removed runs cannot slip in.
"""

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, PositiveInt

from stages.plumbing.command import InputError
from stages.plumbing.params import Section, checked, read, section

MODELS = Path("models")
RUN_FILES = ("trials.csv", "curves.csv", "run.json", "evaluation.csv", "pieces.csv")
RUN_FILES += ("gradients.csv", "memory.csv", "gates.csv")
DATASET_FILES = ("baselines.csv",)

Output = Literal["bernoulli", "gaussian_mixture"]


class Halving(Section):
    """Successive halving of a repeat's candidates: after each of `epochs` the share `keep` goes on.

    If `apply` is false all candidates run to the end, and what halving would have done is recorded beside it.
    """

    epochs: list[PositiveInt]
    keep: float = Field(gt=0, lt=1)
    apply: bool = True


class Training(Section):
    """`datasets.NAME.training`: the budget. Keys that only the trainer reads are left to the trainer's own check."""

    model_config = ConfigDict(extra="ignore")

    repeats: PositiveInt
    candidates: PositiveInt
    max_epochs: PositiveInt
    batch_size: PositiveInt
    halving: Halving | None = None

    @property
    def halved(self) -> bool:
        """Whether halving ends candidates: a search that is not the paper's."""
        return self.halving is not None and self.halving.apply

    @property
    def halving_recorded(self) -> bool:
        """Whether the search is plain and what halving would have done stands beside it."""
        return self.halving is not None and not self.halving.apply


class Budget(Section):
    """The paper's budget for one kind of output; less, or halving, makes a dataset's results preliminary."""

    candidates: PositiveInt
    max_epochs: PositiveInt


class Counterpart(Section):
    """Which of the paper's datasets one of ours answers to, and whether the data are the same."""

    name: str
    data: Literal["same", "reprocessed", "stand_in"]


class Comparison(Section):
    """`compare`: how intervals are made, and what they are set beside."""

    resamples: PositiveInt
    confidence: float = Field(gt=0, lt=1)
    seed: int = Field(ge=0)
    budgets: dict[Output, Budget]
    halving_loss: float = Field(gt=0)
    counterparts: dict[str, Counterpart]


class Design(Section):
    """The grid: every dataset (name → its training budget) with every cell."""

    cells: list[str] = Field(min_length=1)
    datasets: dict[str, Training] = Field(min_length=1)

    @property
    def runs(self) -> list[tuple[str, str]]:
        """(dataset, cell) in the order of params.yaml."""
        return [(dataset, cell) for dataset in self.datasets for cell in self.cells]


def read_design() -> Design:
    """The grid of params.yaml.

    Raises:
        InputError: a dataset has no `training`, or a key has a value of the wrong type.
    """
    trainings = {}
    for name, entry in read("datasets").items():
        if not isinstance(entry, dict) or "training" not in entry:
            raise InputError(f"params.yaml: datasets.{name} has no key 'training'; expected its budget there")
        trainings[name] = checked(entry["training"], Training, f"params.yaml: datasets.{name}.training")
    return checked({"cells": read("cells"), "datasets": trainings}, Design, "params.yaml")


def read_comparison() -> Comparison:
    """The `compare` section of params.yaml."""
    return section("compare", Comparison)


def run_folder(dataset: str, cell: str, models: Path = MODELS) -> Path:
    return models / dataset / cell


def missing(design: Design, models: Path = MODELS) -> list[Path]:
    """The files that the design's runs should have left and that are not there, in the design's order."""
    expected = [run_folder(dataset, cell, models) / name for dataset, cell in design.runs for name in RUN_FILES]
    expected += [models / dataset / name for dataset in design.datasets for name in DATASET_FILES]
    return [path for path in expected if not path.is_file()]


def require(design: Design, models: Path = MODELS) -> None:
    """Stops with the list of what is missing.

    Raises:
        InputError: at least one file of the design's runs is missing; the message lists all of them.
    """
    if lacking := missing(design, models):
        raise InputError(
            f"{len(lacking)} files of the design in params.yaml are missing: {', '.join(map(str, lacking))}; "
            "run `dvc repro compare`, which trains and evaluates what is missing"
        )
