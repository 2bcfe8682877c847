"""One look for all figures: colours, marks, panels, axes, and files that are the same bytes for the same tables.

A unit has one colour and one mark everywhere, and nothing else has them. Colours stand out from white by 3:1 at least.
Every figure has a wide layout and one for phones: one panel a row, as wide as a phone, in letters of the same size.
"""

import io
import itertools
import math
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from stages.plumbing.files import whole
from stages.presentation.wording import cell_name, set_of

matplotlib.use("svg")
WIDE, NARROW = 8.6, 4.7  # inches, of a figure
PANEL = 2.8  # inches, the height of a panel
LANES = 0.5  # of a row's height: what its units share
GREY, BAND, GRID = "#555555", "#f4f4f4", "#e4e4e4"
LINE = {False: 84, True: 44}  # characters of a title in a line, wide and narrow


@dataclass(frozen=True)
class CellStyle:
    """How one cell is drawn everywhere: its name, colour and mark (so that colour alone never tells cells apart)."""

    name: str
    colour: str
    marker: str


FIXED = {"tanh": ("#00795c", "^"), "lstm": ("#0173b2", "s"), "gru": ("#d55e00", "o")}
OTHERS = [*zip("#7b3f98 #a8324a #6b6b00 #8c510a #4d4d9f #3f6f6f #94436e #5b5b5b".split(), "vDPX*p<>", strict=True)]


def cell_styles(cells: Iterable[str]) -> dict[str, CellStyle]:
    """A style per cell: the paper's three are fixed, others follow in the order given."""
    others = itertools.cycle(OTHERS)
    return {cell: CellStyle(cell_name(cell), *(FIXED.get(cell) or next(others))) for cell in dict.fromkeys(cells)}


def panels(names: list[str], narrow: bool, row_height: float = PANEL) -> tuple[Figure, list[Axes]]:
    """A figure with one panel per name, two to a row or, for phones, one."""
    sns.set_theme(
        context="notebook",
        style="ticks",
        rc={
            **dict.fromkeys(("font.size", "axes.titlesize", "axes.labelsize"), 10),
            **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 9),
            "axes.grid": True,
            "grid.color": GRID,
            "grid.linewidth": 0.6,
            "axes.linewidth": 0.8,
            "svg.fonttype": "none",
            "svg.hashsalt": "findings",
        },
    )
    columns = 1 if narrow else min(2, len(names))
    rows = math.ceil(len(names) / columns)
    size = (NARROW if narrow else WIDE, row_height * rows + 1.0)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    for ax in axes.flat[len(names) :]:
        ax.remove()
    for ax, name in zip(axes.flat, names, strict=False):
        ax.set_title(name, loc="left")
        sns.despine(ax=ax)
    return figure, list(axes.flat[: len(names)])


def titles(design: pd.DataFrame) -> list[str]:
    """Panels' names: the dataset, its number of repeats, and whether its budget is below the paper's."""
    notes = np.where(design["budget"] == "preliminary", ", prelim.", "")
    return [f"{set_of(row)} (n={row.repeats}{note})" for row, note in zip(design.itertuples(), notes, strict=True)]


def legend(figure: Figure, handles: list[Line2D], columns: int = 4) -> None:
    """One legend below the panels, never over data; two columns where the figure is for phones."""
    columns = min(len(handles), 2 if figure.get_figwidth() == NARROW else columns)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False, columnspacing=1.2)


def rows_axis(ax: Axes, labels: list[str]) -> None:
    """Rows from the top, one a label, every other on a band."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    for place in range(0, len(labels), 2):
        ax.axhspan(place - 0.5, place + 0.5, color=BAND, zorder=0)


def dots(
    ax: Axes, rows: pd.DataFrame, labels: dict[Any, str], styles: dict[str, CellStyle], by: str, column: str
) -> list[tuple[Any, float]]:
    """A row a label, the key of which `by` holds, in it a lane a unit: its mean and interval, or that it diverged.

    Returns:
        Every row of the table with its place on the y axis.
    """
    rows_axis(ax, list(labels.values()))
    placed = []
    for place, key in enumerate(labels):
        of = rows[rows[by] == key]
        lanes = np.linspace(-LANES / 2, LANES / 2, len(of)) if len(of) > 1 else [0.0]
        placed += [(row, place + lane) for row, lane in zip(of.itertuples(), lanes, strict=True)]
    for row, y in placed:
        style = styles[row.cell]
        mean, low, high = (getattr(row, f"{column}_{end}") for end in ("mean", "low", "high"))
        if math.isnan(mean):
            ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            look = {"ha": "right", "va": "center", "color": GREY, "fontsize": 9, "bbox": ground, "zorder": 5}
            ax.text(0.98, y, f"{style.name}: every net diverged", transform=ax.get_yaxis_transform(), **look)
        ax.plot([low, high], [y, y], color=style.colour, linewidth=2.2)
        ax.plot(mean, y, style.marker, color=style.colour, markersize=7)
    return placed


def dot_panels(
    rows: pd.DataFrame,
    names: Callable[[str, pd.DataFrame], str],
    labels: dict[Any, str],
    styles: dict[str, CellStyle],
    by: str,
    column: str,
    narrow: bool,
    x_label: str = "← better · test NLL, nats per step",
    others: Sequence[Line2D] = (),
) -> tuple[Figure, list[tuple[Axes, Any, float]]]:
    """A figure of `dots`, a panel a dataset; `names` makes the panels' names, `others` are further legend entries."""
    sets = list(rows.groupby("dataset", sort=False))
    most = rows.groupby("dataset")[by].nunique().max()
    height = 1.0 + most * (0.34 + 0.12 * rows.groupby(["dataset", by]).size().max())
    figure, axes = panels([names(dataset, of) for dataset, of in sets], narrow, height)
    placed = []
    for ax, (_, of) in zip(axes, sets, strict=True):
        there = {value: label for value, label in labels.items() if value in set(of[by])}
        placed += [(ax, row, y) for row, y in dots(ax, of, there, styles, by, column)]
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set_xlabel(x_label)
    legend(figure, [*map(mark, dict.fromkeys(styles.values())), *others])
    return figure, placed


def mark(style: CellStyle) -> Line2D:
    """A legend entry for a cell."""
    return key(style.name, color=style.colour, marker=style.marker, markersize=6)


def key(label: str, **look: Any) -> Line2D:
    """A legend entry: black and a line, unless said otherwise."""
    return Line2D([], [], label=label, **{"color": "black"} | look)


def nll_axis(ax: Axes, values: np.ndarray, label: str = "NLL, nats per step") -> None:
    """A logarithmic y axis with round numbers, as in the paper; linear where a density's NLL reaches zero or less."""
    values = values[np.isfinite(values)]
    ax.set_ylabel(label)
    if len(values) and values.min() <= 0:
        ax.set_ylabel(f"{label} (linear)")
    elif len(values):
        low, high = values.min(), values.max()
        margin = (high / low if high > low else 1.5) ** 0.05
        ax.set(yscale="log", ylim=(low / margin, high * margin))
        ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_locator(NullLocator())


def empty(ax: Axes, reason: str) -> None:
    """Says in the panel why it shows nothing."""
    ax.text(0.5, 0.5, reason, transform=ax.transAxes, ha="center", va="center", color=GREY)
    ax.set(xticks=[], yticks=[])


def save(figure: Figure, path: Path, title: str = "", description: str = "") -> None:
    """Writes an SVG whose bytes depend on the figure alone: no date, fixed identifiers, text as text.

    The title stands above the panels, and with the description where a screen reader finds it.
    """
    narrow = figure.get_figwidth() == NARROW
    if title:
        words = textwrap.fill(title, LINE[narrow])
        figure.suptitle(words, x=0.01, ha="left", weight="bold", fontsize=11)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    told = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>" if title else ""
    text = re.sub(r"\n <metadata>.*?</metadata>", f"\n {told}", buffer.getvalue(), flags=re.DOTALL)
    # A tenth of a point is enough for a path, a hundredth for all else.
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d)\d+", r"\1", path[0]), text)
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)
    # Names of clip paths are made of numbers in full, whose last digits differ from machine to machine.
    names = dict.fromkeys(re.findall(r'<clipPath id="(\w+)"', text))
    for number, name in enumerate(names):
        text = text.replace(name, f"clip{number}")
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
