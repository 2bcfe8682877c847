"""Nets scored with the weight noise of their training left on, as the authors' code evaluates."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stages.plumbing.errors import InputError
from stages.recurrent.layout import Layout

DRAWS = 3  # of a net's noise, each for the whole split; the authors' code draws anew for every sequence


def deviations(folder: Path, trials: list[tuple[int, int]]) -> tuple[np.ndarray, str]:
    """The deviations of the noise that trials, as (repeat, candidate), were trained with, [P], and where it fell.

    Raises:
        InputError: run.json or trials.csv does not tell.
    """
    try:
        protocol = json.loads((folder / "run.json").read_text())["protocol"]
        where = protocol.get("noise_on", "matrices")
        if not isinstance(protocol["weight_noise"], dict):
            return np.full(len(trials), float(protocol["weight_noise"])), where
        drawn = pd.read_csv(folder / "trials.csv").set_index(["repeat", "candidate"])["weight_noise"]
        return drawn.loc[trials].to_numpy(float), where
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder}: does not tell its weight noise ({error!r}); delete it and `dvc repro`") from None


def perturbed(
    layout: Layout, weights: dict[str, Tensor], deviations: np.ndarray, where: str, draw: int
) -> dict[str, Tensor]:
    """Weights [P, *shape] with Gaussian noise where it fell in training; a function of `draw` alone.

    Args:
        deviations: [P], each net's standard deviation.
    """
    generator, noisy, left = np.random.default_rng(draw), dict(weights), layout.noisy(where)
    for name, parameter in layout.parameters.items():
        left -= parameter.size
        if left >= 0:
            drawn = generator.standard_normal(weights[name].shape, dtype=np.float32)
            scale = deviations.astype(np.float32).reshape(-1, *[1] * (drawn.ndim - 1))
            noisy[name] = weights[name] + torch.from_numpy(drawn * scale).to(weights[name].device)
    return noisy
