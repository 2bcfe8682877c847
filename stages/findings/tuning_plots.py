"""The figure of learning rates, as in plots.py."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.findings.style import CellStyle, cell_styles, legend, mark, nll_axis, panels, titles

Tables = dict[str, pd.DataFrame]

# The share of a panel's candidates, from the best one, that the axis is stretched for: those with the smallest rates
# have hardly left their initial weights, and would press all others together.
SHOWN = 0.6

# A bin with fewer candidates is no place for a median line to go through.
FEWEST = 3

# More candidates of a cell than this are drawn small and faint.
MANY = 30


def learning_rates(tables: Tables) -> Figure:
    """Every candidate's best validation NLL against its learning rate, and the medians in bins of it."""
    design, trials, bins = tables["design"], tables["learning_rates"], tables["rate_bins"]
    styles = cell_styles(trials["cell"])
    figure, axes = panels(titles(design), row_height=3.1)
    for ax, row in zip(axes, design.itertuples(), strict=True):
        rows = trials[trials["dataset"] == row.dataset]
        known = rows["valid_nll"].dropna().to_numpy(float)
        nll_axis(ax, known[known <= np.quantile(known, SHOWN)] if len(known) else known, "validation NLL, nats")
        ax.set_title(ax.get_title(loc="left"), loc="left", pad=10 + 5 * len(styles))
        ax.set_xscale("log")
        ax.set_xlabel("learning rate")
        for lane, (cell, of_cell) in enumerate(rows.groupby("cell", sort=False)):
            _cell(ax, of_cell, styles[cell], lane)
            medians = bins[(bins["dataset"] == row.dataset) & (bins["cell"] == cell) & (bins["candidates"] >= FEWEST)]
            ax.plot(medians["learning_rate"], medians["nll_median"], color=styles[cell].colour, linewidth=1.6)
        ax.set_xlim(0.85 * trials["learning_rate"].min(), trials["learning_rate"].max() / 0.85)
    black = {"color": "black", "linestyle": ""}
    ring = Line2D([], [], marker="o", markersize=8, markerfacecolor="none", label="chosen", **black)
    line = Line2D([], [], color="black", linewidth=1.6, label="median")
    lost = Line2D([], [], marker="o", markersize=4, markerfacecolor="none", label="above: diverged", **black)
    legend(figure, [*(mark(style, linestyle="") for style in styles.values()), ring, line, lost], columns=6)
    return figure


def _cell(ax: Axes, trials: pd.DataFrame, style: CellStyle, lane: int) -> None:
    """A cell's candidates: those within the axis, and in a lane above it those beyond it and those that diverged."""
    look = {"color": style.colour, "linestyle": "", "marker": style.marker}
    lost = trials["status"] == "diverged"
    above = ~lost & (trials["valid_nll"] > ax.get_ylim()[1])
    within = trials[~lost & ~above]
    chosen, others = within[within["chosen"]], within[~within["chosen"]]
    many = len(trials) > MANY
    faint = {"markersize": 3.5 if many else 5, "alpha": 0.45 if many else 0.75, "markeredgewidth": 0}
    ax.plot(others["learning_rate"], others["valid_nll"], **look, **faint)
    ring = {"markersize": 6 if many else 8, "markeredgecolor": "black", "markeredgewidth": 1.1, "zorder": 3}
    ax.plot(chosen["learning_rate"], chosen["valid_nll"], **look, **ring)
    small = {"markersize": 3.5, "markeredgewidth": 0.7}
    for found, mark_look in (
        (above & ~trials["chosen"], small),
        (above & trials["chosen"], ring),
        (lost, {**small, "markerfacecolor": "none"}),
    ):
        rates = trials.loc[found, "learning_rate"]
        if len(rates):  # an empty line that is not clipped has no place for the layout
            height = np.full(len(rates), 1.04 + 0.035 * lane)
            edge = {"transform": ax.get_xaxis_transform(), "clip_on": False}
            ax.plot(rates, height, **look, **mark_look, **edge)
