"""How sets, cells and numbers are written wherever the study speaks of them: tables, figures and pages."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from stages.plumbing.words import count as count  # among the words of a page

_CELLS = {
    "tanh": "tanh",
    "lstm": "LSTM",
    "gru": "GRU",
    "lstm_no_peepholes": "LSTM without peepholes",
    "lstm_coupled": "LSTM with coupled gates",
    "lstm_no_output": "LSTM without output gate",
    "lstm_no_forget": "LSTM without forget gate",
    "gru_no_reset": "GRU without reset gate",
    "gru_reset_after": "GRU with reset after product",
    "minimal": "minimal gated unit",
    "tanh_leaky": "tanh with a leak",
}
_SETS = {
    "jsb_chorales": "JSB Chorales",
    "nottingham": "Nottingham",
    "musedata": "MuseData",
    "piano_midi": "Piano-midi",
    "bach_chorales": "Bach chorales (music21)",
    "nottingham_midi": "Nottingham (from MIDI)",
    "speech_short": "speech in short pieces",
    "speech_long": "speech in long pieces",
}
_ARMS = {
    "paper": "by the paper's protocol",
    "total": "output layer counted in the budget",
    "noiseless": "without noise",
    "half_noise": "with half the noise",
    "input_noise": "with noise on the input matrices alone",
    "rescued": "with the authors' rule for exploding gradients",
    "authors": "by the authors' code, stopped early",
    "practice_bias": "by Adam, output bias at note frequencies",
}
_NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

# What is shown of several repeats, wherever it is.
OVER_REPEATS = "means over repeats with 95% intervals"

# What a comparison comes to, and the units of what it compares; those of differences are written with their sign.
SUPPORTED, CONTRADICTED, UNDECIDED = ("supported", "contradicted", "undecided")
NATS, RATIO, SHARE_OF_LOSSES, POWERS = "nats per step", "ratio", "share of losses", "powers of ten"
SIGNED = (NATS, POWERS)


def cell_name(cell: str) -> str:
    """A cell as the paper writes it; other cells keep their name in params.yaml."""
    return _CELLS.get(cell, cell)


def set_name(dataset: str) -> str:
    """A dataset as people call it; another keeps its name in params.yaml, in words."""
    return _SETS.get(dataset, dataset.replace("_", " "))


def arm_words(arm: str) -> str:
    """How an arm trains; another keeps its name in params.yaml."""
    return _ARMS.get(arm, arm)


def set_names(datasets: Iterable[str]) -> str:
    return listed(map(set_name, datasets))


def listed(names: Iterable[str], last: str = "and") -> str:
    """`a, b and c`, each once."""
    names = list(dict.fromkeys(names))
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


def in_words(value: int) -> str:
    """A count as a word up to ten, `none` if there is nothing to count."""
    return _NUMBERS[value] if 0 <= value < len(_NUMBERS) else str(value)


def capital(text: str) -> str:
    """A sentence's first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def set_of(row: Any) -> str:
    return set_name(row.dataset)


def unit_of(row: Any) -> str:
    return cell_name(row.cell)


def pair_of(row: Any) -> str:
    return f"{cell_name(row.first)} − {cell_name(row.second)}"


def number(value: float, decimals: int = 2, sign: str = "") -> str:
    """Two decimals, or more, with a true minus sign; nothing for NaN."""
    return "" if math.isnan(value) else f"{as_stored(value):{sign}.{decimals}f}".replace("-", "−")


def signed(value: float, decimals: int = 2) -> str:
    """A difference: as `number`, always with its sign."""
    return number(value, decimals, "+")


def share(value: float) -> str:
    """`53%`, with a true minus sign; nothing for NaN."""
    return "" if pd.isna(value) else f"{value:z.0%}".replace("-", "−")


def measured(value: float) -> str:
    """A measurement above zero: three digits, and all of a larger number's whole part; nothing for NaN."""
    if math.isnan(value):
        return ""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{decimals}f}" if value >= 1 else f"{value:#.3g}"


def as_stored(value: float) -> float:
    """The value that a table keeps, so that a number rounds the same way before and after it is written."""
    return float(f"{value:.6g}")


def interval(mean: float, low: float, high: float, written: Callable[[float], str] = number) -> str:
    """`8.54 [8.50, 8.58]`, or the mean alone where there is no interval; nothing where there is no mean."""
    return written(mean) if pd.isna(low) else f"{written(mean)} [{written(low)},\u00a0{written(high)}]".strip()


def span_of(column: str, written: Callable[[float], str] = number, lacking: str = "") -> Callable[[Any], str]:
    """Writes the mean of a column with its interval, from `column_mean`, `column_low` and `column_high`."""
    ends = [f"{column}_{end}" for end in ("mean", "low", "high")]
    return lambda row: interval(*(getattr(row, end) for end in ends), written) or lacking


def text(value: Any) -> str:
    """A value as written in the table, whole numbers with thousands separated; nothing for NaN."""
    if pd.isna(value):
        return ""
    if isinstance(value, float) and not value.is_integer():
        return f"{value:g}".replace("-", "−")
    return f"{int(value):,}".replace("-", "−") if isinstance(value, int | float) else str(value)
