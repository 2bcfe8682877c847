"""A parameter's shape and role; the role decides how training initialises it and whether weight noise falls on it."""

from dataclasses import dataclass
from math import prod
from typing import Literal

Role = Literal["input", "recurrent", "peephole", "bias", "output"]


@dataclass(frozen=True)
class Parameter:
    """One named tensor of a net.

    Attributes:
        shape: (rows, columns) of a matrix applied from the right, as in `x @ W`; gates lie side by side in columns.
        role: `input` (W) and `recurrent` (U) matrices, `peephole` and `bias` vectors, `output` matrices.
    """

    shape: tuple[int, ...]
    role: Role

    @property
    def size(self) -> int:
        return prod(self.shape)


def count(parameters: dict[str, Parameter]) -> int:
    """How many numbers the parameters hold together."""
    return sum(parameter.size for parameter in parameters.values())
