"""The study behind the datasets' batch sizes: one repeat of the protocol at each size, side by side.

    python -m stages.batch_sizes       trains in batch_sizes/, writes reports/studies/batch_sizes.csv

The authors' code updates after every sequence, the paper does not say. A larger batch is faster on parallel hardware
and starves a net of updates. Run by hand, since no stage waits for it: params.yaml says which size each dataset got.
What is finished stays in batch_sizes/ and is not trained again while parameters, data and code are the same.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from stages.findings.batch_sizes import MEASURED, MEASURED_COLUMNS, Study
from stages.plumbing.errors import InputError, run
from stages.plumbing.files import whole
from stages.plumbing.parameters import PARAMS, section

FOLDER = Path("batch_sizes")


def lay_out(folder: Path, size: int, max_epochs: dict[str, int]) -> None:
    """A folder that holds the trainer, the data, and parameters with another batch size and a single repeat."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "stages", ignore_errors=True)
    shutil.copytree("stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").mkdir(exist_ok=True)
    if not (folder / "data/prepared").is_symlink():
        (folder / "data/prepared").symlink_to(Path("data/prepared").resolve())
    yaml = YAML()
    params = yaml.load(PARAMS)
    for dataset, epochs in max_epochs.items():
        params["datasets"][dataset]["training"].update(repeats=1, max_epochs=epochs, batch_size=size)
    yaml.dump(params, folder / PARAMS)


def table_of(folder: Path, dataset: str, cell: str, size: int, max_epochs: int) -> pd.DataFrame:
    """A row per candidate: its best clean validation NLL within the epochs, in nats per step, and where it was."""
    models = folder / "models" / dataset / cell
    trials, curves = (pd.read_csv(models / name) for name in ("trials.csv", "curves.csv.gz"))
    curves = curves[curves["epoch"] <= max_epochs]
    best = curves.loc[curves.groupby("candidate")["valid_nll"].idxmin()].rename(columns={"epoch": "best_epoch"})
    epochs = curves.groupby("candidate")["epoch"].max().rename("epochs").reset_index()
    table = trials[["candidate", "learning_rate"]].merge(epochs, how="left").merge(best, on="candidate", how="left")
    table = table.assign(dataset=dataset, cell=cell, batch_size=size, chosen=False)
    table.loc[table["valid_nll"].idxmin(), "chosen"] = True
    return table.astype({"epochs": "Int64", "best_epoch": "Int64", "updates": "Int64"})[MEASURED_COLUMNS]


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    study, tables = section("batch_sizes", Study), []
    for dataset, max_epochs in study.max_epochs.items():
        for size in study.sizes:
            folder = FOLDER / str(size)
            lay_out(folder, size, study.max_epochs)
            command = [sys.executable, "-m", "stages.train", "--dataset", dataset, "--cell", study.cell]
            if subprocess.run(command, cwd=folder).returncode:
                raise InputError(f"{folder}: '{' '.join(command[1:])}' failed, see above")
            tables.append(table_of(folder, dataset, study.cell, size, max_epochs))
    with whole(MEASURED) as path:
        pd.concat(tables).to_csv(path, index=False, float_format="%.6g")
    print(f"{MEASURED}: written")


if __name__ == "__main__":
    run(main)
