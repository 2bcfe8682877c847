"""The figures of how far back nets reach: one function a figure, as in plots.py."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from stages.findings.style import GREY, CellStyle, cell_styles, empty, legend, mark, panels

Tables = dict[str, pd.DataFrame]

# Below this power of ten a gradient is drawn at the axis's end: what is left of it matters to no update.
FLOOR = -10
# The axis of half-lives, in steps, the same in all panels; what lies beyond is an arrow at its end.
STEPS = (0.1, 1000.0)
# The cells' gates in the paper's order; a gate of another cell follows.
_GATES = {"input": "i", "forget": "f", "output": "o", "update": "z", "reset": "r"}


def _titles(tables: Tables) -> list[str]:
    return [f"{row.dataset} (n={row.repeats})" for row in tables["design"].itertuples()]


def gradients(tables: Tables) -> Figure:
    """A gradient's norm over that at lag 0, by lag: trained nets with the spread over cases, and untrained ones."""
    found = tables["gradients"].query("variable == 'state'")
    memory = tables["memory"]
    styles = cell_styles(found["cell"])
    figure, axes = panels(_titles(tables))
    for ax, dataset in zip(axes, tables["design"]["dataset"], strict=True):
        rows = found[found["dataset"] == dataset]
        judged = memory[memory["dataset"] == dataset].iloc[0]
        for order, (cell, style) in enumerate(styles.items()):
            of_cell = rows[rows["cell"] == cell]
            _fall(ax, of_cell[of_cell["net"] == "untrained"], style, "--", order)
            trained = of_cell[of_cell["net"] == "trained"].sort_values("lag")
            ax.fill_between(trained["lag"], trained["q10"], trained["q90"], color=style.colour, alpha=0.14, linewidth=0)
            _fall(ax, trained, style, "-", order)
        look = {"color": GREY, "linewidth": 0.8, "linestyle": ":"}
        ax.axhline(math.log10(judged["vanish_ratio"]), **look)
        ax.axvline(judged["reference_lag"], **look)
        lowest = rows[["log10_ratio_mean", "q10"]].to_numpy().min()
        ax.set_ylim(max(lowest, FLOOR) - 0.2, max(rows[["log10_ratio_mean", "q90"]].to_numpy().max(), 0) + 0.3)
        ax.set_xlim(0, rows["lag"].max())
        ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda power, _: f"$10^{{{power:.0f}}}$"))
        if lost := [style.name for cell, style in styles.items() if not _has(rows, cell, "trained")]:
            words = f"every repeat of {', '.join(lost)} diverged"
            ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            ax.text(0.03, 0.06, words, transform=ax.transAxes, color=GREY, fontsize=9, bbox=ground)
        ax.set_xlabel("lag, steps back in time")
        ax.set_ylabel("gradient over that at lag 0")
    solid = Line2D([], [], color="black", linewidth=1.4, label="trained")
    dashed = Line2D([], [], color="black", linewidth=1.4, linestyle="--", label="untrained")
    limits = Line2D([], [], label="where it is judged", **look)
    legend(figure, [*(mark(style, linestyle="") for style in styles.values()), solid, dashed, limits], columns=6)
    return figure


def _has(rows: pd.DataFrame, cell: str, net: str) -> bool:
    return bool(((rows["cell"] == cell) & (rows["net"] == net)).any())


def _fall(ax: Axes, line: pd.DataFrame, style: CellStyle, dash: str, order: int) -> None:
    """A mean line; marks are sparse, and shifted from cell to cell so that they do not cover each other."""
    line = line.sort_values("lag")
    marks = {"marker": style.marker, "markersize": 4, "markevery": (2 + 4 * order, 12)}
    ax.plot(line["lag"], line["log10_ratio_mean"], dash, color=style.colour, linewidth=1.4, **marks)


def gates(tables: Tables) -> Figure:
    """Every gate's mean value and the middle 80% of its values, trained and untrained."""
    found = tables["gates"]
    styles = cell_styles([*tables["memory"]["cell"]])
    kinds = list(dict.fromkeys(zip(found["cell"], found["gate"], strict=True)))
    figure, axes = panels(_titles(tables), row_height=1.0 + 0.34 * max(len(kinds), 2))
    for ax, dataset in zip(axes, tables["design"]["dataset"], strict=True):
        rows = found[found["dataset"] == dataset]
        if rows.empty:
            empty(ax, "no unit with known gates")
            continue
        for row in rows.itertuples():
            style, trained = styles[row.cell], row.net == "trained"
            y = kinds.index((row.cell, row.gate)) + (-0.14 if trained else 0.17)
            ax.plot([row.q10, row.q90], [y, y], color=style.colour, linewidth=5 if trained else 2, alpha=0.25)
            if not math.isnan(row.opening_low):
                ax.plot([row.opening_low, row.opening_high], [y, y], color=style.colour, linewidth=2)
            face = style.colour if trained else "white"
            size = 6 if trained else 4.5
            ax.plot(row.opening_mean, y, style.marker, color=style.colour, markerfacecolor=face, markersize=size)
        labels = [f"{styles[cell].name} {gate} {_GATES.get(gate, '')}".strip() for cell, gate in kinds]
        ax.set_yticks(range(len(kinds)), labels)
        ax.set_ylim(len(kinds) - 0.5, -0.5)
        ax.set_xlim(-0.02, 1.02)
        ax.set_xlabel("gate's value: 0 closed, 1 open")
    legend(figure, _kinds())
    return figure


def half_lives(tables: Tables) -> Figure:
    """Half-lives in steps: of an input's influence on the loss, and of a unit's state under its gate."""
    gated = tables["gates"].dropna(subset=["half_life_mean"])
    kinds = {"input": tables["memory"], "unit": gated}
    styles = cell_styles(tables["memory"]["cell"])
    with_gates = set(gated["cell"])
    rows = [(cell, kind) for cell in styles for kind in kinds if kind == "input" or cell in with_gates]
    figure, axes = panels(_titles(tables), row_height=1.1 + 0.34 * max(len(rows), 2))
    for ax, dataset in zip(axes, tables["design"]["dataset"], strict=True):
        for kind, table in kinds.items():
            for row in table[table["dataset"] == dataset].itertuples():
                y = rows.index((row.cell, kind)) + (-0.14 if row.net == "trained" else 0.17)
                _half_life(ax, row, y, styles[row.cell])
        words = {"input": "an input", "unit": "a unit's state"}
        ax.set_yticks(range(len(rows)), [f"{styles[cell].name}: {words[kind]}" for cell, kind in rows])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set(xscale="log", xlim=(STEPS[0] / 1.2, STEPS[1] * 1.2))
        ax.xaxis.set_major_locator(FixedLocator([0.1, 1, 10, 100, 1000]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda steps, _: f"{steps:,g}"))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlabel("half-life, steps")
    percentile = Line2D([], [], color="black", marker="|", linestyle="", markersize=7, label="90th percentile of units")
    beyond = Line2D([], [], color="black", marker=">", linestyle="", markersize=5, label="beyond the axis")
    legend(figure, [*_kinds(), percentile, beyond])
    return figure


def _half_life(ax: Axes, row: Any, y: float, style: CellStyle) -> None:
    """One half-life with its interval, and the line to the 90th percentile of units where it is one of units."""
    trained = row.net == "trained"
    if (highest := getattr(row, "half_life_q90_mean", None)) is not None:
        ax.plot([row.half_life_mean, highest], [y, y], color=style.colour, linewidth=1, alpha=0.6)
        ax.plot(_within(highest), y, "|" if highest <= STEPS[1] else ">", color=style.colour, markersize=6)
    if not math.isnan(row.half_life_low):
        ax.plot([row.half_life_low, row.half_life_high], [y, y], color=style.colour, linewidth=2.4)
    if row.half_life_mean <= STEPS[1]:
        look = {"markerfacecolor": style.colour if trained else "white", "markersize": 6 if trained else 4.5}
        ax.plot(_within(row.half_life_mean), y, style.marker, color=style.colour, **look)


def _within(steps: float) -> float:
    return min(max(steps, STEPS[0]), STEPS[1])


def _kinds() -> list[Line2D]:
    """Legend entries for trained and untrained nets; colours and marks are the cells', which the rows name."""
    look = {"color": "black", "marker": "o", "linestyle": ""}
    filled = Line2D([], [], markersize=6, label="trained", **look)
    return [filled, Line2D([], [], markersize=4.5, markerfacecolor="white", label="untrained", **look)]
