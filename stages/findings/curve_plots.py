"""The figures of learning curves: one function a figure, as in plots.py."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator

from stages.findings.style import GREY, CellStyle, cell_styles, empty, legend, mark, nll_axis, panels, titles

Tables = dict[str, pd.DataFrame]

# The share of the epochs, from the start, that a logarithmic axis is not stretched for: there a curve falls by several
# times what it falls afterwards, and what tells the units apart would be a thin band at the bottom.
STEEP = 0.04

_DASHES = {"train": "-", "valid": ":"}
_ALPHAS = {"train": 0.12, "valid": 0.24}


def curves_epochs(tables: Tables) -> Figure:
    """Learning curves against epochs."""
    return _curves(tables, "epoch", "epochs")


def curves_updates(tables: Tables) -> Figure:
    """Learning curves against parameter updates."""
    return _curves(tables, "updates", "updates")


def curves_seconds(tables: Tables) -> Figure:
    """Learning curves against the seconds one net's training takes."""
    return _curves(tables, "seconds", "seconds")


def _curves(tables: Tables, clock: str, label: str) -> Figure:
    design, bands = tables["design"], tables["bands"]
    styles = cell_styles(tables["learning_rates"]["cell"])
    figure, axes = panels(titles(design))
    for ax, row in zip(axes, design.itertuples(), strict=True):
        rows = bands[bands["dataset"] == row.dataset]
        if rows.empty:
            empty(ax, "every repeat diverged")
            continue
        for order, (cell, of_cell) in enumerate(rows.groupby("cell", sort=False)):
            _cell(ax, of_cell, clock, styles[cell], order)
        ax.set_xlabel(label)
        ax.set_xlim(left=0)
        ax.xaxis.set_major_locator(MaxNLocator(6))
        if clock == "updates":
            ax.xaxis.set_major_formatter(EngFormatter(sep=""))
        late = rows["epoch"] > STEEP * rows["epoch"].max()
        shown = [f"{split}_{end}" for split in _DASHES for end in ("median", "low")]
        nll_axis(ax, rows.loc[late, shown].to_numpy(float))
    solid = Line2D([], [], color="black", linewidth=1.4, label="training")
    dotted = Line2D([], [], color="black", linewidth=1.4, linestyle=":", label="validation")
    band = Patch(facecolor=GREY, alpha=0.25, label="repeats")
    stop = Line2D([], [], color=GREY, marker="o", markerfacecolor="white", linestyle="", label="median net stops")
    legend(figure, [*(mark(style) for style in styles.values()), solid, dotted, band, stop], columns=4)
    return figure


def _cell(ax: Axes, bands: pd.DataFrame, clock: str, style: CellStyle, order: int) -> None:
    """A cell's medians, with bands and stops; marks are sparse, and shifted so that they do not cover each other."""
    time, every = bands[clock].to_numpy(float), max(len(bands) // 5, 1)
    for split, dash in _DASHES.items():
        median = bands[f"{split}_median"].to_numpy(float)
        if bands[f"{split}_low"].notna().any():
            ends = bands[f"{split}_low"].to_numpy(float), bands[f"{split}_high"].to_numpy(float)
            ax.fill_between(time, *ends, color=style.colour, alpha=_ALPHAS[split], linewidth=0)
        marks = {"marker": style.marker, "markersize": 4, "markevery": (order * every // 3, every)}
        ax.plot(time, median, dash, color=style.colour, linewidth=1.4, **marks)
        at = np.flatnonzero(bands["median_stop"])
        stop = {"marker": style.marker, "markersize": 7, "markerfacecolor": "white", "linestyle": "", "zorder": 3}
        ax.plot(time[at], median[at], color=style.colour, **stop)
