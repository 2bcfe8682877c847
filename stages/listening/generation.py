"""Trained nets that run freely: what a net draws from its own output is what it is given next.

The temperature T stands for drawing from p(y)^(1/T), normalised: exactly so for a note and for a single Gaussian, whose
logits are divided by T and whose variance is multiplied by it. Of a mixture both the weights and the Gaussians are
treated so, which is exact where they do not overlap and are equally wide. T = 1 is the net's own distribution; towards
0 a note sounds if it is more likely than not, and the likeliest Gaussian gives its mean.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.special import expit, softmax
from torch import Tensor

from stages.listening.excerpts import Windows
from stages.recurrent.net import Net


class FreeRun:
    """One net with its state, advanced a step at a time from zero states (the paper's h_0 = 0)."""

    def __init__(self, net: Net, weights: dict[str, Tensor]):
        """`weights`: the net's parameters, as `recurrent.U` or `output.V`, each of its own shape."""
        self._net = net
        self._cell = {name: weights[f"recurrent.{name}"] for name in net.recurrent}
        self._readout = {name: weights[f"output.{name}"] for name in net.readout}
        self._state = tuple(torch.zeros(1, net.units) for _ in range(net.cell.STATES))

    @torch.no_grad()
    def step(self, x: np.ndarray) -> np.ndarray:
        """x_t [D] → h_t V + c [O] float64, the numbers that the output layer's distribution is made of."""
        inputs = torch.from_numpy(np.asarray(x, np.float32))[None]
        self._state = self._net.cell.step(self._cell, inputs, self._state)
        return (self._state[0] @ self._readout["V"] + self._readout["c"])[0].double().numpy()


class Mixture(NamedTuple):
    """Gaussians with diagonal covariances: weights [M], means and deviations [M, K]."""

    weights: np.ndarray
    means: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(cls, outputs: np.ndarray, net: Net, temperature: float = 1.0) -> "Mixture":
        """From the outputs [M(1 + 2K)], as stages/recurrent/outputs/gaussian_mixture.py reads them."""
        M, K = net.settings.components, net.targets
        mixing, means, spreads = np.split(outputs, [M, M + M * K])
        variances = net.settings.variance_floor + np.exp(spreads)
        return cls(softmax(mixing / temperature), means.reshape(M, K), np.sqrt(temperature * variances).reshape(M, K))

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """One component by its weight, then its Gaussian: [K]."""
        m = generator.choice(len(self.weights), p=self.weights)
        return generator.normal(self.means[m], self.deviations[m])


def continue_music(
    net: Net,
    weights: dict[str, Tensor],
    seed: np.ndarray,
    frames: int,
    temperature: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """Frames [frames, K] uint8 after the seed [S, K], every note drawn for itself as the output layer has it."""
    run = FreeRun(net, weights)
    for frame in seed:
        logits = run.step(frame)
    drawn = []
    while len(drawn) < frames:
        drawn.append((generator.random(net.targets) < expit(logits / temperature)).astype(np.uint8))
        logits = run.step(drawn[-1])
    return np.stack(drawn)


def continue_speech(
    net: Net,
    weights: dict[str, Tensor],
    seed: np.ndarray,
    samples: int,
    windows: Windows,
    scale: tuple[float, float],
    temperature: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """Samples [samples] after the seed [S], which ends with a window, in standardised units.

    Every step draws `horizon` samples and keeps the first `hop`, since the next window ends that much later. Samples
    are held within `scale`, a recording's lowest and highest value: beyond lies nothing that a net was trained on.
    """
    run = FreeRun(net, weights)
    for start in range(0, len(seed) - windows.window + 1, windows.hop):
        outputs = run.step(seed[start : start + windows.window])
    signal = np.concatenate([seed, np.zeros(-(-samples // windows.hop) * windows.hop)])
    for end in range(len(seed) + windows.hop, len(signal) + 1, windows.hop):
        drawn = Mixture.of(outputs, net, temperature).draw(generator)
        signal[end - windows.hop : end] = np.clip(drawn[: windows.hop], *scale)
        outputs = run.step(signal[end - windows.window : end])
    return signal[len(seed) :][:samples]
