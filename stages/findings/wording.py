"""How cells and numbers are written wherever the study speaks of them: tables' words, figures and pages."""

import math

_NAMES = {"tanh": "tanh", "lstm": "LSTM", "gru": "GRU"}


def cell_name(cell: str) -> str:
    """A cell as the paper writes it; other cells keep their name in params.yaml."""
    return _NAMES.get(cell, cell)


def number(value: float) -> str:
    """Two decimals with a true minus sign; nothing for NaN."""
    return "" if math.isnan(value) else f"{as_stored(value):.2f}".replace("-", "−")


def signed(value: float) -> str:
    """A difference: as `number`, always with its sign."""
    return "" if math.isnan(value) else f"{as_stored(value):+.2f}".replace("-", "−")


def as_stored(value: float) -> float:
    """The value that a table keeps, so that a number rounds the same way before and after it is written."""
    return float(f"{value:.6g}")
