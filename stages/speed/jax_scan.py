"""The nearest rival: one trial at a time in JAX, a whole update compiled, `lax.scan` over time (needs `.[bench]`).

The cells are the paper's equations, as in stages/cells, without weight noise, which the population has. Batches are
padded to a multiple of 8 steps, because every other shape is compiled anew.
"""

import os
from collections.abc import Callable

import numpy as np

from stages.protocol.protocol import Protocol
from stages.speed.workload import Workload

STEPS = 8
RATE = 1e-4


def trainer(
    workload: Workload, protocol: Protocol, initial: dict[str, np.ndarray]
) -> Callable[[], dict[str, np.ndarray]]:
    """One epoch of a trial from the weights `initial`, giving those after it; the first call compiles.

    Raises:
        ImportError: JAX is not installed.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax
    from jax import numpy as jnp

    net = workload.net
    of, step, states = protocol.optimiser, _steps(jnp, jax.nn)[workload.cell], net.cell.STATES
    weights = {name: jnp.array(value) for name, value in initial.items()}
    still = {name: jnp.zeros_like(value) for name, value in weights.items()}
    batches = [tuple(map(jnp.asarray, workload.padded(batch[0], STEPS))) for batch in workload.batches]

    def loss(weights, inputs, targets, mask):
        cell = {name.removeprefix("recurrent."): value for name, value in weights.items()}
        projected = inputs @ cell["W"] + cell["b"]  # of all steps at once
        state = (jnp.zeros((inputs.shape[1], net.units), jnp.float32),) * states

        def one(state, x):
            state = step(cell, x, state)
            return state, state[0]

        _, hidden = jax.lax.scan(one, state, projected)
        outputs = hidden @ weights["output.V"] + weights["output.c"]
        return (_nll(jax, outputs, targets, net) * mask).sum() / mask.shape[1]

    @jax.jit
    def update(weights, square, velocity, inputs, targets, mask):
        gradient = jax.grad(loss)(weights, inputs, targets, mask)
        norm = jnp.sqrt(sum((g**2).sum() for g in gradient.values()))
        scale = jnp.minimum(1.0, protocol.gradient_norm / norm)
        new = {}
        for name, g in gradient.items():
            g = g * scale
            s = of.decay * square[name] + (1 - of.decay) * g**2
            v = of.momentum * velocity[name] - RATE * g / jnp.maximum(jnp.sqrt(s), of.floor)
            new[name] = weights[name] + v, s, v
        return tuple({name: parts[i] for name, parts in new.items()} for i in range(3))

    state = [weights, still, still]

    def epoch() -> dict[str, np.ndarray]:
        for inputs, targets, mask in batches:
            state[:] = update(*state, inputs, targets, mask)
        return jax.block_until_ready(state[0])

    return epoch


def _steps(jnp, nn) -> dict[str, Callable]:
    """A step of each cell, x being already projected."""

    def tanh(weights, x, state):
        (h,) = state
        return (jnp.tanh(x + h @ weights["U"]),)

    def gru(weights, x, state):
        (h,) = state
        units = h.shape[-1]
        z, r = jnp.split(nn.sigmoid(x[:, : 2 * units] + h @ weights["U"][:, : 2 * units]), 2, axis=-1)
        candidate = jnp.tanh(x[:, 2 * units :] + (r * h) @ weights["U"][:, 2 * units :])
        return ((1 - z) * h + z * candidate,)

    def lstm(weights, x, state):
        h, c = state
        peep_i, peep_f, peep_o = weights["V"]
        i, f, candidate, o = jnp.split(x + h @ weights["U"], 4, axis=-1)
        c = nn.sigmoid(f + peep_f * c) * c + nn.sigmoid(i + peep_i * c) * jnp.tanh(candidate)
        return nn.sigmoid(o + peep_o * c) * jnp.tanh(c), c

    return {"tanh": tanh, "gru": gru, "lstm": lstm}


def _nll(jax, outputs, targets, net):
    """outputs [T, B, O], targets [T, B, K] → [T, B], as the output layers of the study."""
    jnp = jax.numpy
    if net.output.__name__.endswith("bernoulli"):
        return (jax.nn.softplus(outputs) - targets * outputs).sum(-1)
    K, M = net.targets, net.settings.components
    mixing, mean, spread = jnp.split(outputs, [M, M + M * K], axis=-1)
    mean, spread = (part.reshape(*part.shape[:-1], M, K) for part in (mean, spread))
    variance = net.settings.variance_floor + jnp.exp(spread)
    square = (targets[..., None, :] - mean) ** 2 / variance
    component = -0.5 * (square + jnp.log(variance) + jnp.log(2 * jnp.pi)).sum(-1)
    return -jax.nn.logsumexp(jax.nn.log_softmax(mixing) + component, axis=-1)
