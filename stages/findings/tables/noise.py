"""What may hold the nets back: a study by hand of a decaying rate and of nets without noise. Its file is history."""

from pathlib import Path

import pandas as pd

from stages.findings.declare import table, triples
from stages.findings.inference.resampling import mean_interval
from stages.findings.records.studies import read_study
from stages.findings.study import Study
from stages.findings.tables.scores import paper_nll
from stages.findings.wording import number, set_of, span_of, unit_of

MEASURED = Path("reports/studies/optimisation.csv")
COLUMNS = (
    "dataset,cell,batch_size,max_epochs,weight_noise,final_rate,learning_rate,status,best_epoch,train_nll,valid_nll"
).split(",")


@table(
    "dataset:word cell:word batch_size:count max_epochs:count weight_noise final_rate learning_rate status:word "
    "best_epoch:count train_nll valid_nll best:flag",
    {
        "set": set_of,
        "unit": unit_of,
        "weight noise": lambda row: number(row.weight_noise, 3),
        "learning rate": lambda row: "constant" if row.final_rate == 1 else f"falls to {row.final_rate:.0%}",
        "first rate": "learning_rate",
        "best epoch": lambda row: f"{row.best_epoch} of {row.max_epochs}",
        "training NLL": lambda row: number(row.train_nll, 3),
        "validation NLL": lambda row: number(row.valid_nll, 3),
    },
)
def optimisation(study: Study) -> pd.DataFrame | list:
    """Every net of the study and whether it is the best of its noise and schedule, by validation.

    NLLs in nats per step, clean weights, one net each: there is no interval. Without rows where nothing was measured.

    Raises:
        InputError: the measured file cannot be read or lacks a column.
    """
    nets = read_study(MEASURED, COLUMNS)
    if nets is None:
        return []
    least = nets.groupby(["dataset", "cell", "weight_noise", "final_rate"])["valid_nll"].transform("min")
    return nets.assign(best=nets["valid_nll"] == least)


@table(
    f"dataset:word cell:word repeats:count {triples('clean noisy')} paper_nll",
    {
        "set": set_of,
        "unit": unit_of,
        "n": "repeats",
        "test NLL, clean": span_of("clean"),
        "with the noise left on": span_of("noisy"),
        "the paper's": lambda row: number(row.paper_nll),
    },
)
def left_on(study: Study) -> list[list]:
    """Test NLL of the nets of `paper` on clean weights and with the weight noise left on, as the authors' code scores.

    Means over repeats with their intervals, nats per step; a unit without a result has no row.
    """
    rows = []
    for (dataset, cell), run in study.runs.items():
        noisy = run.noisy_nll
        if not len(noisy):
            continue
        clean = run.results["test_nll"].dropna()
        means = [
            mean_interval(values, study.resampling, "left_on", dataset, cell, name)
            for name, values in (("clean", clean), ("noisy", noisy))
        ]
        ends = [end for found in means for end in (found.mean, found.low, found.high)]
        rows.append([dataset, cell, len(noisy), *ends, paper_nll(study, dataset, cell, "test")])
    return rows


@table("dataset:word cell:word noisy:flag split:word repeats:count nll_mean nll_low nll_high")
def speech_noise(study: Study) -> list[list]:
    """NLL of speech with the paper's weight noise and without it, of every set that has both.

    The arm `noiseless` where it was trained on a set, by test NLL; else the study by hand, by validation NLL, n=1, the
    best of its rates. A unit all of whose nets diverged has no number.
    """
    rows, nets, arms = [], study.frame("optimisation"), study.frame("arm_scores")
    for dataset in study.design.datasets:
        if study.output(dataset) == "bernoulli":
            continue
        of = arms[(arms["dataset"] == dataset) & arms["arm"].isin(["paper", "noiseless"])]
        if "noiseless" in set(of["arm"]):
            for row in of.itertuples():
                ends = [row.nll_mean, row.nll_low, row.nll_high]
                rows.append([dataset, row.cell, row.arm == "paper", "test", row.repeats, *ends])
            continue
        constant = nets[(nets["dataset"] == dataset) & (nets["final_rate"] == 1)]
        for (cell, noise), own in constant.groupby(["cell", "weight_noise"], sort=False):
            rows.append([dataset, cell, noise > 0, "validation", 1, own["valid_nll"].min(), None, None])
    return rows
