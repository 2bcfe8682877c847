"""The numbers of the training protocol, as params.yaml gives them."""

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WrapValidator
from pydantic_core import PydanticCustomError

from stages.plumbing.parameters import Section

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[Finite, Field(gt=0)]
NotNegative = Annotated[Finite, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class LogUniform(Section):
    """exp(U(low, high)): between two natural logarithms."""

    log_uniform: Annotated[list[Finite], Field(min_length=2, max_length=2)]

    def ends(self) -> list[float]:
        return [math.exp(min(end, 700)) for end in self.log_uniform]


class Uniform(Section):
    """U(low, high)."""

    uniform: Annotated[list[Finite], Field(min_length=2, max_length=2)]

    def ends(self) -> list[float]:
        return self.uniform


class OneOf(Section):
    """One of these values, each as likely as any other."""

    one_of: Annotated[list[Finite], Field(min_length=1)]

    def ends(self) -> list[float]:
        return self.one_of


Draw = LogUniform | Uniform | OneOf


def _one_message(value: Any, check: Callable[[Any], float | Draw]) -> float | Draw:
    """What is no draw is said once, not once a kind of draw."""
    try:
        return check(value)
    except ValueError:
        expected = "a number, {log_uniform: [low, high]}, {uniform: [low, high]} or {one_of: [values]}"
        raise PydanticCustomError("draw", f"expected {expected}") from None


def _within(lowest: float, lowest_too: bool, highest: float) -> AfterValidator:
    """Every value that can be drawn is at least, or above, `lowest`, and below `highest`; a range rises."""

    def check(value: float | Draw) -> float | Draw:
        ends = [value] if isinstance(value, float) else value.ends()
        if isinstance(value, LogUniform | Uniform) and ends[0] > ends[1]:
            raise PydanticCustomError("draw", "expected the lower end first")
        if not all((end >= lowest if lowest_too else end > lowest) and end < highest for end in ends):
            least, most = "at least" if lowest_too else "above", f" and below {highest:g}" if highest < math.inf else ""
            raise PydanticCustomError("draw", f"expected values {least} {lowest:g}{most}")
        return value

    return AfterValidator(check)


Drawn = Annotated[Finite | Draw, WrapValidator(_one_message)]  # what each candidate draws, or a number for all


class RMSProp(Section):
    """The numbers of `population/optimisers.py`."""

    name: Literal["rmsprop"]
    decay: Share
    floor: Positive
    momentum: Share


class Adam(Section):
    """The numbers of `population/optimisers.py`; `decay` of the weights, decoupled."""

    name: Literal["adam"]
    beta1: Share
    beta2: Share
    epsilon: Positive
    decay: NotNegative = 0.0


class Constant(Section):
    """The rate as drawn; `warm_up`, here and below, is the share of the epochs in which the rate rises from zero."""

    name: Literal["constant"]
    warm_up: Share = 0.0


class Falling(Section):
    """A rate that falls to a share of itself, along a line or half a cosine."""

    name: Literal["linear", "cosine"]
    share: Annotated[float, Field(ge=0, le=1)]
    warm_up: Share = 0.0


class Protocol(Section):
    """`train` in params.yaml: what every trial of an arm has in common, and what its candidates draw.

    Attributes:
        rate, weight_noise, dropout: a number, or from what each candidate draws its own.
        noise_on: where the weight noise falls: on both `matrices` of the recurrent layer, W and U, or on W, the
            `inputs`', alone. Not recorded where it is the paper's, so that results from before this choice stay equal.
        gradient_norm: to which a gradient above it is rescaled; null: none is.
        step_norm: to which the step applied to the weights is rescaled when above; null: it is not.
        output_bias: where the output layer's bias begins: at `zero`, or so that a net that says the same at every step
            says how `frequent` each note is in training. Not recorded at `zero`, as above.
        not_finite: what a gradient that is not finite does: `end` the trial, or `shrink` the weights.
        score_training_every: epochs between two clean scores of the training split.
    """

    seed: Annotated[int, Field(ge=0)]
    rate: Annotated[Drawn, _within(0, False, math.inf)]
    weight_noise: Annotated[Drawn, _within(0, True, math.inf)]
    noise_on: Annotated[Literal["matrices", "inputs"], Field(exclude_if=lambda where: where == "matrices")] = "matrices"
    dropout: Annotated[Drawn, _within(0, True, 1)]
    optimiser: Annotated[RMSProp | Adam, Field(discriminator="name")]
    schedule: Annotated[Constant | Falling, Field(discriminator="name")]
    gradient_norm: Positive | None
    step_norm: Positive | None
    not_finite: Literal["end", "shrink"]
    initial_range: NotNegative
    output_bias: Annotated[Literal["zero", "frequent"], Field(exclude_if=lambda begin: begin == "zero")] = "zero"
    length_jitter: NotNegative
    patience: Count
    score_training_every: Count

    def drawn(self) -> list[str]:
        """Which of the numbers besides the rate differ from candidate to candidate."""
        return [name for name in ("weight_noise", "dropout") if isinstance(getattr(self, name), Draw)]


class Halving(Section):
    """Successive halving (Jamieson & Talwalkar 2016) of a repeat's candidates; without it the paper's plain search.

    Attributes:
        epochs: the rungs: epochs after which only the better candidates go on.
        keep: the share of a repeat's running candidates that goes on at a rung, rounded up.
        apply: if false, the plain search runs, and what halving would have ended and chosen is recorded beside it.
    """

    epochs: Annotated[list[Count], Field(min_length=1)]
    keep: Annotated[float, Field(gt=0, lt=1)]
    apply: bool = True


class Budget(Section):
    """`datasets.<dataset>.training` in params.yaml: how much training a dataset gets."""

    repeats: Count
    candidates: Count
    max_epochs: Count
    batch_size: Count
    halving: Halving | None = None
