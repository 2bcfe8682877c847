"""The protocol of the arm `paper`, as the report tells of it."""

import math
from typing import Annotated

from pydantic import ConfigDict, Field

from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Section, section


class LogUniform(Section):
    log_uniform: list[float] = Field(min_length=2, max_length=2)


class RMSProp(Section):
    model_config = ConfigDict(extra="ignore")

    decay: float
    floor: float
    momentum: float


class Protocol(Section):
    """`train`, as far as the report tells of it."""

    model_config = ConfigDict(extra="ignore")

    seed: int
    rate: Annotated[float, Field(gt=0)] | LogUniform
    weight_noise: float
    gradient_norm: float
    optimiser: RMSProp
    initial_range: float
    length_jitter: float
    patience: int


def read_protocol() -> dict[str, float]:
    """`train` of params.yaml, the settings of the protocol under the names that protocol.csv gives them.

    Raises:
        InputError: it is not the protocol that the report can tell of.
    """
    try:
        train = section("train", Protocol)
    except InputError as error:
        raise InputError(
            f"{error}; in the arm `paper` the report tells of RMSProp, numbers, and a rate that is a number or "
            "{log_uniform: [low, high]}: put another protocol into an arm"
        ) from None
    rate, optimiser = train.rate, train.optimiser
    low, high = rate.log_uniform if isinstance(rate, LogUniform) else [math.log(rate)] * 2
    return {
        "seed": train.seed,
        "learning_rate_log_low": low,
        "learning_rate_log_high": high,
        "weight_noise": train.weight_noise,
        "gradient_norm": train.gradient_norm,
        "rmsprop_decay": optimiser.decay,
        "rmsprop_floor": optimiser.floor,
        "momentum": optimiser.momentum,
        "initial_range": train.initial_range,
        "length_jitter": train.length_jitter,
        "patience": train.patience,
    }
