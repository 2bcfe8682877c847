"""A net: a cell of so many units under an output layer. Names its parameters and counts them as the paper does."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from stages import cells
from stages.recurrent import outputs
from stages.recurrent.parameters import Parameter, count


@dataclass(frozen=True)
class Net:
    """The shape of one model; it holds no weights.

    Attributes:
        cell, output: modules of `recurrent.cells` and `recurrent.outputs`.
        inputs, units, targets: D, H and K.
        settings: the output layer's own numbers.
    """

    cell: ModuleType
    output: ModuleType
    inputs: int
    units: int
    targets: int
    settings: Any

    @classmethod
    def build(cls, cell: str, output: str, inputs: int, units: int, targets: int, settings: dict[str, Any]) -> "Net":
        """A net from the names of its parts; `settings` are the keywords of the output layer's `Settings`."""
        layer = outputs.load(output)
        return cls(cells.load(cell), layer, inputs, units, targets, layer.Settings(**settings))

    @property
    def recurrent(self) -> dict[str, Parameter]:
        """The cell's parameters."""
        return self.cell.parameters(self.inputs, self.units)

    @property
    def readout(self) -> dict[str, Parameter]:
        """The output layer's parameters."""
        return self.output.parameters(self.units, self.targets, self.settings)

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Both layers' parameters, as `recurrent.U` or `output.V`."""
        return {f"recurrent.{name}": parameter for name, parameter in self.recurrent.items()} | {
            f"output.{name}": parameter for name, parameter in self.readout.items()
        }

    def begin(self, output_bias: str, targets: np.ndarray) -> dict[str, np.ndarray]:
        """The parameters that do not begin as `Layout.initial` has it, by name, from the training's targets [F, K].

        Raises:
            ValueError: the output layer has no such beginning.
        """
        if output_bias == "zero":
            return {}
        if not hasattr(self.output, output_bias):
            name = self.output.__name__.rpartition(".")[2]
            raise ValueError(f"train.output_bias: expected 'zero' for the output layer {name}, found '{output_bias}'")
        return {f"output.{name}": values for name, values in getattr(self.output, output_bias)(targets).items()}

    @property
    def recurrent_parameters(self) -> int:
        return count(self.recurrent)

    @property
    def output_parameters(self) -> int:
        return count(self.readout)

    @property
    def output_size(self) -> int:
        """Width of the output layer: K logistic units, or the mixture's 420."""
        return self.readout["c"].size
