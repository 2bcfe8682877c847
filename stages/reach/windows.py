"""Which losses are sent back through time, and the nets' states where their windows begin.

A case is a piece and a step T of it whose loss is sent back over the lags 0 … L. Its window is the L + 1 steps that end
at T. L is the most steps that half of the pieces, or more, can reach, and `max_lag` at most: so every case has every
lag, and the longest pieces alone do not stand for all. Cases depend on the data and the settings alone, so all nets of
a dataset have the same.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from stages.corpora.split import Split
from stages.reach.settings import Settings

State = tuple[Tensor, ...]


@dataclass(frozen=True)
class Cases:
    """Attributes:
    pieces: [B], the number of each case's piece, those with the longest history first.
    ends: [B], its step T, counted from 1.
    longest_lag: L.
    """

    pieces: np.ndarray
    ends: np.ndarray
    longest_lag: int

    @property
    def histories(self) -> np.ndarray:
        """[B]: how many steps of the piece lie before the window."""
        return self.ends - self.longest_lag - 1


def choose(lengths: np.ndarray, settings: Settings) -> Cases:
    """At most `cases` cases: evenly many a piece, their ends evenly spread over where a window has room.

    Args:
        lengths: [N], steps of each piece.
    """
    longest_lag = min(settings.max_lag, int(np.median(lengths)) - 1)
    pieces = np.flatnonzero(lengths > longest_lag)
    if len(pieces) > settings.cases:
        pieces = np.random.default_rng(settings.seed).choice(pieces, settings.cases, replace=False)
    each, more = divmod(settings.cases, len(pieces))
    chosen = []
    for number, piece in enumerate(pieces):
        between = np.linspace(longest_lag + 1, lengths[piece], each + (number < more) + 2)[1:-1]
        chosen += [(piece, end) for end in np.unique(between.round().astype(int))]
    by_history = sorted(chosen, key=lambda case: -case[1])
    found = np.array(by_history)
    return Cases(found[:, 0], found[:, 1], longest_lag)


@dataclass(frozen=True)
class Windows:
    """The data of all cases, in float64: over many lags a norm's square leaves float32's range.

    Attributes:
        cases: which they are.
        histories: the inputs before each window, [B] of [steps, D].
        inputs: [L + 1, B, D], the windows' steps T − L … T.
        targets: [B, K], those of step T.
    """

    cases: Cases
    histories: list[Tensor]
    inputs: Tensor
    targets: Tensor

    @classmethod
    def of(cls, split: Split, cases: Cases, device: torch.device) -> "Windows":
        inputs, targets = (torch.from_numpy(side).to(device) for side in (split.inputs, split.targets))
        first = split.offsets[cases.pieces]
        rows = (first + cases.histories) + np.arange(cases.longest_lag + 1)[:, None]  # [L + 1, B]
        histories = [
            inputs[start : start + steps].double() for start, steps in zip(first, cases.histories, strict=True)
        ]
        return cls(cases, histories, inputs[rows].double(), targets[rows[-1]].double())

    @torch.no_grad()
    def states(self, cell: ModuleType, units: int, weights: dict[str, Tensor]) -> State:
        """One net's state before each window, each [B, H]: from zero, through all that the piece holds before it.

        Args:
            weights: the cell's parameters in float64.
        """
        lengths = self.cases.histories
        state = tuple(self.inputs.new_zeros(len(lengths), units) for _ in range(cell.STATES))
        padded = torch.nn.utils.rnn.pad_sequence(self.histories)
        for t, x in enumerate(padded):
            running = int((lengths > t).sum())  # the longest histories lie first
            stepped = cell.step(weights, x[:running], tuple(part[:running] for part in state))
            state = tuple(torch.cat([new, old[running:]]) for new, old in zip(stepped, state, strict=True))
        return state
