"""The numbers of the memory measurement, as settings.yaml beside this file gives them."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from stages.plumbing.parameters import Section

SETTINGS = Path("stages/reach/settings.yaml")
Count = Annotated[int, Field(ge=1)]
Opening = Annotated[float, Field(gt=0, lt=1)]


class Settings(Section):
    """`memory` in settings.yaml.

    Attributes:
        cases: how many losses a net sends back at most.
        seed: of the draw of pieces where there are more pieces than cases.
        max_lag: the farthest step back, for data that reach so far.
        reference_lag: the step back at which a gradient is called vanished or exploded.
        vanish_ratio, explode_ratio: of its norm there over its norm at lag 0.
        gate_closed, gate_open: a gate's value below which it is called closed, and above which open.
    """

    cases: Count
    seed: Annotated[int, Field(ge=0)]
    max_lag: Count
    reference_lag: Count
    vanish_ratio: Annotated[float, Field(gt=0, lt=1)]
    explode_ratio: Annotated[float, Field(gt=1)]
    gate_closed: Opening
    gate_open: Opening

    @model_validator(mode="after")
    def _ordered(self) -> "Settings":
        if self.reference_lag > self.max_lag:
            raise ValueError(f"reference_lag: expected at most max_lag, {self.max_lag}")
        if self.gate_closed >= self.gate_open:
            raise ValueError(f"gate_closed: expected less than gate_open, {self.gate_open}")
        return self
