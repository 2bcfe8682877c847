"""What was done: the design beside the paper's, the nets' sizes, the protocol, and where both depart from the paper."""

from collections.abc import Callable

import pandas as pd

from stages.findings.declare import table
from stages.findings.records import paper
from stages.findings.records.design import Design, Halving, Training
from stages.findings.study import Study
from stages.findings.wording import number, set_of, text, unit_of

SILENT, DIFFERENT, BEYOND = "not stated", "different", "beyond the paper"
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
        "hours of training": lambda row: number(row.training_hours, 1),
        "device": "device",
    },
)
def design(study: Study) -> list[list]:
    """A row per dataset: its budget beside the paper's, what it answers to, how its trials ended.

    `training_hours` are those of all its trainings in `paper` and `total`, as their processes ran.
    """
    rows = []
    for dataset, training in study.design.datasets.items():
        of_dataset = [study.runs[dataset, cell] for cell in study.design.cells]
        in_arm = [run for key, run in study.total.items() if key[0] == dataset and run is not study.runs[key]]
        counterpart, output = study.settings.counterparts.get(dataset), study.output(dataset)
        budget = study.settings.budgets[output]
        ends = pd.concat([run.trials["status"] for run in of_dataset]).value_counts()
        rows.append(
            [dataset, output, *((counterpart.name, counterpart.data) if counterpart else ("", ""))]
            + [training.repeats, training.candidates, training.max_epochs, training.batch_size, search(training)]
            + [budget.candidates, budget.max_epochs, "preliminary" if dataset in study.preliminary else "paper"]
            + [ends.get(end, 0) for end in ("stopped", "max_epochs", "halved", "diverged")]
            + [max(len(run.piece_steps) for run in of_dataset)]
            + [sum(run.info["seconds"] for run in [*of_dataset, *in_arm]) / 3600]
            + [", ".join(dict.fromkeys(str(run.info["device"]) for run in of_dataset))]
        )
    return rows


def search(training: Training) -> str:
    """How a repeat's candidates are searched, in words."""
    if not training.halved:
        return "all to the end"
    return f"best {training.halving.keep:.0%} go on after epochs {rungs(training.halving)}"


def rungs(halving: Halving) -> str:
    return ", ".join(map(str, halving.epochs))


@table(
    "setting:word value:word origin:word stated:word",
    {"setting": "setting", "value": "value", "stated by": "origin", "as stated": "stated"},
)
def protocol(study: Study) -> list[list]:
    """Every setting of `train` in params.yaml, who states it, and what is stated."""
    rows = []
    for setting, value in study.protocol.items():
        origin, stated = paper.PROTOCOL.get(setting, ("this study", None))
        rows.append([setting, value, origin, stated])
    return rows


SIZES = "input_size output_size units recurrent_parameters output_parameters total_parameters"


@table(
    f"dataset:word cell:word matching:word {' '.join(f'{size}:count' for size in SIZES.split())} paper_units:count "
    "paper_parameters:count",
    {
        "set": set_of,
        "unit": unit_of,
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
    rows = []
    own = [run for key, run in study.total.items() if run is not study.runs[key]]
    for run in [*study.runs.values(), *own]:
        matched = run.info["matching"] == paper.MATCHING
        stated = paper.SIZES.get((run.info["output"], run.cell), (None, None)) if matched else (None, None)
        sizes = [run.info[size] for size in ("matching", *SIZES.split())]
        rows.append([run.dataset, run.cell, *sizes, *stated])
    return rows


@table(
    "topic:word kind:word paper:word here:word reason:word",
    {"what": "topic", "": "kind", "the paper": "paper", "here": "here", "why": "reason"},
)
def deviations(study: Study) -> list[list]:
    """A row per departure or choice: what the paper says, what is done here, and why."""
    design, train = study.design, study.protocol
    outputs = {dataset: study.output(dataset) for dataset in design.datasets}

    def of(setting: str) -> str:
        return by_dataset(design, lambda dataset: f"{getattr(design.datasets[dataset], setting)}")

    rows = [
        [
            "repeats",
            BEYOND,
            "one run of each unit, without a seed",
            of("repeats"),
            "the spread between runs; each repeat is the whole protocol anew",
        ],
        [
            "speech data",
            DIFFERENT,
            "two corpora that were never public",
            "Free Spoken Digit recordings cut to the same numbers and lengths",
            "the order of the units can be compared, the numbers cannot",
        ],
        [
            "candidate learning rates a repeat",
            DIFFERENT,
            "10",
            of("candidates"),
            "the machine's time, where there are fewer",
        ],
        [
            "epochs at most",
            SILENT,
            "figures run to 500 epochs, on speech to about 1,000",
            of("max_epochs"),
            "the machine's time, where there are fewer",
        ],
        [
            "sequences an update",
            SILENT,
            "authors' code: one",
            of("batch_size"),
            "measured on JSB Chorales and Nottingham: see the section on batch size",
        ],
        [
            "stopping",
            SILENT,
            "early, by validation",
            f"after {train['patience']} epochs without a better validation NLL; the best epoch's weights are kept",
            "a common rule; the same for all units",
        ],
        [
            "learning-rate schedule",
            SILENT,
            "none stated; authors' code: linear decay to 1 % over 500 epochs",
            "none",
            "the text describes a search for one rate and early stopping; what a decay changes was measured apart",
        ],
        [
            "learning-rate range",
            SILENT,
            "log-uniform between −12 and −6, base not stated",
            f"exp(U({train['learning_rate_log_low']:g}, {train['learning_rate_log_high']:g}))".replace("-", "−"),
            "base 10 would leave out the 1e-3 of the authors' code; all units of a repeat get the same draws",
        ],
        [
            "RMSProp",
            SILENT,
            "constants not stated; authors' code as here",
            f"decay {train['rmsprop_decay']:g}, direction g / max(√s, {train['rmsprop_floor']:g}), "
            f"momentum {train['momentum']:g}",
            "the authors' code; its floor makes this nearly momentum SGD",
        ],
        [
            "gradient norm",
            DIFFERENT,
            f"rescaled to {train['gradient_norm']:g} when above; authors' code: off",
            f"rescaled to {train['gradient_norm']:g} when above, over all of a net's weights",
            "the paper's text is followed where its code differs",
        ],
        [
            "weight noise",
            SILENT,
            f"Gaussian, deviation {train['weight_noise']:g}; which weights is not stated",
            "on W and U of the recurrent layer, one draw an update; none when a net is scored",
            "the authors' code for the weights; it leaves the noise on in validation",
        ],
        [
            "initial weights",
            SILENT,
            "authors' code: as here; peepholes not stated",
            f"U(−{train['initial_range']:g}, {train['initial_range']:g}), recurrent matrices orthogonal, biases and "
            "peepholes 0",
            "the authors' code",
        ],
        [
            "mixture",
            SILENT,
            "20 Gaussians over 10 samples, covariance not stated",
            "diagonal covariance with a variance floor",
            "the fewest assumptions beyond the count",
        ],
        [
            "units",
            SILENT,
            "Table 1, for no data set's own number of inputs",
            "solved at a nominal 100 inputs, the same on every music set",
            "gives Table 1 exactly",
        ],
        [
            "average",
            SILENT,
            "“average negative log-probability”",
            "pooled over steps, and beside it the mean over sequences",
            "they differ by more than the units do",
        ],
    ]
    speech = any(output == "gaussian_mixture" for output in outputs.values())
    less = {
        "candidate learning rates a repeat": any(
            design.datasets[d].candidates < study.settings.budgets[outputs[d]].candidates for d in outputs
        ),
        "speech data": speech,
        "mixture": speech,
    }
    return [row for row in rows if less.get(row[0], True)]


def by_dataset(design: Design, value: Callable[[str], str]) -> str:
    """One value where all datasets share it, else each value with its datasets."""
    groups: dict[str, list[str]] = {}
    for dataset in design.datasets:
        groups.setdefault(value(dataset), []).append(dataset)
    if len(groups) == 1:
        return next(iter(groups))
    return "; ".join(f"{found}: {', '.join(datasets)}" for found, datasets in groups.items())
