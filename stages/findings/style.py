"""One look for all figures: colours, marks, panels, axes, and files that are the same bytes for the same tables."""

import io
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from stages.findings.wording import cell_name
from stages.plumbing.files import whole

matplotlib.use("svg")
PANEL = (4.3, 2.8)  # inches, width and height of a panel
COLUMNS = 2
GREY = "#555555"


@dataclass(frozen=True)
class CellStyle:
    """How one cell is drawn everywhere: its name, colour and mark (so that colour alone never tells cells apart)."""

    name: str
    colour: str
    marker: str


_PALETTE = sns.color_palette("colorblind").as_hex()
_FIXED = {"tanh": (_PALETTE[2], "^"), "lstm": (_PALETTE[0], "s"), "gru": (_PALETTE[1], "o")}
_OTHERS = list(zip([_PALETTE[i] for i in (4, 3, 5, 6, 9, 7)], "vDPX*p", strict=True))


def cell_styles(cells: Iterable[str]) -> dict[str, CellStyle]:
    """A style per cell: the paper's three are fixed, others follow in the order given."""
    others = itertools.cycle(_OTHERS)
    return {cell: CellStyle(cell_name(cell), *(_FIXED.get(cell) or next(others))) for cell in dict.fromkeys(cells)}


def panels(titles: list[str], row_height: float = PANEL[1]) -> tuple[Figure, list[Axes]]:
    """A figure with one titled panel per title, two to a row, on a white ground (for dark pages too)."""
    sns.set_theme(
        context="notebook",
        style="ticks",
        rc={
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 10,
            "axes.grid": True,
            "grid.color": "#e4e4e4",
            "grid.linewidth": 0.6,
            "axes.linewidth": 0.8,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "svg.hashsalt": "findings",
        },
    )
    columns = min(COLUMNS, len(titles))
    rows = math.ceil(len(titles) / columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(PANEL[0] * max(columns, 1.6), row_height * rows + 0.5),
        squeeze=False,
        layout="constrained",
    )
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    for ax in axes.flat[len(titles) :]:
        ax.remove()
    for ax, title in zip(axes.flat, titles, strict=False):
        ax.set_title(title, loc="left")
        sns.despine(ax=ax)
    return figure, list(axes.flat[: len(titles)])


def titles(design: pd.DataFrame) -> list[str]:
    """Panel titles: the dataset, its number of repeats, and whether its budget is below the paper's."""
    notes = np.where(design["budget"] == "preliminary", ", preliminary", "")
    return [f"{row.dataset} (n={row.repeats}{note})" for row, note in zip(design.itertuples(), notes, strict=True)]


def legend(figure: Figure, handles: list[Line2D], columns: int = 5) -> None:
    """One legend above the panels, never over data."""
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(len(handles), columns), frameon=False, columnspacing=1.2
    )


def mark(style: CellStyle, **options: object) -> Line2D:
    """A legend entry for a cell."""
    return Line2D([], [], color=style.colour, marker=style.marker, markersize=6, label=style.name, **options)


def nll_axis(ax: Axes, values: np.ndarray, label: str = "NLL, nats per step") -> None:
    """A logarithmic y axis with plain numbers, as in the paper; linear where a density's NLL reaches zero or less."""
    values = values[np.isfinite(values)]
    ax.set_ylabel(label)
    if not len(values):
        ax.set_yticks([])
        return
    if values.min() <= 0:
        ax.set_ylabel(f"{label} (linear)")
        return
    log_axis(ax, "y", values)


def log_axis(ax: Axes, side: Literal["x", "y"], values: np.ndarray, room: float = 0.05, doubling: bool = False) -> None:
    """A logarithmic axis with plain numbers, round ones or powers of two, around positive values.

    Args:
        room: the margin above the highest value, as a share of the axis.
    """
    low, high = values.min(), values.max()
    spread = high / low if high > low else 1.5
    ends = low / spread**0.05, high * spread**room
    ax.set(**{f"{side}scale": "log", f"{side}lim": ends})
    axis = ax.xaxis if side == "x" else ax.yaxis
    axis.set_major_locator(FixedLocator(powers_of_two(*ends) if doubling else log_ticks(*ends)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def log_ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers between two positive ends of a logarithmic axis."""
    if high / low < 3:  # narrow: even steps read better than a decade's
        ticks = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        return [tick for tick in ticks if low <= tick <= high]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ([1, 1.5, 2, 3, 4, 5, 7], [1, 2, 3, 5], [1, 3], [1]):
        ticks = [digit * 10.0**decade for decade in decades for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= 8:
            break
    return ticks


def powers_of_two(low: float, high: float) -> list[float]:
    """Those between two positive ends of a logarithmic axis."""
    return [2.0**power for power in range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)]


def empty(ax: Axes, reason: str) -> None:
    """Says in the panel why it shows nothing."""
    ax.text(0.5, 0.5, reason, transform=ax.transAxes, ha="center", va="center", color=GREY)
    ax.set_xticks([])
    ax.set_yticks([])


def save(figure: Figure, path: Path) -> None:
    """Writes an SVG whose bytes depend on the figure alone: no date, fixed identifiers."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    with whole(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
