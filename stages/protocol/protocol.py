"""The numbers of the training protocol, as params.yaml gives them."""

from typing import Annotated

from pydantic import Field

from stages.plumbing.parameters import Section

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Protocol(Section):
    """`train` in params.yaml: what every trial of the study has in common."""

    seed: Annotated[int, Field(ge=0)]
    learning_rate_log_low: float
    learning_rate_log_high: float
    weight_noise: NotNegative
    gradient_norm: Positive
    rmsprop_decay: Share
    rmsprop_floor: Positive
    momentum: Share
    initial_range: NotNegative
    length_jitter: NotNegative
    patience: Count


class Halving(Section):
    """Successive halving (Jamieson & Talwalkar 2016) of a repeat's candidates; without it the paper's plain search.

    Attributes:
        epochs: the rungs: epochs after which only the better candidates go on.
        keep: the share of a repeat's running candidates that goes on at a rung, rounded up.
        apply: if false, the plain search runs, and what halving would have ended and chosen is recorded beside it.
    """

    epochs: list[Count]
    keep: Annotated[float, Field(gt=0, lt=1)]
    apply: bool = True


class Budget(Section):
    """`datasets.<dataset>.training` in params.yaml: how much training a dataset gets."""

    repeats: Count
    candidates: Count
    max_epochs: Count
    batch_size: Count
    halving: Halving | None = None
