"""Reads the runs that params.yaml asks for from models/ and measured/, checked against the design.

A file that belongs to another design (an older budget, another matching) stops the comparison: it is stale.
"""

import itertools
import json

import pandas as pd

from stages.findings.records.checks import check_design, check_same_pieces, check_scores
from stages.findings.records.design import Design
from stages.findings.records.files import of_cell, read_csv
from stages.findings.records.runs import Run, Runs
from stages.plumbing import places
from stages.plumbing.errors import InputError
from stages.plumbing.places import PAPER, run_folder

TRIALS = (
    "repeat,candidate,seed,learning_rate,status,epochs,best_epoch,updates,train_nll,valid_nll,"
    "train_nll_per_sequence,valid_nll_per_sequence,halved_at,chosen,chosen_by_halving"
).split(",")
CURVES = "repeat,candidate,epoch,updates,train_nll,valid_nll,train_nll_per_sequence,valid_nll_per_sequence".split(",")
EVALUATION = "cell,repeat,candidate,test_nll,test_nll_per_sequence,sequences,steps".split(",")
PIECES = "cell,repeat,candidate,piece,name,steps,nll".split(",")
NOISY = "cell,repeat,candidate,draw,weight_noise,test_nll".split(",")
BASELINES = "baseline,split,averaging,nll".split(",")
LEAKAGE = "piece,name,frames,leaked_frames,touched".split(",")
CLOCK = "cell,round,seconds,engine".split(",")
RUN_KEYS = (
    "output,matching,input_size,output_size,units,recurrent_parameters,output_parameters,total_parameters,device,seconds"
).split(",")


def read_runs(designs: dict[str, Design]) -> dict[str, Runs]:
    """The runs of every arm, `paper` first: its own, and those of `paper` that it shares.

    Raises:
        InputError: a file lacks a column or key, does not fit params.yaml, or disagrees with another file.
    """
    found: dict[str, Runs] = {}
    for arm, design in designs.items():
        own = _read_runs(arm, design.runs)
        for run in own.values():
            check_design(run, design)
            check_scores(run)
        paper = found.get(PAPER, own)
        for dataset in design.datasets:
            check_same_pieces([run for run in (paper | own).values() if run.dataset == dataset])
        both = own | {key: paper[key] for key in itertools.product(design.datasets, design.shared) if key in paper}
        found[arm] = {key: both[key] for key in paper | own if key in both}
    return found


def read_baselines(design: Design) -> pd.DataFrame:
    """The baselines of every dataset of the design, with the columns of baselines.csv."""
    frames = []
    for dataset in design.datasets:
        frame = read_csv(places.baselines(dataset) / "baselines.csv", BASELINES)
        frame.insert(0, "dataset", dataset)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def read_leakage(design: Design, runs: dict[tuple[str, str], Run]) -> dict[str, pd.DataFrame]:
    """What training has heard of each test piece, [N] rows with the columns of leakage.csv, by dataset.

    Datasets without melodies, or without a net that was scored, are left out.

    Raises:
        InputError: a file lacks a column, or is about other pieces than the runs were scored on.
    """
    found = {}
    for dataset in design.datasets:
        path = places.baselines(dataset) / "leakage.csv"
        pieces = read_csv(path, LEAKAGE)
        scored = [run for run in (runs[dataset, cell] for cell in design.cells) if len(run.all_pieces)]
        if pieces.empty or not scored:
            continue
        expected = scored[0].all_pieces.drop_duplicates("piece").sort_values("piece")
        same_names = pieces["name"].astype(str).tolist() == expected["name"].astype(str).tolist()
        if not same_names or (pieces["frames"] - 1).tolist() != expected["steps"].tolist():
            raise InputError(f"{path}: not the pieces that {scored[0].folder} was scored on; run `dvc repro`")
        found[dataset] = pieces
    return found


def _read_runs(arm: str, names: list[tuple[str, str]]) -> dict[tuple[str, str], Run]:
    scores = {
        dataset: [
            read_csv(places.scores(arm, dataset) / f"{name}.csv", columns)
            for name, columns in {"evaluation": EVALUATION, "pieces": PIECES, "noisy": NOISY}.items()
        ]
        for dataset in dict(names)
    }
    if arm == PAPER:  # the arm whose units are timed
        for dataset in scores:
            scores[dataset].append(read_csv(places.clock(dataset), CLOCK))
    return {
        (dataset, cell): _read_run(arm, dataset, cell, *(of_cell(frame, cell) for frame in scores[dataset]))
        for dataset, cell in names
    }


def _read_run(arm: str, dataset: str, cell: str, *scores: pd.DataFrame) -> Run:
    folder = run_folder(arm, dataset, cell)
    try:
        info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / 'run.json'}: not a readable JSON file: {error}") from None
    if lacking := [key for key in RUN_KEYS if key not in info]:
        raise InputError(f"{folder / 'run.json'}: it lacks the keys {', '.join(lacking)}; train this run again")
    trials = read_csv(folder / "trials.csv", TRIALS)
    for column in ("chosen", "chosen_by_halving"):
        if trials[column].dtype != bool:
            raise InputError(f"{folder / 'trials.csv'}: expected True or False in the column '{column}'")
    return Run(
        dataset,
        cell,
        folder,
        places.scores(arm, dataset),
        info,
        trials,
        read_csv(folder / "curves.csv.gz", CURVES),
        *scores,
    )
