"""The tables of reports/tables/: one function a table, every number of the report and the figures in one of them.

NLLs are in nats per step. `pooled` is the sum over all steps over their number; `per_sequence` is the mean over
sequences of each one's mean. Splits are those of the data; the test split enters through evaluation.csv only.
"""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from stages.findings import paper
from stages.findings.design import Budget, Comparison, Design, Halving, Training
from stages.findings.evidence import Evidence
from stages.findings.records import Run
from stages.findings.statistics import Resampling, mean_interval

Runs = dict[tuple[str, str], Run]

SPLITS = ("train", "valid", "test")
AVERAGINGS = ("pooled", "per_sequence")
RESULT_COLUMNS = (
    "repeat,candidate,learning_rate,epochs,best_epoch,updates,train_nll,valid_nll,test_nll,train_nll_per_sequence,"
    "valid_nll_per_sequence,test_nll_per_sequence"
).split(",")

HALVING_COLUMNS = (
    "dataset,cell,repeats,rungs,keep,survived,valid_loss_mean,valid_loss_low,valid_loss_high,test_loss_mean,"
    "test_loss_low,test_loss_high,epochs_share"
).split(",")


def design_table(design: Design, comparison: Comparison, runs: Runs, arm: Runs) -> pd.DataFrame:
    """design.csv: a row per dataset: its budget beside the paper's, what it answers to, how its trials ended.

    `training_hours` are those of all its trainings, as their processes ran, the second arm's too.
    """
    rows = []
    for dataset, training in design.datasets.items():
        of_dataset = [runs[dataset, cell] for cell in design.cells]
        in_arm = [run for (known, cell), run in arm.items() if known == dataset and run is not runs[dataset, cell]]
        counterpart = comparison.counterparts.get(dataset)
        budget = comparison.budgets[of_dataset[0].info["output"]]
        ends = pd.concat([run.trials["status"] for run in of_dataset]).value_counts()
        rows.append(
            {
                "dataset": dataset,
                "output": of_dataset[0].info["output"],
                "paper_dataset": counterpart.name if counterpart else "",
                "data": counterpart.data if counterpart else "",
                "repeats": training.repeats,
                "candidates": training.candidates,
                "max_epochs": training.max_epochs,
                "batch_size": training.batch_size,
                "search": search(training),
                "paper_candidates": budget.candidates,
                "paper_max_epochs": budget.max_epochs,
                "budget": "preliminary" if is_preliminary(training, budget) else "paper",
                "trials_stopped": ends.get("stopped", 0),
                "trials_max_epochs": ends.get("max_epochs", 0),
                "trials_halved": ends.get("halved", 0),
                "trials_diverged": ends.get("diverged", 0),
                "test_pieces": max(len(run.piece_steps) for run in of_dataset),
                "training_hours": sum(run.info["seconds"] for run in [*of_dataset, *in_arm]) / 3600,
                "device": ", ".join(dict.fromkeys(str(run.info["device"]) for run in of_dataset)),
            }
        )
    return pd.DataFrame(rows)


def search(training: Training) -> str:
    """How a repeat's candidates are searched, in words."""
    if not training.halved:
        return "all to the end"
    return f"best {training.halving.keep:.0%} go on after epochs {rungs(training.halving)}"


def rungs(halving: Halving) -> str:
    return ", ".join(map(str, halving.epochs))


def is_preliminary(training: Training, budget: Budget) -> bool:
    """Whether a dataset got fewer candidates or epochs than the paper gave it, or not all candidates to the end."""
    return training.candidates < budget.candidates or training.max_epochs < budget.max_epochs or training.halved


def preliminary(design: Design, comparison: Comparison, runs: Runs) -> frozenset[str]:
    """The datasets whose results are preliminary."""
    return frozenset(
        dataset
        for dataset, training in design.datasets.items()
        if is_preliminary(training, comparison.budgets[runs[dataset, design.cells[0]].info["output"]])
    )


def protocol_table(train: Mapping[str, Any]) -> pd.DataFrame:
    """protocol.csv: every setting of `train` in params.yaml, who states it, and what is stated."""
    rows = []
    for setting, value in train.items():
        origin, stated = paper.PROTOCOL.get(setting, ("this study", None))
        rows.append({"setting": setting, "value": value, "origin": origin, "stated": stated})
    return pd.DataFrame(rows, columns=["setting", "value", "origin", "stated"])


def parameters_table(runs: Iterable[Run]) -> pd.DataFrame:
    """parameters.csv: each net's sizes, beside Table 1 of the paper where they are matched as there."""
    columns = "matching,input_size,output_size,units,recurrent_parameters,output_parameters,total_parameters".split(",")
    rows = []
    for run in runs:
        matched = run.info["matching"] == paper.MATCHING
        units, weights = paper.SIZES.get((run.info["output"], run.cell), (None, None)) if matched else (None, None)
        rows.append([run.dataset, run.cell, *(run.info[column] for column in columns), units, weights])
    table = pd.DataFrame(rows, columns=["dataset", "cell", *columns, "paper_units", "paper_parameters"])
    return table.astype({"paper_units": "Int64", "paper_parameters": "Int64"})


def results_table(runs: Runs) -> pd.DataFrame:
    """results.csv: a row per repeat: its chosen candidate, or empty fields where all its candidates diverged."""
    frames = []
    for (dataset, cell), run in runs.items():
        frame = run.results[RESULT_COLUMNS].astype(
            {"candidate": "Int64", "epochs": "Int64", "best_epoch": "Int64", "updates": "Int64"}
        )
        frame.insert(0, "dataset", dataset)
        frame.insert(1, "cell", cell)
        frames.append(
            frame.assign(seconds_per_update=float(run.info["seconds_per_update"]), device=str(run.info["device"]))
        )
    return pd.concat(frames, ignore_index=True)


def summary_table(runs: Runs, comparison: Comparison, published: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """summary.csv: mean over repeats with its interval over repeats, beside the paper's number.

    The paper does not say how it averaged, so its number stands beside both averagings. `repeats` counts those that
    have a result; with one there is no interval.
    """
    rows = []
    for (dataset, cell), run in runs.items():
        for split, averaging in itertools.product(SPLITS, AVERAGINGS):
            values = run.results[f"{split}_nll" + ("" if averaging == "pooled" else "_per_sequence")].dropna()
            found = mean_interval(values, resampling, "summary", dataset, cell, split, averaging)
            stated = paper_nll(published, comparison, dataset, cell, split)
            rows.append([dataset, cell, len(values), split, averaging, found.mean, found.low, found.high, stated])
    columns = "dataset,cell,repeats,split,averaging,nll_mean,nll_low,nll_high,paper_nll".split(",")
    return pd.DataFrame(rows, columns=columns)


def paper_nll(published: pd.DataFrame, comparison: Comparison, dataset: str, cell: str, split: str) -> float:
    """Table 2 of the paper, for the dataset that ours answers to; NaN where it has no number."""
    counterpart = comparison.counterparts.get(dataset)
    if counterpart is None or cell not in paper.RESULTS:
        return math.nan
    found = published[
        (published["dataset"] == counterpart.name)
        & (published["model"] == paper.RESULTS[cell])
        & (published["split"] == split)
    ]
    return float(found["nll"].iloc[0]) if len(found) else math.nan


def progress_table(evidence: Evidence, design: Design) -> pd.DataFrame:
    """progress.csv: one cell's updates or seconds to the pair's validation level over another's (see claims.py)."""
    rows = []
    for dataset, (second, first), clock in itertools.product(
        design.datasets, itertools.combinations(design.cells, 2), ("updates", "seconds")
    ):
        if evidence.obstacle(dataset, first, second):
            continue
        if clock == "seconds" and not evidence.same_clock(dataset, first, second):
            continue
        interval = evidence.progress(dataset, first, second, clock)
        repeats = evidence.pairs(dataset, first, second)
        level = evidence.level(dataset, first, second)
        rows.append([dataset, first, second, clock, repeats, level, interval.mean, interval.low, interval.high])
    columns = "dataset,first,second,clock,repeats,level,ratio_mean,ratio_low,ratio_high".split(",")
    return pd.DataFrame(rows, columns=columns)


def curves_table(runs: Runs) -> pd.DataFrame:
    """curves.csv: the chosen candidates' learning curves; seconds are those of one net trained alone."""
    columns = "dataset,cell,repeat,candidate,epoch,updates,seconds,train_nll,valid_nll".split(",")
    frames = [
        run.chosen_curves.assign(
            dataset=dataset, cell=cell, seconds=run.chosen_curves["updates"] * run.info["seconds_per_update"]
        )[columns]
        for (dataset, cell), run in runs.items()
    ]
    return pd.concat(frames, ignore_index=True)


def learning_rates_table(runs: Runs) -> pd.DataFrame:
    """learning_rates.csv: every candidate's learning rate and best validation NLL (empty where it diverged)."""
    columns = "dataset,cell,repeat,candidate,learning_rate,status,valid_nll,chosen".split(",")
    frames = [run.trials.assign(dataset=dataset, cell=cell)[columns] for (dataset, cell), run in runs.items()]
    return pd.concat(frames, ignore_index=True)


def halving_table(design: Design, runs: Runs, resampling: Resampling) -> pd.DataFrame:
    """halving.csv: what successive halving would have chosen, lost and saved, where it is only recorded.

    A row per dataset and cell, and one of all its cells' repeats together. `survived`: the repeats whose chosen
    candidate halving would not have ended. Losses are halving's choice minus the chosen one. `epochs_share`: the
    epochs that the trials would have run under halving over those they ran.
    """
    rows = []
    for dataset, training in design.datasets.items():
        if not training.halving_recorded:
            continue
        of_cells = [(cell, [runs[dataset, cell]]) for cell in design.cells]
        for cell, found in [*of_cells, ("all", [runs[dataset, cell] for cell in design.cells])]:
            trials = pd.concat([run.trials for run in found])
            losses = pd.concat([run.halving_losses for run in found])
            valid, test = (
                mean_interval(losses[f"{split}_nll"], resampling, "halving", dataset, cell, split)
                for split in ("valid", "test")
            )
            survived = (trials["chosen"] & trials["halved_at"].isna()).sum()
            ran = trials["epochs"].sum()
            halved = trials["epochs"].clip(upper=trials["halved_at"].fillna(math.inf)).sum()
            share = halved / ran if ran else math.nan
            row = [dataset, cell, len(losses), rungs(training.halving), training.halving.keep, survived]
            rows.append([*row, valid.mean, valid.low, valid.high, test.mean, test.low, test.high, share])
    return pd.DataFrame(rows, columns=HALVING_COLUMNS)
