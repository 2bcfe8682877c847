"""Tables as text: in Markdown for the pages, in padded columns for a terminal."""

import re
from typing import Any

import pandas as pd

from stages.findings.wording import SIGNED, number, signed

Rows = list[list[str]]


def table(header: list[str], rows: Rows) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_escaped(value) for value in line)} |" for line in lines)


def plain(header: list[str], rows: Rows) -> str:
    """A table for a terminal: columns padded with spaces."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    )


def interval(mean: float, low: float, high: float) -> str:
    """`8.54 [8.50, 8.58]`, or the mean alone where there is no interval; nothing where there is no mean."""
    return number(mean) if pd.isna(low) else f"{number(mean)} [{number(low)},\u00a0{number(high)}]"


def signed_interval(mean: float, low: float, high: float, decimals: int = 2) -> str:
    """`−0.12 [−0.16, −0.09]`: a difference, always with its sign."""
    span = "" if pd.isna(low) else f" [{signed(low, decimals)},\u00a0{signed(high, decimals)}]"
    return signed(mean, decimals) + span


def quantity(unit: str, mean: float, low: float, high: float) -> str:
    """A quantity with its interval, in a unit that has a sign if it is one of differences."""
    return (signed_interval if unit in SIGNED else interval)(mean, low, high)


def share_interval(mean: float, low: float, high: float) -> str:
    """`53% [43%, 62%]`, or the share alone; nothing for NaN."""
    if pd.isna(mean):
        return ""
    return f"{mean:.0%}" if pd.isna(low) else f"{mean:.0%} [{low:.0%},\u00a0{high:.0%}]"


def text(value: Any) -> str:
    """A value as written in the table, whole numbers with thousands separated; nothing for NaN."""
    if pd.isna(value):
        return ""
    if isinstance(value, float) and not value.is_integer():
        return f"{value:g}".replace("-", "−")
    return f"{int(value):,}".replace("-", "−") if isinstance(value, int | float) else str(value)


def _escaped(value: str) -> str:
    """Text from a table that must not be read as Markdown or HTML."""
    return re.sub(r"([|*`<])", lambda found: "&lt;" if found[0] == "<" else "\\" + found[0], value)
