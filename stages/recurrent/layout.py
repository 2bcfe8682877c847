"""The population matrix: one row per trial, every weight of the trial in its row, named parameters as views."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stages.recurrent.net import Net
from stages.recurrent.parameters import Parameter

ORDER = {"input": 0, "recurrent": 1}  # then the rest as the cell and the output layer name them


@dataclass(frozen=True)
class Layout:
    """Where each parameter of a net lies in a row of N numbers.

    The recurrent layer's matrices lie first, the inputs' before the others, so that a row's weight noise is one
    contiguous draw of `noisy` numbers.
    """

    parameters: dict[str, Parameter]

    @classmethod
    def of(cls, net: Net) -> "Layout":
        return cls(dict(sorted(net.parameters.items(), key=lambda item: ORDER.get(item[1].role, len(ORDER)))))

    @property
    def size(self) -> int:
        """N."""
        return sum(parameter.size for parameter in self.parameters.values())

    def noisy(self, where: str) -> int:
        """How many leading numbers of a row get weight noise: those of all `matrices`, or of the `inputs`' alone."""
        roles = ("input", "recurrent") if where == "matrices" else ("input",)
        return sum(parameter.size for parameter in self.parameters.values() if parameter.role in roles)

    def views(self, matrix: Tensor) -> dict[str, Tensor]:
        """Each parameter as a view [P, *shape] of a matrix [P, N]."""
        sizes = [parameter.size for parameter in self.parameters.values()]
        columns = matrix.split(sizes, dim=1)
        return {
            name: column.unflatten(1, parameter.shape)
            for (name, parameter), column in zip(self.parameters.items(), columns, strict=True)
        }

    def initial(self, seeds: list[int], initial_range: float) -> Tensor:
        """Initial weights [P, N] on the CPU, each row from its own seed alone.

        As in the authors' code: input and output matrices uniform in ±range, each gate's recurrent matrix orthogonal,
        biases zero. Ours: peepholes zero.
        """
        matrix = torch.zeros(len(seeds), self.size)
        for row, seed in enumerate(seeds):
            generator = np.random.default_rng(seed)
            for name, view in self.views(matrix[row : row + 1]).items():
                parameter = self.parameters[name]
                if parameter.role in ("input", "output"):
                    values = generator.uniform(-initial_range, initial_range, parameter.shape)
                elif parameter.role == "recurrent":
                    units = parameter.shape[0]
                    gates = [_orthogonal(units, generator) for _ in range(parameter.shape[1] // units)]
                    values = np.concatenate(gates, axis=1)
                else:
                    continue
                view.copy_(torch.from_numpy(values)[None])
        return matrix


def _orthogonal(units: int, generator: np.random.Generator) -> np.ndarray:
    """A random orthogonal matrix, uniform over all: QR of a Gaussian matrix with the signs of R's diagonal put back."""
    q, r = np.linalg.qr(generator.standard_normal((units, units)))
    return q * np.sign(np.diag(r))
