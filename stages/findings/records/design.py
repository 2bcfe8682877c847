"""The study's design as params.yaml states it: which runs there must be, and which of their files are missing.

Runs are enumerated from the parameters, never from a folder, so results of removed runs cannot slip in.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PositiveInt

from stages.plumbing import places
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import PARAMS, Name, Section, layered, section, shortened
from stages.protocol import arms
from stages.protocol.arms import Mode, Stated
from stages.protocol.protocol import Budget, LogUniform, Protocol, RMSProp

SETTINGS = Path("stages/findings/settings.yaml")
TOTAL = "total"  # the arm whose units are matched with the output layer counted
RUN_FILES = ("trials.csv", "curves.csv.gz", "run.json")
SCORES = ("evaluation.csv", "pieces.csv", "noisy.csv")
REACH = ("gradients.csv", "memory.csv", "gates.csv")
BASELINES = ("baselines.csv", "leakage.csv")
# What records/departures.csv says in fixed words: a variant that has others is told of as such.
FIXED = {"schedule": {"name": "constant", "warm_up": 0.0}, "dropout": 0.0, "step_norm": None, "not_finite": "end"}
FIXED |= {"noise_on": "matrices", "output_bias": "zero"}

Output = Literal["bernoulli", "gaussian_mixture"]


class Training(Budget):
    """`datasets.NAME.training`: the budget. Keys that only the trainer reads are left to the trainer's own check."""

    model_config = ConfigDict(extra="ignore")

    @property
    def halved(self) -> bool:
        """Whether halving ends candidates: a search that is not the paper's."""
        return self.halving is not None and self.halving.apply and min(self.halving.epochs) < self.max_epochs


class Dataset(Section):
    """`datasets.NAME`, of which the rest is `prepare`'s."""

    model_config = ConfigDict(extra="ignore")

    training: Training


class PaperBudget(Section):
    """The paper's budget for one kind of output; less, or halving, makes a dataset's results preliminary."""

    candidates: PositiveInt
    max_epochs: PositiveInt


class Counterpart(Section):
    """Which of the paper's datasets one of ours answers to, and whether the data are the same."""

    name: str = Field(pattern=r"^\w[\w .&()'-]*$", max_length=80)
    data: Literal["same", "reprocessed", "stand_in"]


class Comparison(Section):
    """`compare` in settings.yaml: how intervals are made, and what they are set beside."""

    resamples: PositiveInt
    confidence: float = Field(gt=0, lt=1)
    seed: int = Field(ge=0)
    budgets: dict[Output, PaperBudget]
    reference: Name
    single_run_share: float = Field(gt=0, lt=1)
    tuning_margin: float = Field(gt=0)
    tuning_edge: float = Field(gt=0, lt=0.5)
    band_repeats: PositiveInt
    band_quantile: float = Field(gt=0, lt=0.5)
    counterparts: dict[Name, Counterpart]


@dataclass(frozen=True)
class Design:
    """What an arm trains: every dataset, with its budget in this arm, with every cell.

    Attributes:
        matching: what the parameter budget counts that units are matched by.
        shared: cells whose units are the same as in `paper`: their runs there stand in this arm too.
    """

    cells: list[str]
    datasets: dict[str, Training]
    matching: Mode
    shared: Sequence[str] = ()

    @property
    def runs(self) -> list[tuple[str, str]]:
        """(dataset, cell) in the order of params.yaml."""
        return [(dataset, cell) for dataset in self.datasets for cell in self.cells]


def read_designs() -> dict[str, Design]:
    """The grid of `paper`, and those of the other arms that have datasets of it.

    Raises:
        InputError: a key of params.yaml is missing or has a wrong value, or an arm has a dataset that there is not.
    """
    stated = section("datasets", Annotated[dict[Name, Dataset], Field(min_length=1)])
    cells, matching = section("cells", Annotated[list[Name], Field(min_length=1)]), section("matching.mode", Mode)
    budgets = {name: dataset.training for name, dataset in stated.items()}
    designs = {places.PAPER: Design(cells, budgets, matching)}
    for name, arm in section("arms", dict[Name, Stated]).items():
        where = f"{PARAMS}: arms.{name}"
        if arm.shared and arm.train:
            raise InputError(f"{where}.shared: expected none where `train` is another, so that no nets are the same")
        if unknown := [dataset for dataset in arm.datasets if dataset not in budgets]:
            known = shortened(", ".join(budgets), 200)
            raise InputError(f"{where}.datasets.{unknown[0]}: no such dataset; known: {known}")
        datasets = {
            dataset: layered(
                Training,
                (f"{PARAMS}: datasets.{dataset}.training", budget.model_dump()),
                (f"{where}.training", arm.training),
                (f"{where}.datasets.{dataset}", arm.datasets[dataset]),
            )
            for dataset, budget in budgets.items()
            if dataset in arm.datasets
        }
        if datasets and arm.cells:
            designs[name] = Design(arm.cells, datasets, arm.matching or matching, arm.shared)
    return designs


def read_protocol(datasets: Iterable[str]) -> dict[str, Any]:
    """The protocol of `paper` under the names that records/departures.csv gives it; `patience` is by dataset.

    Raises:
        InputError: it is not the protocol that the report can tell of.
    """
    train = section("train", Protocol)
    drawn = isinstance(train.rate, LogUniform)
    told = {
        "rate": ("a number or {log_uniform: [low, high]}", drawn or isinstance(train.rate, float)),
        "weight_noise": ("a number", isinstance(train.weight_noise, float)),
        "gradient_norm": ("a number", train.gradient_norm is not None),
        "optimiser": ("rmsprop", isinstance(train.optimiser, RMSProp)),
    }
    for key, (expected, fits) in told.items():
        if not fits:
            found = shortened(repr(getattr(train, key)))
            raise InputError(
                f"{PARAMS}: train.{key}: of the arm `paper` the report can tell {expected}, found {found}; "
                "put another protocol into an arm"
            )
    others = {name: value for name, value in train.model_dump().items() if value != FIXED.get(name, value)}
    low, high = train.rate.log_uniform if drawn else [math.log(train.rate)] * 2
    return {
        "learning_rate_log_low": low,
        "learning_rate_log_high": high,
        "others": "; ".join(f"{name}: {value}" for name, value in others.items()),
        "momentum": train.optimiser.momentum,
        "rmsprop_decay": train.optimiser.decay,
        "rmsprop_floor": train.optimiser.floor,
        "patience": {dataset: arms.load(places.PAPER, dataset).protocol.patience for dataset in datasets},
        **train.model_dump(include={"weight_noise", "gradient_norm", "initial_range"}),
    }


def require(designs: dict[str, Design]) -> None:
    """Stops with the list of what is missing.

    Raises:
        InputError: at least one file of the runs in params.yaml is missing; the message lists all of them.
    """
    runs = [places.run_folder(arm, *run) for arm, design in designs.items() for run in design.runs]
    scores = [places.scores(arm, dataset) for arm, design in designs.items() for dataset in design.datasets]
    baselines = map(places.baselines, designs[places.PAPER].datasets)
    probed = [arm for arm in (places.PAPER, places.PARTS) if arm in designs]
    reach = [places.reach(arm, dataset) for arm in probed for dataset in designs[arm].datasets]
    files = {RUN_FILES: runs, SCORES: scores, BASELINES: baselines, REACH: reach}
    expected = [folder / name for names, folders in files.items() for folder in folders for name in names]
    if lacking := [str(path) for path in expected if not path.is_file()]:
        raise InputError(
            f"{len(lacking)} files of the design in params.yaml are missing: {', '.join(lacking)}; "
            "run `dvc repro compare`, which trains and evaluates what is missing"
        )


def is_preliminary(training: Training, budget: PaperBudget) -> bool:
    """Whether a dataset got fewer candidates or epochs than the paper gave it, or not all candidates to the end."""
    return training.candidates < budget.candidates or training.max_epochs < budget.max_epochs or training.halved
