"""The study's design as params.yaml states it: which runs there must be, and which of their files are missing.

Runs are enumerated from the parameters, never from a folder, so results of removed runs cannot slip in.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PositiveInt

from stages.plumbing import places
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import PARAMS, Name, Section, layered, section, shortened

SETTINGS = Path("stages/findings/settings.yaml")
TOTAL = "total"  # the arm whose units are matched with the output layer counted
RUN_FILES = ("trials.csv", "curves.csv.gz", "run.json")
SCORES = ("evaluation.csv", "pieces.csv", "noisy.csv")
REACH = ("gradients.csv", "memory.csv", "gates.csv")
BASELINES = ("baselines.csv", "leakage.csv")

Output = Literal["bernoulli", "gaussian_mixture"]
Mode = Literal["recurrent", "total"]  # what a parameter budget counts


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


class Dataset(Section):
    """`datasets.NAME`, of which only the budget is for here."""

    model_config = ConfigDict(extra="ignore")

    training: Training


class Budget(Section):
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
    budgets: dict[Output, Budget]
    reference: Name
    single_run_share: float = Field(gt=0, lt=1)
    tuning_margin: float = Field(gt=0)
    tuning_edge: float = Field(gt=0, lt=0.5)
    band_repeats: PositiveInt
    band_quantile: float = Field(gt=0, lt=0.5)
    counterparts: dict[Name, Counterpart]


class Design(Section):
    """The grid: every dataset (name → its training budget) with every cell."""

    cells: list[Name]
    datasets: dict[Name, Training]

    @property
    def runs(self) -> list[tuple[str, str]]:
        """(dataset, cell) in the order of params.yaml."""
        return [(dataset, cell) for dataset in self.datasets for cell in self.cells]


def read_design() -> Design:
    """The grid of params.yaml.

    Raises:
        InputError: a dataset has no `training`, or a key has a value of the wrong type.
    """
    datasets = section("datasets", Annotated[dict[Name, Dataset], Field(min_length=1)])
    trainings = {name: dataset.training for name, dataset in datasets.items()}
    return Design(cells=section("cells", Annotated[list[Name], Field(min_length=1)]), datasets=trainings)


def read_comparison() -> Comparison:
    """The `compare` section of settings.yaml."""
    return section("compare", Comparison, SETTINGS)


class Stated(Section):
    """`arms.NAME` in params.yaml; what it changes in the protocol is the trainer's own affair."""

    model_config = ConfigDict(extra="ignore")

    matching: Mode | None = None
    training: dict[str, Any] = {}
    cells: list[Name] = []
    shared: list[Name] = []
    datasets: dict[Name, dict[str, Any]] = {}


class Arm(Section):
    """An arm beside `paper`: a named difference from its protocol, on some datasets with some cells.

    Attributes:
        matching: what its parameter budget counts.
        datasets: those of the design, with their budgets in this arm.
        shared: cells whose units are the same as in `paper`: their runs there stand in this arm too.
    """

    matching: Mode
    datasets: dict[Name, Training]
    cells: list[Name]
    shared: list[Name]

    @property
    def runs(self) -> list[tuple[str, str]]:
        """(dataset, cell) that were trained for this arm."""
        return [(dataset, cell) for dataset in self.datasets for cell in self.cells]


def read_arms(design: Design) -> dict[str, Arm]:
    """The arms of params.yaml beside `paper` that have datasets of the design.

    Raises:
        InputError: a key is missing or has a value of the wrong type, or an arm has a dataset that there is not.
    """
    arms, matching = {}, section("matching.mode", Mode)
    for name, stated in section("arms", dict[Name, Stated]).items():
        where = f"{PARAMS}: arms.{name}"
        if unknown := [dataset for dataset in stated.datasets if dataset not in design.datasets]:
            known = ", ".join(design.datasets)
            raise InputError(f"{where}.datasets.{unknown[0]}: no such dataset; known: {shortened(known, 200)}")
        datasets = {
            dataset: layered(
                Training,
                (f"{PARAMS}: datasets.{dataset}.training", budget.model_dump()),
                (f"{where}.training", stated.training),
                (f"{where}.datasets.{dataset}", stated.datasets[dataset]),
            )
            for dataset, budget in design.datasets.items()
            if dataset in stated.datasets
        }
        arm = Arm(matching=stated.matching or matching, datasets=datasets, cells=stated.cells, shared=stated.shared)
        if arm.runs:
            arms[name] = arm
    return arms


def require(design: Design, arms: dict[str, Arm]) -> None:
    """Stops with the list of what is missing.

    Raises:
        InputError: at least one file of the runs in params.yaml is missing; the message lists all of them.
    """
    expected = [places.run_folder(places.PAPER, *run) / name for run in design.runs for name in RUN_FILES]
    for arm, stated in arms.items():
        expected += [places.run_folder(arm, *run) / name for run in stated.runs for name in RUN_FILES]
    for dataset in design.datasets:
        expected += [places.scores(places.PAPER, dataset) / name for name in SCORES]
        expected += [places.baselines(dataset) / name for name in BASELINES]
        expected += [places.reach(dataset) / name for name in REACH]
    for arm, stated in arms.items():
        expected += [places.scores(arm, dataset) / name for dataset in stated.datasets for name in SCORES]
    if lacking := [str(path) for path in expected if not path.is_file()]:
        raise InputError(
            f"{len(lacking)} files of the design in params.yaml are missing: {', '.join(lacking)}; "
            "run `dvc repro compare`, which trains and evaluates what is missing"
        )


def is_preliminary(training: Training, budget: Budget) -> bool:
    """Whether a dataset got fewer candidates or epochs than the paper gave it, or not all candidates to the end."""
    return training.candidates < budget.candidates or training.max_epochs < budget.max_epochs or training.halved
