"""The study's design as params.yaml states it: which runs there must be, and which of their files are missing.

Runs are enumerated from the parameters, never from a folder, so results of removed runs cannot slip in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, PositiveInt

from stages.plumbing import places
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Section, checked, load, section
from stages.protocol.arms import Stated
from stages.protocol.protocol import Budget, LogUniform, Protocol, RMSProp

SETTINGS = Path("stages/findings/settings.yaml")
TOTAL = "total"  # the arm whose units are matched with the output layer counted
RUN_FILES = ("trials.csv", "curves.csv.gz", "run.json")
SCORES = ("evaluation.csv", "pieces.csv", "noisy.csv")
REACH = ("gradients.csv", "memory.csv", "gates.csv")
BASELINES = ("baselines.csv", "leakage.csv")

Output = Literal["bernoulli", "gaussian_mixture"]


class Training(Budget):
    """`datasets.NAME.training`: the budget. Keys that only the trainer reads are left to the trainer's own check."""

    model_config = ConfigDict(extra="ignore")

    @property
    def halved(self) -> bool:
        """Whether halving ends candidates: a search that is not the paper's."""
        return self.halving is not None and self.halving.apply


class Dataset(Section):
    """`datasets.NAME`, of which the rest is `prepare`'s."""

    model_config = ConfigDict(extra="ignore")

    training: Training


class Parameters(Section):
    """What params.yaml says of the grid."""

    model_config = ConfigDict(extra="ignore")

    cells: list[str] = Field(min_length=1)
    datasets: dict[str, Dataset] = Field(min_length=1)
    matching: dict[str, Any]
    arms: dict[str, Stated]


class PaperBudget(Section):
    """The paper's budget for one kind of output; less, or halving, makes a dataset's results preliminary."""

    candidates: PositiveInt
    max_epochs: PositiveInt


class Counterpart(Section):
    """Which of the paper's datasets one of ours answers to, and whether the data are the same."""

    name: str
    data: Literal["same", "reprocessed", "stand_in"]


class Comparison(Section):
    """`compare` in settings.yaml: how intervals are made, and what they are set beside."""

    resamples: PositiveInt
    confidence: float = Field(gt=0, lt=1)
    seed: int = Field(ge=0)
    budgets: dict[Output, PaperBudget]
    reference: str
    single_run_share: float = Field(gt=0, lt=1)
    tuning_margin: float = Field(gt=0)
    tuning_edge: float = Field(gt=0, lt=0.5)
    band_repeats: PositiveInt
    band_quantile: float = Field(gt=0, lt=0.5)
    counterparts: dict[str, Counterpart]


@dataclass(frozen=True)
class Design:
    """What an arm trains: every dataset, with its budget in this arm, with every cell.

    Attributes:
        matching: what the parameter budget counts that units are matched by.
        shared: cells whose units are the same as in `paper`: their runs there stand in this arm too.
    """

    cells: list[str]
    datasets: dict[str, Training]
    matching: str
    shared: Sequence[str] = ()

    @property
    def runs(self) -> list[tuple[str, str]]:
        """(dataset, cell) in the order of params.yaml."""
        return [(dataset, cell) for dataset in self.datasets for cell in self.cells]


def read_designs() -> dict[str, Design]:
    """The grid of `paper`, and those of the other arms that have datasets of it.

    Raises:
        InputError: a key of params.yaml is missing or has a value of the wrong type.
    """
    stated = checked(load(), Parameters, "params.yaml")
    budgets = {name: dataset.training for name, dataset in stated.datasets.items()}
    designs = {places.PAPER: Design(stated.cells, budgets, stated.matching["mode"])}
    for name, arm in stated.arms.items():
        differences = {dataset: arm.training | arm.datasets[dataset] for dataset in budgets if dataset in arm.datasets}
        datasets = {
            dataset: checked(budgets[dataset].model_dump() | of, Training, f"params.yaml: arms.{name}: {dataset}")
            for dataset, of in differences.items()
        }
        if datasets and arm.cells:
            designs[name] = Design(arm.cells, datasets, arm.matching or stated.matching["mode"], arm.shared)
    return designs


def read_protocol() -> dict[str, float]:
    """The numbers of the protocol of `paper`, under the names that records/departures.csv gives them.

    Raises:
        InputError: it is not the protocol that the report can tell of.
    """
    train = section("train", Protocol)
    drawn = isinstance(train.rate, LogUniform)
    numbers = (train.weight_noise, train.gradient_norm) + (() if drawn else (train.rate,))
    if not (isinstance(train.optimiser, RMSProp) and all(isinstance(value, float) for value in numbers)):
        raise InputError(
            "params.yaml: train: the report expects RMSProp, numbers, and a rate that is a number or {log_uniform: "
            "[low, high]} in the arm `paper`; put another protocol into an arm"
        )
    low, high = train.rate.log_uniform if drawn else [math.log(train.rate)] * 2
    told = "weight_noise,gradient_norm,initial_range,patience".split(",")
    return {
        **{"learning_rate_log_low": low, "learning_rate_log_high": high},
        **{"momentum": train.optimiser.momentum, "rmsprop_decay": train.optimiser.decay},
        **{"rmsprop_floor": train.optimiser.floor, **train.model_dump(include=set(told))},
    }


def require(designs: dict[str, Design]) -> None:
    """Stops with the list of what is missing.

    Raises:
        InputError: at least one file of the runs in params.yaml is missing; the message lists all of them.
    """
    runs = [places.run_folder(arm, *run) for arm, design in designs.items() for run in design.runs]
    scores = [places.scores(arm, dataset) for arm, design in designs.items() for dataset in design.datasets]
    sets = designs[places.PAPER].datasets
    files = {RUN_FILES: runs, SCORES: scores, BASELINES: map(places.baselines, sets), REACH: map(places.reach, sets)}
    expected = [folder / name for names, folders in files.items() for folder in folders for name in names]
    if lacking := [str(path) for path in expected if not path.is_file()]:
        raise InputError(
            f"{len(lacking)} files of the design in params.yaml are missing: {', '.join(lacking)}; "
            "run `dvc repro compare`, which trains and evaluates what is missing"
        )


def is_preliminary(training: Training, budget: PaperBudget) -> bool:
    """Whether a dataset got fewer candidates or epochs than the paper gave it, or not all candidates to the end."""
    return training.candidates < budget.candidates or training.max_epochs < budget.max_epochs or training.halved
