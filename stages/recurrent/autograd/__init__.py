"""A population's hidden states in torch: all time steps in one autograd function with its own backward pass.

A kernel is a module named as its cell with one function
    hidden_states(weights, inputs)       weights each [P, *shape], inputs [P, T, B, D] → [P, T, B, H]
that gives what `unroll.hidden_states` gives for the cell, and the same gradients.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from torch import Tensor

from stages.recurrent import unroll

HiddenStates = Callable[[dict[str, Tensor], Tensor], Tensor]


def hidden_states(cell: ModuleType, units: int) -> HiddenStates:
    """The cell's kernel where it has one, its unrolled `step` otherwise."""
    name = f"{__name__}.{cell.__name__.rpartition('.')[2]}"
    if find_spec(name) is None:
        return partial(unroll.hidden_states, cell, units)
    return import_module(name).hidden_states
