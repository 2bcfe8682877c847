"""Nets scored with the weight noise of their training left on, as the authors' code evaluates."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stages.plumbing.errors import InputError
from stages.recurrent.net import Net

ROLES = {"matrices": ("input", "recurrent"), "inputs": ("input",)}
DRAWS = 3  # of a net's noise, each for the whole split; the authors' code draws anew for every sequence


def deviations(folder: Path, trials: list[tuple[int, int]]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The standard deviations of the noise that trials, as (repeat, candidate), were trained with, [P], and its roles.

    Raises:
        InputError: run.json or trials.csv does not tell.
    """
    try:
        protocol = json.loads((folder / "run.json").read_text())["protocol"]
        roles = ROLES[protocol.get("noise_on", "matrices")]
        if not isinstance(protocol["weight_noise"], dict):
            return np.full(len(trials), float(protocol["weight_noise"])), roles
        drawn = pd.read_csv(folder / "trials.csv").set_index(["repeat", "candidate"])["weight_noise"]
        return drawn.loc[trials].to_numpy(float), roles
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder}: does not tell its weight noise ({error!r}); delete it and `dvc repro`") from None


def perturbed(
    net: Net, weights: dict[str, Tensor], deviations: np.ndarray, roles: tuple[str, ...], draw: int
) -> dict[str, Tensor]:
    """Weights [P, *shape] with Gaussian noise on the parameters of some roles; a function of `draw` alone.

    Args:
        deviations: [P], each net's standard deviation.
    """
    generator, noisy = np.random.default_rng(draw), dict(weights)
    for name, parameter in net.parameters.items():
        if parameter.role in roles:
            drawn = generator.standard_normal(weights[name].shape, dtype=np.float32)
            scale = deviations.astype(np.float32).reshape(-1, *[1] * (drawn.ndim - 1))
            noisy[name] = weights[name] + torch.from_numpy(drawn * scale).to(weights[name].device)
    return noisy
