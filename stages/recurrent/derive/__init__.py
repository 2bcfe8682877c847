"""What a cell's `step` is turned into: compiled passes, kernels for a GPU, passes in torch, gates by name.

    tracing.py        runs `step` on stand-ins for tensors: its equation          expressions.py    what that is made of
    adjoints.py       the equation of the backward pass
    lines.py          expressions as lines of code
    numba_source.py   the source of the compiled passes    schedule.py    in which loop a value is computed
    triton_source.py  the source of the kernels for a GPU  triton_passes.py, triton_functions.py    what runs them
    torch_passes.py   the passes in torch                  triton_steps.py  on a GPU, a kernel between two products
    matrices.py       from a cell's parameters to W, U, V and back

`python -m stages.recurrent.derive gru` prints a cell's compiled passes.
"""

from collections.abc import Callable
from functools import cache, partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from stages.recurrent import unroll
from stages.recurrent.derive import numba_source, torch_passes, triton_source
from stages.recurrent.derive.adjoints import differentiate
from stages.recurrent.derive.expressions import below, squashed
from stages.recurrent.derive.tracing import Equation, Underivable, trace

HiddenStates = Callable[..., Tensor]  # weights, inputs and, if known, lengths → h_1 … h_T


@cache
def equation(cell: ModuleType, inputs: int, units: int) -> Equation:
    """What a cell computes with D inputs and H units.

    Raises:
        Underivable: with the operation that is not known.
    """
    try:
        found = trace(cell, inputs, units)
    except Underivable:
        raise
    except Exception as error:  # of the user's step, which saw something else than tensors
        raise Underivable(f"{type(error).__name__}: {error}") from error
    for seed in (1, 2):
        _compare(cell, found, inputs, units, seed)
    return found


@torch.no_grad()
def _compare(cell: ModuleType, found: Equation, inputs: int, units: int, seed: int) -> None:
    """An equation is believed if it gives what the step gives, on numbers drawn at random: chance has no place in it,
    nor has a branch that depends on what kind of thing a tensor is."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    weights = {name: draw(*parameter.shape) / 2 for name, parameter in cell.parameters(inputs, units).items()}
    x, state = draw(3, inputs), tuple(draw(3, units) for _ in range(cell.STATES))
    known = torch_passes.of_a_step(found, weights, x, state)
    for out, expected in zip(found.outs, cell.step(weights, x, state), strict=True):
        own = torch.as_tensor(torch_passes.evaluate(out, known), dtype=expected.dtype).expand_as(expected)
        if not torch.allclose(own, expected, rtol=1e-9, atol=1e-9, equal_nan=True):
            raise Underivable("a step that gives other numbers than what was written down of it")


def compiled(cell: ModuleType, inputs: int, units: int) -> str:
    """The source of the cell's compiled passes; raises `Underivable`."""
    return numba_source.source(cell.__name__.rpartition(".")[2], _padded(cell, inputs, units))


def _padded(cell: ModuleType, inputs: int, units: int) -> Equation:
    """The equation, if it may be computed on more units than there are."""
    found = equation(cell, inputs, units)
    if not torch_passes.rests(found):
        raise Underivable("a unit whose weights are all zero does not stay finite")
    return found


def kernels(cell: ModuleType, inputs: int, units: int) -> triton_source.Kernels:
    """The source of the cell's kernels for a GPU; raises `Underivable`."""
    return triton_source.Kernels(cell.__name__.rpartition(".")[2], _padded(cell, inputs, units))


def fused(cell: ModuleType, inputs: int, units: int) -> HiddenStates:
    """The cell's passes as kernels on a GPU, each sequence for its own length.

    Raises:
        Underivable: they cannot be derived, or so many units do not fit.
        ImportError: Triton is not installed.
    """
    from stages.recurrent.derive import triton_passes  # an extra, and its import takes a second

    passes = triton_passes.Passes(kernels(cell, inputs, units))
    if passes.numbers(units) > triton_passes.REGISTERS:
        matrices = passes.numbers(units) // triton_passes.width(units) ** 2
        raise Underivable(f"{matrices} recurrent matrices of {units} units do not fit into registers")
    return passes.hidden_states


def stepped(cell: ModuleType, inputs: int, units: int) -> HiddenStates:
    """The cell's passes in torch, on a GPU, with all between two products as one kernel.

    Raises:
        Underivable: with the operation that is not known.
        ImportError: Triton is not installed.
    """
    from stages.recurrent.derive import triton_steps  # an extra, and its import takes a second

    return partial(torch_passes.hidden_states, triton_steps.Passes(equation(cell, inputs, units)))


def hidden_states(cell: ModuleType, inputs: int, units: int) -> HiddenStates:
    """The cell's passes in torch: derived, or else its `step` under autograd."""
    try:
        return partial(torch_passes.hidden_states, torch_passes.Passes(equation(cell, inputs, units)))
    except Underivable:
        return partial(unroll.hidden_states, cell, units)


def gates(cell: ModuleType, inputs: int, units: int) -> Callable[..., tuple[list[Tensor], tuple[Tensor, ...]]]:
    """A step that also tells the logits of the cell's logistic functions: weights, x, state → logits, new state.

    They are in the order of their columns of W. Raises `Underivable`.
    """
    of = equation(cell, inputs, units)
    places = differentiate(of.outs, of.width("W")).places
    columns = {n: [places[part] for part in squashed(n, places)] for n in below(of.outs) if n.op == "sigmoid"}
    logistic = sorted((node for node, own in columns.items() if own), key=lambda node: columns[node])

    def step(weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor, ...]) -> Any:
        known = torch_passes.of_a_step(of, weights, x, state)
        found = [torch_passes.evaluate(node.args[0], known) for node in logistic]
        return found, tuple(torch_passes.evaluate(out, known) for out in of.outs)

    return step
