"""The figures: one function a figure, from tables to a drawing, without computing a result.

The tables are those of reports/tables/ as frames; the figures' names and captions are in catalogue.py.
"""

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stages.findings.style import GREY, cell_styles, empty, legend, mark, panels, titles
from stages.findings.wording import number

Tables = dict[str, pd.DataFrame]


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
    figure, axes = panels(titles(design), row_height=0.9 + 0.4 * most_rows)
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
    figure, axes = panels(titles(design), row_height=0.9 + 0.4 * max(len(pairs), 2))
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
                ax.plot(ends, [y, y], color="black" if pooled else GREY, linewidth=1.2)
            if not math.isnan(difference.repeats_low):
                ends = [difference.repeats_low, difference.repeats_high]
                ax.plot(ends, [y, y], color="black" if pooled else GREY, linewidth=4, solid_capstyle="butt")
            face = "black" if pooled else "white"
            colour = "black" if pooled else GREY
            ax.plot(difference.difference_mean, y, "o", color=colour, markerfacecolor=face, markersize=6)
        ax.set_yticks(range(len(pairs)), [f"{styles[first].name} − {styles[second].name}" for first, second in pairs])
        ax.set_ylim(len(pairs) - 0.5, -0.5)
        ax.margins(x=0.08)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set_xlabel("difference in test NLL, nats per step")
    filled = Line2D([], [], color="black", marker="o", linewidth=1.6, label="pooled over steps")
    hollow = Line2D([], [], color=GREY, marker="o", markerfacecolor="white", linewidth=1.6, label="mean over sequences")
    thick = Line2D([], [], color=GREY, linewidth=4, label="over repeats alone")
    legend(figure, [filled, hollow, thick])
    return figure
