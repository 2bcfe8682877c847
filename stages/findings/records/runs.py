"""A run: what training and evaluation left of one dataset with one cell, every repeat of the protocol."""

from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Run:
    """One dataset with one cell: every repeat of the protocol, as trained (`folder`) and evaluated (`measured`).

    `all_evaluation`, `all_pieces` and `all_noisy` also hold the candidates that successive halving would have chosen;
    `evaluation`, `pieces` and `noisy_nll` are those of the chosen candidates alone. `timings`, of the arm `paper`, have
    a row a round that is the same for all cells of the dataset: seconds an update.
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
    all_noisy: pd.DataFrame
    timings: pd.DataFrame | None = None

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
    def noisy_nll(self) -> pd.Series:
        """Test NLL with the weight noise left on, mean over its draws, by repeat; empty without noise."""
        return self._of_chosen(self.all_noisy).groupby("repeat")["test_nll"].mean()

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

    def _of_chosen(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a frame that belong to each repeat's chosen candidate, in the order of the repeats."""
        chosen = self.trials.loc[self.trials["chosen"], ["repeat", "candidate"]]
        return chosen.merge(frame, on=["repeat", "candidate"])


Runs = dict[tuple[str, str], Run]  # (dataset, cell) → its run


def paired(*runs: Run) -> list[np.ndarray]:
    """`piece_nll` of several cells on one dataset, [R, N] each: the R repeats in which all have a result."""
    common = reduce(np.intersect1d, [run.tested_repeats for run in runs])
    return [run.piece_nll[np.isin(run.tested_repeats, common)] for run in runs]
