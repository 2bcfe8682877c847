"""The figures: one function a figure, from tables to a drawing, without computing a result.

The tables are those of reports/tables/ as frames; the figures' names and captions are in catalogue.py.
"""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, MaxNLocator

from stages.findings.style import GREY, CellStyle, cell_styles, empty, legend, mark, nll_axis, panels
from stages.findings.wording import number

Tables = dict[str, pd.DataFrame]

# Points kept of a learning curve: a 500-epoch line at screen size needs no more, and the file stays small.
CURVE_POINTS = 120

# The share of the epochs, from the start, that a logarithmic axis is not stretched for: there a curve falls by several
# times what it falls afterwards, and what tells the units apart would be a thin band at the bottom.
STEEP = 0.04


def _titles(design: pd.DataFrame) -> list[str]:
    """Panel titles: the dataset, its number of repeats, and whether its budget is below the paper's."""
    notes = np.where(design["budget"] == "preliminary", ", preliminary", "")
    return [f"{row.dataset} (n={row.repeats}{note})" for row, note in zip(design.itertuples(), notes, strict=True)]


def test_nll(tables: Tables) -> Figure:
    """Test NLL per dataset and cell: repeats, their mean and interval, the paper's number, the baselines.

    A row has three lanes, so that no mark covers another: the paper above, the mean, the repeats below. The axis fits
    the cells; a baseline beyond it is an arrow at the edge, with its number in the row's label.
    """
    summary = tables["summary"].query("split == 'test' and averaging == 'pooled'")
    baselines = tables["baselines"].query("split == 'test' and averaging == 'pooled'")
    design, results = tables["design"], tables["results"]
    styles = cell_styles(summary["cell"])
    most_rows = len(styles) + baselines.groupby("dataset").size().max() if len(baselines) else len(styles)
    figure, axes = panels(_titles(design), row_height=0.9 + 0.4 * most_rows)
    for ax, row in zip(axes, design.itertuples(), strict=True):
        labels, drawn = [], []
        for cell in summary.loc[summary["dataset"] == row.dataset].itertuples():
            style, y = styles[cell.cell], len(labels)
            runs = results.query("dataset == @row.dataset and cell == @cell.cell")["test_nll"].dropna()
            ax.plot(runs, [y + 0.3] * len(runs), style.marker, color=style.colour, markersize=4)
            if not math.isnan(cell.nll_low):
                ax.plot([cell.nll_low, cell.nll_high], [y, y], color=style.colour, linewidth=2)
            ax.plot(cell.nll_mean, y, style.marker, color=style.colour, markersize=7)
            drawn += [*runs, cell.nll_mean]
            if row.data in ("same", "reprocessed") and not math.isnan(cell.paper_nll):
                ax.plot(cell.paper_nll, y - 0.3, "D", color="black", markerfacecolor="none", markersize=5)
                drawn.append(cell.paper_nll)
            labels.append(f"{style.name}  {number(cell.nll_mean) or 'diverged'}")
        low, high = _fitted(drawn)
        for baseline in baselines.loc[baselines["dataset"] == row.dataset].itertuples():
            inside = low <= baseline.nll <= high
            look = {"marker": "x" if inside else ">" if baseline.nll > high else "<", "clip_on": False}
            ax.plot(min(max(baseline.nll, low), high), len(labels), color=GREY, markersize=6, **look)
            labels.append(f"{baseline.baseline.replace('_', ' ')}  {number(baseline.nll)}")
        ax.set_yticks(range(len(labels)), labels)
        ax.set_ylim(len(labels) - 0.4, -0.6)
        ax.set_xlim(low, high)
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.set_xlabel("test NLL, nats per step")
    hollow = Line2D([], [], color="black", marker="D", markerfacecolor="none", linestyle="", label="the paper")
    cross = Line2D([], [], color=GREY, marker="x", linestyle="", label="baseline (arrow: beyond the axis)")
    legend(figure, [*(mark(style, linewidth=2) for style in styles.values()), hollow, cross])
    return figure


def _fitted(values: list[float]) -> tuple[float, float]:
    """An axis's ends around values that may hold NaN, with room at both sides; 0 to 1 where there are none."""
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return 0.0, 1.0
    room = max(0.25 * (max(values) - min(values)), 0.05)
    return min(values) - room, max(values) + room


def differences(tables: Tables) -> Figure:
    """Paired differences of cells with intervals, both averagings."""
    design, found = tables["design"], tables["differences"]
    styles = cell_styles([*found["second"], *found["first"]])
    pairs = list(dict.fromkeys(zip(found["first"], found["second"], strict=True)))
    figure, axes = panels(_titles(design), row_height=0.9 + 0.4 * max(len(pairs), 2))
    for ax, row in zip(axes, design.itertuples(), strict=True):
        rows = found[found["dataset"] == row.dataset]
        if rows.empty:
            empty(ax, "no pair of units to compare")
            continue
        ax.axvline(0, color="black", linewidth=0.8)
        for difference in rows.itertuples():
            y = pairs.index((difference.first, difference.second))
            pooled = difference.averaging == "pooled"
            y += -0.14 if pooled else 0.14
            if not math.isnan(difference.difference_low):
                ends = [difference.difference_low, difference.difference_high]
                ax.plot(ends, [y, y], color="black" if pooled else GREY, linewidth=1.6)
            face = "black" if pooled else "white"
            colour = "black" if pooled else GREY
            ax.plot(difference.difference_mean, y, "o", color=colour, markerfacecolor=face, markersize=5.5)
        ax.set_yticks(range(len(pairs)), [f"{styles[first].name} − {styles[second].name}" for first, second in pairs])
        ax.set_ylim(len(pairs) - 0.5, -0.5)
        ax.margins(x=0.08)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set_xlabel("difference in test NLL, nats per step")
    filled = Line2D([], [], color="black", marker="o", linewidth=1.6, label="pooled over steps")
    hollow = Line2D([], [], color=GREY, marker="o", markerfacecolor="white", linewidth=1.6, label="mean over sequences")
    legend(figure, [filled, hollow])
    return figure


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
    design, curves = tables["design"], tables["curves"]
    styles = cell_styles(tables["curves"]["cell"])
    figure, axes = panels(_titles(design))
    for ax, row in zip(axes, design.itertuples(), strict=True):
        rows = curves[curves["dataset"] == row.dataset]
        if rows.empty:
            empty(ax, "every repeat diverged")
            continue
        width = 1.4 if row.repeats == 1 else 0.9
        for order, ((cell, _), line) in enumerate(rows.groupby(["cell", "repeat"], sort=False)):
            _curve(ax, line.iloc[_kept(len(line))], clock, styles[cell], width, order)
        ax.set_xlabel(label)
        ax.set_xlim(left=0)
        ax.xaxis.set_major_locator(MaxNLocator(6))
        if clock == "updates":
            ax.xaxis.set_major_formatter(EngFormatter(sep=""))
        late = rows["epoch"] > STEEP * rows["epoch"].max()
        nll_axis(ax, rows.loc[late, ["train_nll", "valid_nll"]].to_numpy())
    solid = Line2D([], [], color="black", linewidth=1.4, label="training")
    dotted = Line2D([], [], color="black", linewidth=1.4, linestyle=":", label="validation")
    legend(figure, [*(mark(style) for style in styles.values()), solid, dotted])
    return figure


def _curve(ax: Axes, line: pd.DataFrame, clock: str, style: CellStyle, width: float, order: int) -> None:
    """One net's two lines; marks are sparse, and shifted from net to net so that they do not cover each other."""
    every = max(len(line) // 6, 1)
    marks = {"marker": style.marker, "markersize": 4, "markevery": (order % every, every)}
    ax.plot(line[clock], line["train_nll"], color=style.colour, linewidth=width, **marks)
    ax.plot(line[clock], line["valid_nll"], ":", color=style.colour, linewidth=width * 1.2, **marks)


def _kept(length: int) -> np.ndarray:
    """Which points of a curve to draw: all of a short one; of a long one closer at the start, where it is steep."""
    if length <= CURVE_POINTS:
        return np.arange(length)
    return np.unique(np.round((np.linspace(0, 1, CURVE_POINTS) ** 1.5) * (length - 1)).astype(int))


def learning_rates(tables: Tables) -> Figure:
    """Every candidate's best validation NLL against its learning rate."""
    design, trials = tables["design"], tables["learning_rates"]
    styles = cell_styles(trials["cell"])
    figure, axes = panels(_titles(design))
    for ax, row in zip(axes, design.itertuples(), strict=True):
        rows = trials[trials["dataset"] == row.dataset]
        nll_axis(ax, rows["valid_nll"].to_numpy(float), "validation NLL, nats")
        ax.set_xscale("log")
        ax.set_xlabel("learning rate")
        for cell, of_cell in rows.groupby("cell", sort=False):
            style = styles[cell]
            ended = of_cell[of_cell["status"] != "diverged"]
            chosen, others = ended[ended["chosen"]], ended[~ended["chosen"]]
            look = {"marker": style.marker, "color": style.colour, "linestyle": ""}
            ax.plot(others["learning_rate"], others["valid_nll"], markersize=5, alpha=0.75, **look)
            ring = {"markersize": 8, "markeredgecolor": "black", "markeredgewidth": 1.3, "zorder": 3}
            ax.plot(chosen["learning_rate"], chosen["valid_nll"], **look, **ring)
            lost = of_cell.loc[of_cell["status"] == "diverged", "learning_rate"]
            hollow = {"markersize": 5, "markerfacecolor": "none", "transform": ax.get_xaxis_transform()}
            ax.plot(lost, np.full(len(lost), 0.97), **look, **hollow)
    ring = {"marker": "o", "linestyle": "", "markersize": 8, "markerfacecolor": "none"}
    chosen = Line2D([], [], markeredgecolor="black", markeredgewidth=1.3, label="chosen", **ring)
    legend(figure, [*(mark(style, linestyle="") for style in styles.values()), chosen])
    return figure
