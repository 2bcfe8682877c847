"""What the study of the optimisation says (`make optimisation`): a decaying rate and no noise, beside the protocol."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

from stages.findings.studies import read_study
from stages.plumbing.parameters import Section

MEASURED = Path("reports/studies/optimisation.csv")
COLUMNS = (
    "dataset,cell,batch_size,max_epochs,weight_noise,final_rate,learning_rate,status,best_epoch,train_nll,valid_nll"
).split(",")
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


class Set(Section):
    """What is trained, with the dataset's own batch size, for so many epochs; no net stops early.

    Attributes:
        final_rates: as the study's, where a set is to be trained with fewer schedules.
    """

    dataset: str
    cells: list[str]
    max_epochs: Count
    final_rates: list[Positive] | None = None


class Study(Section):
    """`optimisation` in params.yaml.

    Attributes:
        learning_rates: the rates at the start.
        final_rates: the share of the rate that is left in the last epoch, reached linearly; 1 is a constant rate.
        weight_noise: standard deviations.
    """

    sets: list[Set]
    learning_rates: list[Positive]
    final_rates: list[Positive]
    weight_noise: list[Annotated[float, Field(ge=0)]]

    def schedules(self, of: Set) -> list[float]:
        """The final rates of a set."""
        return of.final_rates or self.final_rates


def optimisation_table(measured: Path = MEASURED) -> pd.DataFrame:
    """optimisation.csv: every net of the study and whether it is the best of its noise and schedule, by validation.

    NLLs in nats per step, clean weights, one net each: there is no interval. Without rows where nothing was measured.

    Raises:
        InputError: the measured file cannot be read or lacks a column.
    """
    nets = read_study(measured, COLUMNS, "make optimisation")
    if nets is None:
        return pd.DataFrame(columns=[*COLUMNS, "best"])
    least = nets.groupby(["dataset", "cell", "weight_noise", "final_rate"])["valid_nll"].transform("min")
    return nets[COLUMNS].assign(best=nets["valid_nll"] == least)
