"""A parameter's shape and role; the role decides how training initialises it and whether weight noise falls on it."""

from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

Role = Literal["input", "recurrent", "peephole", "bias", "output"]


@dataclass(frozen=True)
class Parameter:
    """One named tensor of a net.

    Attributes:
        shape: (rows, columns) of a matrix applied from the right, as in `x @ W`; gates lie side by side in columns.
        role: `input` (W) and `recurrent` (U) matrices, `peephole` and `bias` vectors, `output` matrices. A recurrent
            one has a square for every gate that it is for.

    Raises:
        ValueError: no such role, or a recurrent matrix that is not made of squares.
    """

    shape: tuple[int, ...]
    role: Role

    def __post_init__(self):
        if self.role not in get_args(Role):
            raise ValueError(f"a parameter's role: expected one of {', '.join(get_args(Role))}, found '{self.role}'")
        if self.role == "recurrent" and (len(self.shape) != 2 or self.shape[1] % self.shape[0] or not self.shape[1]):
            raise ValueError(f"a recurrent matrix: expected (units, k × units) numbers, found {self.shape}")

    @property
    def size(self) -> int:
        return prod(self.shape)


def count(parameters: dict[str, Parameter]) -> int:
    """How many numbers the parameters hold together."""
    return sum(parameter.size for parameter in parameters.values())
