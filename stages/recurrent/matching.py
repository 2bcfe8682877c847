"""How many units a parameter budget buys: the paper compares cells matched in parameters, not in units.

`recurrent` counts the recurrent layer alone, which reproduces the paper's Table 1 exactly (music at a nominal 100
inputs: 36 LSTM, 46 GRU, 100 tanh; speech: 195, 227, 400). `total` counts the output layer too: matched in the
recurrent layer, the paper's tanh nets hold 28 to 34 % more weights than its LSTM nets.
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import Field

from stages.plumbing.parameters import Section
from stages.protocol.arms import Mode
from stages.recurrent.net import Net

Count = Annotated[int, Field(ge=1)]


class Size(Section):
    """Nominal sizes at which parameters are counted, and a budget per mode."""

    inputs: Count
    outputs: Count
    recurrent: Count
    total: Count


class Matching(Section):
    """`matching` in params.yaml: what the budgets count, and the share by which the nearest unit count may miss them.

    The budgets, a kind of output at a time, are the paper's: its tanh layer, and its GRU with the output layer.
    """

    mode: Mode
    tolerance: Annotated[float, Field(ge=0, lt=1)]
    bernoulli: ClassVar[Size] = Size(inputs=100, outputs=100, recurrent=20_100, total=24_986)
    gaussian_mixture: ClassVar[Size] = Size(inputs=20, outputs=10, recurrent=168_400, total=264_648)

    def units(self, cell: str, output: str, settings: dict[str, Any]) -> int:
        """The cell's units under an output layer of the given settings; raises as `units_for` does."""
        size: Size = getattr(self, output)
        budget = getattr(size, self.mode)
        return units_for(cell, output, size.inputs, size.outputs, settings, budget, self.mode, self.tolerance)


def units_for(
    cell: str,
    output: str,
    inputs: int,
    targets: int,
    settings: dict[str, Any],
    budget: int,
    mode: Mode,
    tolerance: float,
) -> int:
    """The unit count whose parameter count is nearest to `budget`; the smaller one of two equally near.

    Args:
        inputs, targets: the sizes at which parameters are counted; the paper counts music at a nominal 100 inputs.
        tolerance: the share of the budget by which the nearest count may miss it.

    Raises:
        ValueError: no unit count comes within the tolerance.
    """

    def size(units: int) -> int:
        net = Net.build(cell, output, inputs, units, targets, settings)
        return net.recurrent_parameters + (net.output_parameters if mode == "total" else 0)

    above = _first(lambda units: size(units) >= budget)
    units = min((above - 1, above) if above > 1 else (above,), key=lambda units: abs(size(units) - budget))
    if abs(size(units) - budget) > tolerance * budget:
        raise ValueError(
            f"no unit count of cell '{cell}' meets a budget of {budget} parameters ({mode}) within {tolerance:.0%}: "
            f"{units} units have {size(units)}; change the budget or the tolerance under `matching` in params.yaml"
        )
    return units


def _first(reached: Callable[[int], bool]) -> int:
    """The least positive integer for which a monotone predicate holds: doubling, then bisection."""
    high = 1
    while not reached(high):
        high *= 2
    low = high // 2  # not reached, or 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
