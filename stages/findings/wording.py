"""How cells and numbers are written wherever the study speaks of them: tables' words, figures and pages."""

import math

_NAMES = {"tanh": "tanh", "lstm": "LSTM", "gru": "GRU"}

# Kinds of published models, whose numbers must not be ranked together (see rivals.py).
EXACT, JOINT, BOUND = "exact factorised", "joint output", "latent-variable bound"
FAMILIES = (EXACT, JOINT, BOUND)

# What a comparison comes to, and the units of what it compares; those of differences are written with their sign.
SUPPORTED, CONTRADICTED, UNDECIDED = VERDICTS = ("supported", "contradicted", "undecided")
NATS, RATIO, SHARE_OF_LOSSES, POWERS = "nats per step", "ratio", "share of losses", "powers of ten"
SIGNED = (NATS, POWERS)

# The ways of training whose speed is compared, the one the others are measured against first.
ARMS = {
    "library": "torch.nn, one trial after another",
    "library_2_processes": "torch.nn in two processes, a core each",
    "one_sequence": "torch.nn, one sequence an update",
    "jax": "JAX, a scan compiled, one trial after another",
    "plain": "the population in plain torch",
    "compiled": "the population, compiled",
}


def cell_name(cell: str) -> str:
    """A cell as the paper writes it; other cells keep their name in params.yaml."""
    return _NAMES.get(cell, cell)


def number(value: float, decimals: int = 2) -> str:
    """Two decimals, or more, with a true minus sign; nothing for NaN."""
    return "" if math.isnan(value) else f"{as_stored(value):.{decimals}f}".replace("-", "−")


def signed(value: float, decimals: int = 2) -> str:
    """A difference: as `number`, always with its sign."""
    return "" if math.isnan(value) else f"{as_stored(value):+.{decimals}f}".replace("-", "−")


def measured(value: float) -> str:
    """A measurement above zero: three digits, and all of a larger number's whole part; nothing for NaN."""
    if math.isnan(value):
        return ""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{decimals}f}" if value >= 1 else f"{value:#.3g}"


def as_stored(value: float) -> float:
    """The value that a table keeps, so that a number rounds the same way before and after it is written."""
    return float(f"{value:.6g}")
