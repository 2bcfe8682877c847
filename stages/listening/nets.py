"""The net that speaks for a cell: of the nets its repeats chose, the one with the best validation NLL."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from stages.plumbing.errors import InputError
from stages.recurrent import saved
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net
from stages.recurrent.recorded import recorded_net


@dataclass(frozen=True)
class TrainedNet:
    """A net with the weights of one trial, each parameter of its own shape, and where it comes from.

    Attributes:
        repeat, candidate: the trial.
        of_repeats: how many repeats there were to choose from, those that diverged included.
        valid_nll: the trial's, nats per step.
    """

    net: Net
    weights: dict[str, Tensor]
    repeat: int
    candidate: int
    of_repeats: int
    valid_nll: float


def best_net(folder: Path) -> TrainedNet | None:
    """The net in a training's folder with the best validation NLL, or None where every repeat diverged.

    Raises:
        InputError: a file of the training is missing or damaged, or its weights are not those of its trials.
    """
    net = recorded_net(folder / "run.json")
    # On the CPU always: a step of one net is too small for a GPU, and the draws shall not depend on one.
    trials, weights = saved.load(folder / "weights.safetensors", Layout.of(net), torch.device("cpu"))
    try:
        table = pd.read_csv(folder / "trials.csv")
        chosen = table[table["chosen"]].sort_values("valid_nll", kind="stable")
        of_repeats = table["repeat"].nunique()
    except FileNotFoundError:
        raise InputError(f"{folder}/trials.csv: no such file; `dvc repro` trains it") from None
    except (KeyError, ValueError) as error:
        raise InputError(f"{folder}/trials.csv: not a table of trials ({error}); delete it and `dvc repro`") from None
    if chosen.empty:
        return None
    best = chosen.iloc[0]
    trial = (int(best["repeat"]), int(best["candidate"]))
    if trial not in trials:
        raise InputError(
            f"{folder}/weights.safetensors: expected repeat {trial[0]}, candidate {trial[1]}, chosen in "
            f"trials.csv, found {trials}; delete both and `dvc repro`"
        )
    row = trials.index(trial)
    own = {name: stacked[row] for name, stacked in weights.items()}
    return TrainedNet(net, own, *trial, of_repeats, float(best["valid_nll"]))
