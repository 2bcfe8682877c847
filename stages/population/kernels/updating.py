"""From a trial's gradient to its new weights: finiteness, rescaling, the optimiser's equation, the cap on the step.

The loops over a row are written here out of the equations in `population/optimisers.py`, one for each optimiser.
"""

from collections import namedtuple
from inspect import signature

import numpy as np
from numba import float32, njit, types

from stages.population.optimisers import RULES

from .elementary import scalar

OPTIMISERS = tuple(RULES)  # in the order of their numbers
# The protocol's rules: the optimiser's number, the norms of gradient and step (infinite: any), and whether a gradient
# that is not finite shrinks the weights instead of ending the trial.
Rules = namedtuple("Rules", "optimiser gradient_norm step_norm shrink")
RULES_TYPE = types.NamedTuple([types.int64, types.float64, types.float64, types.boolean], Rules)
SHRINKING = float32(0.1)  # of the weights that stands in for a gradient that is not finite, as in the authors' code

inner = njit(error_model="numpy", fastmath={"contract"})


@inner
def update(rules, rate, numbers, loss, gradient, weights, state):
    """Updates weights [N] and the optimiser's state [S, N] in place; the gradient [N] is used up.

    Args:
        numbers: of the optimiser at this update, [C].

    Returns:
        False if the loss or gradient was not finite and that ends the trial; nothing has moved then.
    """
    norm, factor = _norm(gradient), float32(1)
    if np.isfinite(norm):
        if norm > rules.gradient_norm:
            factor = float32(rules.gradient_norm / norm)
    elif rules.shrink:
        for i in range(weights.size):
            gradient[i] = SHRINKING * weights[i]
        norm = _norm(gradient)
    if not (np.isfinite(norm) and (rules.shrink or np.isfinite(loss))):
        return False
    _steps(rules.optimiser, rate, factor, numbers, gradient, weights, state)
    scale = float32(1)
    if rules.step_norm < np.inf:
        norm = _norm(gradient)
        if norm > rules.step_norm:
            scale = float32(rules.step_norm / norm)
    for i in range(weights.size):
        weights[i] += scale * gradient[i]
    return True


@njit(error_model="numpy", fastmath={"contract", "reassoc"})
def _norm(gradient):
    """The Euclidean norm, in float64: a wide tanh net's gradient can have squares beyond float32."""
    total = 0.0
    for i in range(gradient.size):
        total += np.float64(gradient[i]) * np.float64(gradient[i])
    return np.sqrt(total)


@scalar
def _larger(a, b):
    return a if a > b else b


def _compiled(source, **names):
    """The one function in `source`, compiled into its caller.

    It bears this module's name: Numba tells functions apart by it, also those of cells compiled in other processes.
    """
    names["__name__"] = __name__
    exec(source, names)
    return inner(names["written"])


def _loop(rule):
    """An optimiser's loop over a row: the gradient [N], times `factor`, becomes the steps to take; state moves on."""
    equation = rule.equation(np.sqrt, _larger)
    state = [f"state_{name}" for name in rule.state]
    numbers = [f"number_{n}" for n in range(len(signature(equation).parameters) - 3 - len(state))]
    here = [f"{name}[i]" for name in state]
    lines = [
        "def written(rate, factor, numbers, gradient, weights, state):",
        *(f"    {name} = numbers[{n}]" for n, name in enumerate(numbers)),
        *(f"    {name} = state[{n}]" for n, name in enumerate(state)),
        "    for i in range(weights.size):",
        f"        {', '.join(['gradient[i]', *here])} = equation(",
        f"            {', '.join(['weights[i]', 'factor * gradient[i]', 'rate', *numbers, *here])})",
    ]
    return _compiled("\n".join(lines), equation=scalar(equation))


def _choice():
    """The optimisers' loops behind one function that is told their number."""
    loops = {f"loop_{n}": _loop(RULES[name]) for n, name in enumerate(OPTIMISERS)}
    lines = ["def written(optimiser, rate, factor, numbers, gradient, weights, state):"]
    for n, name in enumerate(loops):
        lines += [f"    if optimiser == {n}:", f"        {name}(rate, factor, numbers, gradient, weights, state)"]
    return _compiled("\n".join(lines), **loops)


_steps = _choice()
