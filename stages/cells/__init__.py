"""The cells, one file each, found by name: `gru` is gru.py in this folder.

A cell is a module with
    STATES                               how many [B, H] vectors it carries from step to step; the first is h
    parameters(inputs, units)            its parameters by name
    step(weights, x, state) -> state     one time step of one model: x is [B, D], each state vector [B, H]
and, for who looks into a net,
    GATES                                names of its logistic gates, in the order of their columns of W
    KEEPING                              the gate that says which share of a unit's state is kept, and the sign of its
                                         logit in that share's
`step` is plain torch. Everything else is derived from it (`recurrent/derive`): the passes of a training, compiled and
in torch, and the gates.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


def names() -> list[str]:
    """Every cell there is, in alphabetical order."""
    return sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))


def load(name: str) -> ModuleType:
    """The cell called `name`.

    Raises:
        ValueError: there is no such cell, or its file lacks a part; the message names what is missing.
    """
    if not name.isidentifier() or find_spec(f"{__name__}.{name}") is None:
        raise ValueError(f"no cell '{name}'; there are {', '.join(names())} (a cell is a file in {__name__})")
    cell = import_module(f"{__name__}.{name}")
    missing = [part for part in ("STATES", "parameters", "step") if not hasattr(cell, part)]
    if missing:
        raise ValueError(
            f"cell '{name}' ({cell.__file__}) lacks {', '.join(missing)}; see {__name__} for what a cell is"
        )
    return cell
