"""What was done: the design beside the paper's, the nets' sizes, and where both depart from the paper."""

import itertools
from pathlib import Path

import pandas as pd

from stages.findings.declare import standard, table
from stages.findings.records import paper
from stages.findings.records.design import TOTAL, Training
from stages.findings.study import Study
from stages.plumbing.places import PARTS
from stages.presentation.wording import number, set_names, set_of, text

DEPARTURES = Path(__file__).parents[1] / "records/departures.csv"
BUDGET = ("repeats", "candidates", "max_epochs", "batch_size")
DATA = {"same": "the same data", "reprocessed": "the same music, another edition", "stand_in": "a stand-in", "": ""}


@table(
    "dataset:word output:word paper_dataset:word data:word repeats:count candidates:count max_epochs:count "
    "batch_size:count search:word paper_candidates:count paper_max_epochs:count budget:word trials_stopped:count "
    "trials_max_epochs:count trials_halved:count trials_diverged:count test_pieces:count training_hours device:word",
    {
        "set": set_of,
        "in the paper": lambda row: f"{row.paper_dataset}: {DATA[row.data]}" if row.paper_dataset else "none",
        "repeats": "repeats",
        "candidates": lambda row: f"{row.candidates} (paper {row.paper_candidates})",
        "most epochs": lambda row: f"{row.max_epochs} (paper {row.paper_max_epochs})",
        "batch": "batch_size",
        "search": "search",
        "budget": lambda row: "preliminary" if row.budget == "preliminary" else "the paper's",
        "trials stopped early / at most epochs / halved / diverged": lambda row: (
            f"{row.trials_stopped} / {row.trials_max_epochs} / {row.trials_halved} / {row.trials_diverged}"
        ),
        "hours of training, all arms": lambda row: number(row.training_hours, 1),
        "device": "device",
    },
)
def design(study: Study) -> list[list]:
    """A row per dataset: its budget beside the paper's, what it answers to, how its trials ended.

    `training_hours` are those of all its trainings in all arms, as their processes ran.
    """
    rows = []
    for dataset, training in study.design.datasets.items():
        of_dataset = [study.runs[dataset, cell] for cell in study.design.cells]
        everywhere = {id(run): run for runs in study.arms.values() for run in runs.values() if run.dataset == dataset}
        counterpart, output = study.settings.counterparts.get(dataset), study.output(dataset)
        budget = study.settings.budgets[output]
        ends = pd.concat([run.trials["status"] for run in of_dataset]).value_counts()
        rows.append(
            [dataset, output, *((counterpart.name, counterpart.data) if counterpart else ("", ""))]
            + [training.repeats, training.candidates, training.max_epochs, training.batch_size, search(training)]
            + [budget.candidates, budget.max_epochs, "preliminary" if dataset in study.preliminary else "paper"]
            + [ends.get(end, 0) for end in ("stopped", "max_epochs", "halved", "diverged")]
            + [max(len(run.piece_steps) for run in of_dataset)]
            + [sum(run.info["seconds"] for run in everywhere.values()) / 3600]
            + [", ".join(dict.fromkeys(str(run.info["device"]) for run in of_dataset))]
        )
    return rows


def search(training: Training) -> str:
    """How a repeat's candidates are searched, in words."""
    if not training.halved:
        return "all to the end"
    return f"best {training.halving.keep:.0%} go on after epochs {', '.join(map(str, training.halving.epochs))}"


SIZES = "input_size output_size units recurrent_parameters output_parameters total_parameters"


@table(
    f"dataset:word cell:word matching:word {' '.join(f'{size}:count' for size in SIZES.split())} paper_units:count "
    "paper_parameters:count",
    standard("set unit")
    | {
        "matching": "matching",
        "inputs": "input_size",
        "outputs": "output_size",
        "units": "units",
        "the paper's": "paper_units",
        "recurrent layer": lambda row: text(row.recurrent_parameters),
        "the paper's weights": lambda row: text(row.paper_parameters),
        "total": lambda row: text(row.total_parameters),
    },
)
def parameters(study: Study) -> list[list]:
    """Each net's sizes, beside Table 1 of the paper where they are matched as there."""
    rows, others = [], itertools.chain(*(study.of_arm(arm).items() for arm in (TOTAL, PARTS)))
    for run in [*study.runs.values(), *(run for key, run in others if run is not study.runs.get(key))]:
        matched = run.info["matching"] == paper.MATCHING
        stated = paper.SIZES.get((run.info["output"], run.cell), (None, None)) if matched else (None, None)
        sizes = [run.info[size] for size in ("matching", *SIZES.split())]
        rows.append([run.dataset, run.cell, *sizes, *stated])
    return rows


@table(
    "topic:word kind:word paper:word here:word reason:word",
    {"what": "topic", "": "kind", "the paper": "paper", "here": "here", "why": "reason"},
)
def deviations(study: Study) -> pd.DataFrame:
    """A row per departure or choice: what the paper says, what is done here, and why.

    They are written in records/departures.csv, with the names of parameters in braces; a row that holds for some
    designs alone names them under `where`.
    """
    told = pd.read_csv(DEPARTURES, keep_default_na=False)
    numbers, of_sets = study.protocol, study.design.datasets.items()
    numbers |= {name: {dataset: getattr(training, name) for dataset, training in of_sets} for name in BUDGET}
    written = {name: by_dataset(value) if isinstance(value, dict) else text(value) for name, value in numbers.items()}
    for column in ("paper", "here"):
        told[column] = [words.format(**written) for words in told[column]]
    sets = study.frame("design")
    holds = {
        "": True,
        "speech": (sets["output"] == "gaussian_mixture").any(),
        "fewer candidates": (sets["candidates"] < sets["paper_candidates"]).any(),
        "others": numbers["others"] != "",
    }
    return told[told["where"].map(holds).astype(bool)]


def by_dataset(values: dict[str, int]) -> str:
    """A number where all datasets share it, else each value with its datasets."""
    found = pd.Series(values)
    told = [f"{value} on {set_names(of.index)}" for value, of in found.groupby(found, sort=False)]
    return "; ".join(told) if len(told) > 1 else f"{found.iloc[0]}"
