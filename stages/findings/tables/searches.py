"""How candidates and batch sizes were searched: what successive halving would have lost, and a study of batch sizes."""

import math
from pathlib import Path

import pandas as pd
from pydantic import Field

from stages.findings.declare import table
from stages.findings.inference.resampling import mean_interval
from stages.findings.records.design import SETTINGS
from stages.findings.records.studies import read_study
from stages.findings.study import Study
from stages.findings.tables.protocol import rungs
from stages.findings.wording import cell_name, number, set_of, signed, signed_interval, span_of, text, unit_of
from stages.plumbing.parameters import Section, section

MEASURED = Path("reports/studies/batch_sizes.csv")
MEASURED_COLUMNS = (
    "dataset,cell,batch_size,candidate,learning_rate,epochs,best_epoch,updates,train_nll,valid_nll,chosen"
).split(",")


def _loss(mean: float, low: float, high: float) -> str:
    return signed_interval(mean, low, high, 4)


@table(
    "dataset:word cell:word repeats:count rungs:word keep survived:count valid_loss_mean valid_loss_low "
    "valid_loss_high test_loss_mean test_loss_low test_loss_high epochs_share",
    {
        "set": set_of,
        "unit": lambda row: "all" if row.cell == "all" else cell_name(row.cell),
        "n": "repeats",
        "after epochs": "rungs",
        "kept": lambda row: f"{row.keep:.0%}",
        "same choice": "survived",
        "validation loss": span_of("valid_loss", _loss),
        "test loss": span_of("test_loss", _loss),
        "epochs": lambda row: "" if pd.isna(row.epochs_share) else f"{row.epochs_share:.0%}",
    },
)
def halving(study: Study) -> list[list]:
    """What successive halving would have chosen, lost and saved, where it is only recorded.

    A row per dataset and cell, and one of all its cells' repeats together. `survived`: the repeats whose chosen
    candidate halving would not have ended. Losses are halving's choice minus the chosen one. `epochs_share`: the
    epochs that the trials would have run under halving over those they ran.
    """
    rows = []
    for dataset, training in study.design.datasets.items():
        if not training.halving_recorded:
            continue
        of_cells = [(cell, [study.runs[dataset, cell]]) for cell in study.design.cells]
        for cell, found in [*of_cells, ("all", [study.runs[dataset, cell] for cell in study.design.cells])]:
            trials = pd.concat([run.trials for run in found])
            losses = pd.concat([run.halving_losses for run in found])
            valid, test = (
                mean_interval(losses[f"{split}_nll"], study.resampling, "halving", dataset, cell, split)
                for split in ("valid", "test")
            )
            survived = (trials["chosen"] & trials["halved_at"].isna()).sum()
            ran = trials["epochs"].sum()
            halved = trials["epochs"].clip(upper=trials["halved_at"].fillna(math.inf)).sum()
            share = halved / ran if ran else math.nan
            row = [dataset, cell, len(losses), rungs(training.halving), training.halving.keep, survived]
            rows.append([*row, valid.mean, valid.low, valid.high, test.mean, test.low, test.high, share])
    return rows


class Settings(Section):
    """`batch_sizes` in settings.yaml.

    Attributes:
        margin: nats of validation NLL by which a size may be worse than the best and be taken for its speed.
        edge: the share of the learning rates' range, at either end on the log scale, that counts as its edge.
    """

    margin: float = Field(ge=0)
    edge: float = Field(ge=0, lt=0.5)


@table(
    "dataset:word cell:word batch_size:count candidates:count learning_rate edge:word epochs:count best_epoch:count "
    "updates:count train_nll valid_nll behind margin taken:flag",
    {
        "set": set_of,
        "unit": unit_of,
        "batch": lambda row: f"{row.batch_size} (taken)" if row.taken else f"{row.batch_size}",
        "best validation NLL": lambda row: number(row.valid_nll, 3),
        "behind the best": lambda row: signed(row.behind, 3),
        "learning rate": "learning_rate",
        "in its range": "edge",
        "best epoch": "best_epoch",
        "epochs": "epochs",
        "updates to the best": lambda row: text(row.updates),
    },
)
def batch_sizes(study: Study) -> pd.DataFrame | list:
    """A row a dataset and size, its chosen candidate; without rows where nothing was measured.

    NLLs are in nats per step, of one repeat: there is no interval. `behind` is the validation NLL above that of the
    dataset's best size; the largest size that is behind by at most the margin is `taken`. `edge` says where
    the chosen learning rate is in the range: at its top or bottom, as the first or last of the candidates or in the
    outer share, or inside.

    Raises:
        InputError: the measured file cannot be read or lacks a column.
    """
    settings = section("batch_sizes", Settings, SETTINGS)
    log_low, log_high = (study.protocol[f"learning_rate_log_{end}"] for end in ("low", "high"))
    trials = read_study(MEASURED, MEASURED_COLUMNS)
    if trials is None:
        return []
    rates = trials.groupby(["dataset", "cell", "batch_size"])["learning_rate"].agg(["size", "min", "max"])
    found = trials[trials["chosen"]].merge(rates.rename(columns={"size": "candidates"}).reset_index())
    place = (found["learning_rate"].map(math.log) - log_low) / (log_high - log_low)  # 0 at the bottom, 1 at the top
    found["edge"] = "inside"
    found.loc[(found["learning_rate"] == found["min"]) | (place <= settings.edge), "edge"] = "bottom"
    found.loc[(found["learning_rate"] == found["max"]) | (place >= 1 - settings.edge), "edge"] = "top"
    found["behind"] = found["valid_nll"] - found.groupby("dataset")["valid_nll"].transform("min")
    found["margin"] = settings.margin
    within = found["batch_size"].where(found["behind"] <= settings.margin)
    found["taken"] = found["batch_size"] == within.groupby(found["dataset"]).transform("max")
    return found
