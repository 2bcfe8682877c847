"""The output layers, one file each, found by name: p(y_t | x_1 … x_t) from the hidden state h_t.

An output layer is a module with
    Settings                                     its own numbers in params.yaml (`outputs.<name>`), or none
    parameters(units, targets, settings)         its parameters by name
    negative_log_likelihood(weights, h, y, settings) -> [S]
                                                 of one model, in nats per step: h is [S, H], y [S, K]
and, if it can begin there (train.output_bias),
    frequent(targets)                            parameters by which the targets [F, K] are likely, whatever h is
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType


def load(name: str) -> ModuleType:
    """The output layer called `name`.

    Raises:
        ValueError: there is no such output layer.
    """
    if not name.isidentifier() or find_spec(f"{__name__}.{name}") is None:
        known = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))
        raise ValueError(f"no output layer '{name}'; there are {', '.join(known)}")
    return import_module(f"{__name__}.{name}")
