"""The mixture's loss and its gradient at the outputs; equations in `recurrent/outputs/gaussian_mixture.py`.

With q_m the probability that component m made y, and e = exp(s):
    ∂/∂(log π)_m = π_m − q_m;   ∂/∂μ_mk = q_m (μ_mk − y_k)/σ²_mk;   ∂/∂s_mk = q_m ½ (1 − (y_k − μ_mk)²/σ²_mk) e/σ²_mk
"""

import numpy as np
from numba import float32, njit

from .elementary import exp, log

LOG_2_PI = np.float32(np.log(2 * np.pi))


@njit(error_model="numpy", fastmath={"contract", "reassoc"})
def _components(mean, spread, squares, logarithms, floor):
    """Apart from `loss`, where the same loop stays a loop over single numbers: four times as slow."""
    for i in range(squares.size):
        e = exp(spread[i])
        variance = floor + e
        off = squares[i]
        logarithms[i] = log(variance)
        squares[i] = off * off / variance
        mean[i] = -off / variance
        spread[i] = e / variance


@njit(error_model="numpy", fastmath={"contract", "reassoc"})
def loss(outputs, frames, targets, components, floor, nll):
    """Overwrites outputs [S, O] by their gradient and writes nll [S], nats per step; targets [F, K]."""
    M, K = components, targets.shape[1]
    logarithms, squares = np.empty(M * K, np.float32), np.empty(M * K, np.float32)
    joint = np.empty(M, np.float32)
    for s in range(nll.size):
        y = targets[frames[s]]
        mixing, mean = outputs[s, :M], outputs[s, M : M + M * K]
        spread = outputs[s, M + M * K : M + 2 * M * K]
        for m in range(M):
            for k in range(K):
                squares[m * K + k] = y[k] - mean[m * K + k]
        _components(mean, spread, squares, logarithms, floor)
        highest = mixing[0]
        for m in range(M):
            highest = mixing[m] if mixing[m] > highest else highest
        normaliser = float32(0)
        for m in range(M):
            normaliser += exp(mixing[m] - highest)
        normaliser = highest + log(normaliser)
        top = float32(-np.inf)
        for m in range(M):
            total = float32(0)
            for k in range(K):
                total += squares[m * K + k] + logarithms[m * K + k]
            joint[m] = mixing[m] - normaliser - float32(0.5) * (total + K * LOG_2_PI)
            top = joint[m] if joint[m] > top else top
        likelihood = float32(0)
        for m in range(M):
            likelihood += exp(joint[m] - top)
        evidence = top + log(likelihood)
        nll[s] = -evidence
        for m in range(M):
            share = exp(joint[m] - evidence)
            mixing[m] = exp(mixing[m] - normaliser) - share
            for i in range(m * K, m * K + K):
                mean[i] *= share
                spread[i] *= share * float32(0.5) * (float32(1) - squares[i])
        outputs[s, M + 2 * M * K :] = float32(0)
