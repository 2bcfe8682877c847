"""What a study of batch sizes said: each size's best net, and the size that its rule takes. Its file is history."""

import math
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

from stages.findings.studies import read_study
from stages.plumbing.parameters import Section

MEASURED = Path("reports/studies/batch_sizes.csv")
MEASURED_COLUMNS = (
    "dataset,cell,batch_size,candidate,learning_rate,epochs,best_epoch,updates,train_nll,valid_nll,chosen"
).split(",")
COLUMNS = (
    "dataset,cell,batch_size,candidates,learning_rate,edge,epochs,best_epoch,updates,train_nll,valid_nll,behind,"
    "margin,taken"
).split(",")


class Study(Section):
    """`batch_sizes` in settings.yaml.

    Attributes:
        margin: nats of validation NLL by which a size may be worse than the best and be taken for its speed.
        edge: the share of the learning rates' range, at either end on the log scale, that counts as its edge.
    """

    margin: Annotated[float, Field(ge=0)]
    edge: Annotated[float, Field(ge=0, lt=0.5)]


def batch_sizes_table(study: Study, log_low: float, log_high: float, measured: Path = MEASURED) -> pd.DataFrame:
    """batch_sizes.csv: a row a dataset and size, its chosen candidate; without rows where nothing was measured.

    NLLs are in nats per step, of one repeat: there is no interval. `behind` is the validation NLL above that of the
    dataset's best size; the largest size that is behind by at most the margin is `taken`. `edge` says where
    the chosen learning rate is in the range: at its top or bottom, as the first or last of the candidates or in the
    outer share, or inside.

    Args:
        log_low, log_high: natural logarithms of the range's ends.

    Raises:
        InputError: the measured file cannot be read or lacks a column.
    """
    trials = read_study(measured, MEASURED_COLUMNS)
    if trials is None:
        return pd.DataFrame(columns=COLUMNS)
    rates = trials.groupby(["dataset", "cell", "batch_size"])["learning_rate"].agg(["size", "min", "max"])
    table = trials[trials["chosen"]].merge(rates.rename(columns={"size": "candidates"}).reset_index())
    place = (table["learning_rate"].map(math.log) - log_low) / (log_high - log_low)  # 0 at the bottom, 1 at the top
    table["edge"] = "inside"
    table.loc[(table["learning_rate"] == table["min"]) | (place <= study.edge), "edge"] = "bottom"
    table.loc[(table["learning_rate"] == table["max"]) | (place >= 1 - study.edge), "edge"] = "top"
    table["behind"] = table["valid_nll"] - table.groupby("dataset")["valid_nll"].transform("min")
    table["margin"] = study.margin
    within = table["batch_size"].where(table["behind"] <= study.margin)
    table["taken"] = table["batch_size"] == within.groupby(table["dataset"]).transform("max")
    return table[COLUMNS]
