"""What a study of the optimisation said: a decaying rate and no noise, beside the protocol. Its file is history."""

from pathlib import Path

import pandas as pd

from stages.findings.studies import read_study

MEASURED = Path("reports/studies/optimisation.csv")
COLUMNS = (
    "dataset,cell,batch_size,max_epochs,weight_noise,final_rate,learning_rate,status,best_epoch,train_nll,valid_nll"
).split(",")


def optimisation_table(measured: Path = MEASURED) -> pd.DataFrame:
    """optimisation.csv: every net of the study and whether it is the best of its noise and schedule, by validation.

    NLLs in nats per step, clean weights, one net each: there is no interval. Without rows where nothing was measured.

    Raises:
        InputError: the measured file cannot be read or lacks a column.
    """
    nets = read_study(measured, COLUMNS)
    if nets is None:
        return pd.DataFrame(columns=[*COLUMNS, "best"])
    least = nets.groupby(["dataset", "cell", "weight_noise", "final_rate"])["valid_nll"].transform("min")
    return nets[COLUMNS].assign(best=nets["valid_nll"] == least)
