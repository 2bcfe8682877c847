"""How much the learning rate matters: the share of good candidates, and every candidate by itself."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from stages.findings.declare import Frames, plot
from stages.findings.plots.style import CellStyle, cell_styles, legend, mark, nll_axis, panels, rows_axis, titles
from stages.findings.wording import cell_name, count, set_name

# The share of a panel's candidates, from the best one, that the axis is stretched for: those with the smallest rates
# have hardly left their initial weights, and would press all others together.
SHOWN = 0.6

# More candidates of a cell than this are drawn small and faint.
MANY = 30


def easiest(tuning: pd.DataFrame) -> pd.Series:
    """Dataset → the unit with the largest share of good candidates, where one has more than the others."""
    found = tuning.dropna(subset=["good_mean"])
    best = found[found["good_mean"] == found.groupby("dataset")["good_mean"].transform("max")]
    return best[best.groupby("dataset")["cell"].transform("size") == 1].set_index("dataset")["cell"]


def _title(frames: Frames) -> str:
    best, sets = easiest(frames["tuning"]).value_counts(), frames["tuning"]["dataset"].nunique()
    if best.empty:
        return "No unit has more good learning rates than the others"
    return f"The {cell_name(best.index[0])} has the most good learning rates on {best.iloc[0]} of {count(sets, 'set')}"


@plot(
    "tuning design",
    _title,
    "The share of a unit's candidate learning rates whose validation NLL comes within 0.1 nats of the unit's best on "
    "that set; further right is easier to tune. Lines are 95% intervals over repeats.",
    "Dot plot: a row per set, a mark with its interval per unit.",
)
def tuning(frames: Frames, narrow: bool) -> Figure:
    """The share of good candidates of every unit, set by set."""
    design, found = frames["design"], frames["tuning"]
    styles = cell_styles(found["cell"])
    figure, (ax,) = panels([""], narrow, row_height=0.5 + 0.5 * len(design))
    rows_axis(ax, [f"{set_name(row.dataset)}\nn={row.repeats}" for row in design.itertuples()])
    for place, dataset in enumerate(design["dataset"]):
        of_set = found[found["dataset"] == dataset]
        for lane, row in zip(np.linspace(-0.25, 0.25, len(of_set)), of_set.itertuples(), strict=True):
            look = {"color": styles[row.cell].colour, "marker": styles[row.cell].marker}
            ax.plot([row.good_low, row.good_high], [place + lane] * 2, color=look["color"], linewidth=2.2)
            ax.plot(row.good_mean, place + lane, markersize=7, linestyle="", **look)
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("good candidates · easier to tune →")
    legend(figure, [mark(style, linewidth=2.2) for style in styles.values()])
    return figure


def _rates_title(frames: Frames) -> str:
    at_edge = frames["tuning"].query("edge_high > 0 or edge_low > 0")
    runs = int(at_edge["edge_high"].sum() + at_edge["edge_low"].sum())
    told = count(runs, "repeat").capitalize()
    return f"{told} of {frames['tuning']['repeats'].sum()} chose a rate at an edge of its range"


@plot(
    "learning_rates design tuning",
    _rates_title,
    "Best validation NLL of every candidate against its learning rate: ringed marks were chosen. The axis "
    "fits the best 60% of a panel's candidates; small marks above it, a lane a unit, are those beyond it, hollow ones "
    "diverged.",
    "Scatter plot of validation NLL against learning rate: a panel per set, a colour and marker per unit.",
)
def learning_rates(frames: Frames, narrow: bool) -> Figure:
    """Every candidate's best validation NLL against its learning rate."""
    design, trials = frames["design"], frames["learning_rates"]
    styles = cell_styles(trials["cell"])
    figure, axes = panels(titles(design), narrow, row_height=2.9)
    for ax, row in zip(axes, design.itertuples(), strict=True):
        rows = trials[trials["dataset"] == row.dataset]
        known = rows["valid_nll"].dropna().to_numpy(float)
        nll_axis(ax, known[known <= np.quantile(known, SHOWN)] if len(known) else known, "validation NLL, nats")
        ax.set_title(ax.get_title(loc="left"), loc="left", pad=10 + 5 * len(styles))
        ax.set_xscale("log")
        ax.set_xlabel("learning rate")
        for lane, (cell, of_cell) in enumerate(rows.groupby("cell", sort=False)):
            _cell(ax, of_cell, styles[cell], lane)
        ax.set_xlim(0.85 * trials["learning_rate"].min(), trials["learning_rate"].max() / 0.85)
    black = {"color": "black", "linestyle": ""}
    ring = Line2D([], [], marker="o", markersize=8, markerfacecolor="none", label="chosen", **black)
    lost = Line2D([], [], marker="o", markersize=4, markerfacecolor="none", label="above: diverged", **black)
    small = Line2D([], [], marker="o", markersize=4, label="above: beyond the axis", **black)
    legend(figure, [*(mark(style, linestyle="") for style in styles.values()), ring, small, lost])
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
