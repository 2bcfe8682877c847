"""Reads what training and evaluation left in models/ and measured/, checked against the design.

A file that belongs to another design (an older budget, another matching) stops the comparison: it is stale.
"""

import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.findings.design import SECOND, Design, SecondArm, Training
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
BASELINES = "baseline,split,averaging,nll".split(",")
LEAKAGE = "piece,name,frames,leaked_frames,touched".split(",")
NOT_NUMBERS = {
    "cell",
    "status",
    "chosen",
    "chosen_by_halving",
    "name",
    "baseline",
    "split",
    "averaging",
    "touched",
    "net",
    "variable",
    "gate",
}
RUN_KEYS = (
    "output",
    "matching",
    "input_size",
    "output_size",
    "units",
    "recurrent_parameters",
    "output_parameters",
    "total_parameters",
    "device",
    "engine",
    "seconds",
    "seconds_per_update",
)


@dataclass(frozen=True)
class Run:
    """One dataset with one cell: every repeat of the protocol, as trained (`folder`) and evaluated (`measured`).

    `all_evaluation` and `all_pieces` also hold the candidates that successive halving would have chosen;
    `evaluation` and `pieces` are those of the chosen candidates alone.
    """

    dataset: str
    cell: str
    folder: Path
    measured: Path
    info: dict[str, Any]
    trials: pd.DataFrame
    curves: pd.DataFrame
    all_evaluation: pd.DataFrame
    all_pieces: pd.DataFrame

    @cached_property
    def repeats(self) -> list[int]:
        """Every repeat's number, diverged ones included."""
        return sorted(self.trials["repeat"].unique().tolist())

    @cached_property
    def evaluation(self) -> pd.DataFrame:
        """Test NLL of each repeat's chosen candidate."""
        return self._of_chosen(self.all_evaluation)

    @cached_property
    def pieces(self) -> pd.DataFrame:
        """Test NLL of each repeat's chosen candidate, piece by piece."""
        return self._of_chosen(self.all_pieces)

    @cached_property
    def results(self) -> pd.DataFrame:
        """A row per repeat: its chosen candidate's trial and test NLL; only `repeat` where all candidates diverged."""
        chosen = self.trials[self.trials["chosen"]]
        tested = chosen.merge(self.evaluation, on=["repeat", "candidate"], how="left", validate="one_to_one")
        return pd.DataFrame({"repeat": self.repeats}).merge(tested, on="repeat", how="left")

    @cached_property
    def chosen_curves(self) -> pd.DataFrame:
        """The rows of `curves` that belong to each repeat's chosen candidate."""
        return self._of_chosen(self.curves).sort_values(["repeat", "epoch"])

    @cached_property
    def worst_valid_nll(self) -> float:
        """The worst repeat's best validation NLL along its chosen curve; NaN where every repeat diverged."""
        return float(self.chosen_curves.groupby("repeat")["valid_nll"].min().max())

    @cached_property
    def piece_nll(self) -> np.ndarray:
        """Test NLL in nats, summed over each piece's steps: [R, N], R the repeats that have a result."""
        return self.pieces.pivot(index="repeat", columns="piece", values="nll").to_numpy(float)

    @cached_property
    def tested_repeats(self) -> np.ndarray:
        """The numbers of the repeats that have a result, in the order of the rows of `piece_nll`: [R]."""
        return np.sort(self.pieces["repeat"].unique())

    @cached_property
    def piece_steps(self) -> np.ndarray:
        """Scored steps of each piece: [N]."""
        return self.pieces.drop_duplicates("piece").sort_values("piece")["steps"].to_numpy(float)

    @cached_property
    def halving_losses(self) -> pd.DataFrame:
        """What halving's choice loses, [repeat: valid_nll, test_nll], nats per step: its NLL minus the chosen one's.

        Of the repeats that have a choice under both searches.
        """
        scored = self.trials.merge(self.all_evaluation, on=["repeat", "candidate"]).set_index("repeat")
        by_halving, chosen = (
            scored.loc[scored[choice], ["valid_nll", "test_nll"]] for choice in ("chosen_by_halving", "chosen")
        )
        return (by_halving - chosen).dropna()

    def _of_chosen(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a frame that belong to each repeat's chosen candidate, in the order of the repeats."""
        chosen = self.trials.loc[self.trials["chosen"], ["repeat", "candidate"]]
        return chosen.merge(frame, on=["repeat", "candidate"])


def paired(first: Run, second: Run) -> tuple[np.ndarray, np.ndarray]:
    """`piece_nll` of two cells on one dataset, [R, N] and [R, N]: the R repeats in which both have a result."""
    common = np.intersect1d(first.tested_repeats, second.tested_repeats)
    return tuple(run.piece_nll[np.isin(run.tested_repeats, common)] for run in (first, second))


def read_runs(design: Design, matching: str) -> dict[tuple[str, str], Run]:
    """Every run of the design, (dataset, cell) → `Run`.

    Raises:
        InputError: a file lacks a column or key, does not fit params.yaml, or disagrees with another file.
    """
    runs = _read_runs(PAPER, design.runs)
    _check(runs, design.datasets, matching)
    for dataset in design.datasets:
        _check_same_pieces([runs[dataset, cell] for cell in design.cells])
    return runs


def read_arm(arm: SecondArm, design: Design, runs: dict[tuple[str, str], Run]) -> dict[tuple[str, str], Run]:
    """The runs of the second arm, (dataset, cell) → `Run`: its own, and those of `runs`, the first arm, that it shares.

    Raises:
        InputError: as `read_runs`.
    """
    own = _read_runs(SECOND, arm.runs(design))
    _check(own, arm.datasets, arm.matching)
    for dataset, cell in own:
        _check_same_pieces([runs[dataset, cell], own[dataset, cell]])
    shared = {(dataset, cell): runs[dataset, cell] for dataset, _ in own for cell in design.cells if cell in arm.shared}
    return {key: (own | shared)[key] for key in design.runs if key in own | shared}


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
        if [*zip(pieces["name"].astype(str), pieces["frames"] - 1, strict=True)] != [
            *zip(expected["name"].astype(str), expected["steps"], strict=True)
        ]:
            raise InputError(f"{path}: not the pieces that {scored[0].folder} was scored on; run `dvc repro`")
        found[dataset] = pieces
    return found


def read_csv(path: Path, columns: list[str]) -> pd.DataFrame:
    """A CSV file's columns, compressed or not, as numbers but for those that are known to be words.

    Raises:
        InputError: the file is not a readable CSV, lacks a column, or has a word where a number must be.
    """
    try:
        frame = pd.read_csv(path)
    except (OSError, EOFError, zlib.error, ValueError) as error:  # pandas' own errors are ValueErrors
        raise InputError(f"{path}: not a readable CSV file: {' '.join(str(error).split())}") from None
    if lacking := [column for column in columns if column not in frame]:
        raise InputError(f"{path}: expected the columns {', '.join(columns)}; it lacks {', '.join(lacking)}")
    frame = frame[columns].copy()
    for column in [column for column in columns if column not in NOT_NUMBERS]:
        try:
            frame[column] = pd.to_numeric(frame[column])
        except (ValueError, TypeError):
            raise InputError(f"{path}: expected numbers in the column '{column}'") from None
        if frame[column].dtype == object:  # a file without rows, as after a run that diverged throughout
            frame[column] = frame[column].astype(float)
    return frame


def of_cell(frame: pd.DataFrame, cell: str) -> pd.DataFrame:
    """The rows of a file of all cells that are about this one, without the column that says so."""
    return frame[frame["cell"] == cell].drop(columns="cell").reset_index(drop=True)


def _read_runs(arm: str, names: list[tuple[str, str]]) -> dict[tuple[str, str], Run]:
    scores = {
        dataset: (
            read_csv(places.scores(arm, dataset) / "evaluation.csv", EVALUATION),
            read_csv(places.scores(arm, dataset) / "pieces.csv", PIECES),
        )
        for dataset in dict(names)
    }
    return {
        (dataset, cell): _read_run(arm, dataset, cell, *(of_cell(frame, cell) for frame in scores[dataset]))
        for dataset, cell in names
    }


def _read_run(arm: str, dataset: str, cell: str, evaluation: pd.DataFrame, pieces: pd.DataFrame) -> Run:
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
        evaluation,
        pieces,
    )


def _check(runs: dict[tuple[str, str], Run], budgets: dict[str, Training], matching: str) -> None:
    for run in runs.values():
        _check_design(run, budgets[run.dataset], matching)
        _check_scores(run)


def _check_design(run: Run, training: Training, matching: str) -> None:
    found = run.trials.groupby("repeat").size()
    if len(found) != training.repeats or not (found == training.candidates).all():
        raise InputError(
            f"{run.folder / 'trials.csv'}: expected {training.repeats} repeats of {training.candidates} candidates as "
            f"in params.yaml, found {len(found)} repeats of {sorted(set(found))} candidates; train this run again"
        )
    if run.info["matching"] != matching:
        raise InputError(
            f"{run.folder / 'run.json'}: expected the matching '{matching}' of params.yaml, found "
            f"'{run.info['matching']}'; train this run again"
        )


def _check_scores(run: Run) -> None:
    """The three files that speak of a candidate's test NLL must agree; one of them from another run would not."""
    candidate = ["repeat", "candidate"]
    chosen = run.trials.loc[run.trials["chosen"] | run.trials["chosen_by_halving"], candidate]
    scores = run.all_evaluation.set_index(candidate)["test_nll"]
    if sorted(scores.index) != sorted(map(tuple, chosen.to_numpy())) or scores.isna().any():
        raise InputError(
            f"{run.measured / 'evaluation.csv'}: of {run.cell} not the chosen candidates of its trials.csv; evaluate "
            "this run again"
        )
    sums = run.all_pieces.groupby(candidate)[["nll", "steps"]].sum()
    path = run.measured / "pieces.csv"
    if sorted(sums.index) != sorted(scores.index):
        raise InputError(f"{path}: of {run.cell} not the candidates of evaluation.csv; evaluate this run again")
    pooled = (sums["nll"] / sums["steps"]).reindex(scores.index)
    if not np.allclose(pooled, scores, rtol=1e-4, atol=1e-4):
        raise InputError(f"{path}: of {run.cell} sums that are not the NLL of evaluation.csv; evaluate this run again")


def _check_same_pieces(runs: list[Run]) -> None:
    """Differences are paired by piece, so all cells must have been scored on the same pieces in the same order."""
    expected = None
    for run in runs:
        for (repeat, _), pieces in run.all_pieces.sort_values("piece").groupby(["repeat", "candidate"]):
            found = (pieces["name"].astype(str).tolist(), pieces["steps"].tolist())
            expected = expected or found
            if found != expected:
                raise InputError(
                    f"{run.measured / 'pieces.csv'}: the pieces of {run.cell}'s repeat {repeat} are "
                    "not those of the other runs on this dataset; evaluate the dataset again"
                )
