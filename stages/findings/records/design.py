"""The study's design as params.yaml states it: which runs there must be, and which of their files are missing.

Runs are enumerated from the parameters, never from a folder, so results of removed runs cannot slip in.
"""

import math
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, PositiveInt

from stages.plumbing import places
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Section, checked, read, section

SETTINGS = Path("stages/findings/settings.yaml")
TOTAL = "total"  # the arm whose units are matched with the output layer counted
RUN_FILES = ("trials.csv", "curves.csv.gz", "run.json")
SCORES = ("evaluation.csv", "pieces.csv", "noisy.csv")
REACH = ("gradients.csv", "memory.csv", "gates.csv")
BASELINES = ("baselines.csv", "leakage.csv")

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


class Budget(Section):
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
    budgets: dict[Output, Budget]
    reference: str
    single_run_share: float = Field(gt=0, lt=1)
    tuning_margin: float = Field(gt=0)
    tuning_edge: float = Field(gt=0, lt=0.5)
    band_repeats: PositiveInt
    band_quantile: float = Field(gt=0, lt=0.5)
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
    """The `compare` section of settings.yaml."""
    return section("compare", Comparison, SETTINGS)


def read_protocol() -> dict[str, float]:
    """`train` of params.yaml, the settings of the protocol under the names that protocol.csv gives them.

    Raises:
        InputError: it is not the protocol that the report can tell of.
    """
    train = read("train")
    try:
        rate, optimiser = train["rate"], train["optimiser"]
        low, high = rate["log_uniform"] if isinstance(rate, dict) else [math.log(rate)] * 2
        found = {
            "seed": train["seed"],
            "learning_rate_log_low": low,
            "learning_rate_log_high": high,
            "weight_noise": train["weight_noise"],
            "gradient_norm": train["gradient_norm"],
            **{f"rmsprop_{name}": optimiser[name] for name in ("decay", "floor")},
            "momentum": optimiser["momentum"],
            **{name: train[name] for name in ("initial_range", "length_jitter", "patience")},
        }
        return {name: value + 0 for name, value in found.items()}  # what is no number is an error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "params.yaml: train: the report expects RMSProp, numbers, and a rate that is a number or {log_uniform: "
            f"[low, high]}} in the arm `paper`, found another protocol ({error!r}); put it into an arm"
        ) from None


class Arm(Section):
    """An arm beside `paper`: a named difference from its protocol, on some datasets with some cells.

    Attributes:
        matching: what its parameter budget counts.
        datasets: those of the design, with their budgets in this arm.
        shared: cells whose units are the same as in `paper`: their runs there stand in this arm too.
    """

    matching: str
    datasets: dict[str, Training]
    cells: list[str]
    shared: list[str]

    @property
    def runs(self) -> list[tuple[str, str]]:
        """(dataset, cell) that were trained for this arm."""
        return [(dataset, cell) for dataset in self.datasets for cell in self.cells]


def read_arms(design: Design) -> dict[str, Arm]:
    """The arms of params.yaml beside `paper` that have datasets of the design.

    Raises:
        InputError: a key is missing or has a value of the wrong type.
    """
    arms, matching = {}, read("matching.mode")
    for name, stated in read("arms").items():
        if name == places.PAPER or not isinstance(stated, dict):
            continue
        told = {"cells": [], "shared": [], **{key: stated[key] for key in ("cells", "shared") if key in stated}}
        told["matching"] = stated.get("matching", matching)
        told["datasets"] = {
            dataset: {**budget.model_dump(), **stated.get("training", {}), **stated["datasets"][dataset]}
            for dataset, budget in design.datasets.items()
            if dataset in stated.get("datasets", {})
        }
        arm = checked(told, Arm, f"params.yaml: arms.{name}")
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
