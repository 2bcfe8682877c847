"""The nets that are measured: each repeat's chosen one, and its untrained twin."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from stages.corpora.split import Split
from stages.plumbing.errors import InputError
from stages.recurrent import saved
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net

TRAINED, UNTRAINED = "trained", "untrained"


@dataclass(frozen=True)
class Measured:
    """One net: its trial, whether it is trained, and its two layers' parameters in float64."""

    repeat: int
    candidate: int
    kind: str
    recurrent: dict[str, Tensor]
    readout: dict[str, Tensor]


def nets(folder: Path, net: Net, train: Path, device: torch.device) -> Iterator[Measured]:
    """Every repeat's chosen net as trained, and as it was before its training.

    A repeat all of whose trials diverged has no trained net; the untrained one is that of its first candidate.

    Args:
        folder: where a training left weights.safetensors, trials.csv and run.json.
        train: the split that was trained on, read where a net begins with what it holds.

    Raises:
        InputError: a file is missing, damaged, or does not fit the other.
    """
    layout, (initial_range, output_bias) = Layout.of(net), _beginning(folder / "run.json")
    beginning = {} if output_bias == "zero" else net.begin(output_bias, Split.load(train).targets)
    kept, weights = saved.load(folder / "weights.safetensors", layout, device)
    for row in _first_choices(folder / "trials.csv").itertuples():
        name = (row.repeat, row.candidate)
        if row.chosen:
            if name not in kept:
                raise InputError(
                    f"{folder / 'weights.safetensors'}: expected the chosen trial {name} (repeat, candidate) of "
                    "trials.csv, found others; run `dvc repro`"
                )
            position = kept.index(name)
            yield _measured(*name, TRAINED, {key: tensor[position] for key, tensor in weights.items()})
        initial = layout.views(layout.initial([row.seed], initial_range).to(device))
        for key, values in beginning.items():
            initial[key].copy_(torch.from_numpy(values))
        yield _measured(*name, UNTRAINED, {key: tensor[0] for key, tensor in initial.items()})


def _beginning(path: Path) -> tuple[float, str]:
    """What a training drew its initial weights from, and where its output bias began."""
    try:
        protocol = json.loads(path.read_text())["protocol"]
        return float(protocol["initial_range"]), protocol.get("output_bias", "zero")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: expected protocol.initial_range ({error!r}); delete it and `dvc repro`") from None


def _first_choices(path: Path) -> pd.DataFrame:
    """A row per repeat of trials.csv: its chosen trial, or its first where none was chosen."""
    columns = ["repeat", "candidate", "seed", "learning_rate", "chosen"]
    try:
        trials = pd.read_csv(path, usecols=columns)
    except (OSError, UnicodeDecodeError, ValueError) as error:  # pandas' own errors are ValueErrors
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: expected a table of trials with {', '.join(columns)} ({reason}); run `dvc repro`"
        ) from None
    by_choice = trials.sort_values(["repeat", "chosen", "candidate"], ascending=[True, False, True])
    return by_choice.drop_duplicates("repeat")


def _measured(repeat: int, candidate: int, kind: str, weights: dict[str, Tensor]) -> Measured:
    def layer(name: str) -> dict[str, Tensor]:
        prefix = f"{name}."
        return {key.removeprefix(prefix): w.double() for key, w in weights.items() if key.startswith(prefix)}

    return Measured(repeat, candidate, kind, layer("recurrent"), layer("output"))
