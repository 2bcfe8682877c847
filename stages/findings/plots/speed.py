"""What `make bench` measured: training beside torch.nn, and what a step costs as sizes grow."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.findings.declare import Frames, plot
from stages.findings.plots.style import GREY, cell_styles, legend, log_axis, mark, panels
from stages.findings.wording import ARMS, cell_name, measured, set_name

# The looks of the ways of training: greys, because colours are the cells'.
_LOOKS = {
    "library_2_processes": {"color": GREY, "marker": "s", "markerfacecolor": "white"},
    "jax": {"color": GREY, "marker": "^", "markerfacecolor": GREY},
    "one_sequence": {"color": GREY, "marker": "v", "markerfacecolor": "white"},
    "plain": {"color": GREY, "marker": "o", "markerfacecolor": GREY},
    "compiled": {"color": "black", "marker": "D", "markerfacecolor": "black"},
}
# A number beside its mark, on white where the line at 1 runs under it.
_NUMBER = {"xytext": (8, 0), "textcoords": "offset points", "va": "center", "fontsize": 8}
_NUMBER["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
# The sizes that grow: a panel's title, and its axis's label.
_SIZES = {
    "trials": ("More trials", "trials trained together"),
    "batch_size": ("Larger batches", "sequences a batch"),
    "steps": ("Longer sequences", "steps a sequence"),
    "units": ("More units", "units"),
}
_FAINT = {"linewidth": 0.9, "alpha": 0.5}


def _title(frames: Frames) -> str:
    ratios = frames["benchmarks/speed"].query("arm == 'compiled'")["ratio"]
    if ratios.empty:
        return "How fast the training is"
    return (
        f"The compiled population trains {measured(ratios.min())} to {measured(ratios.max())} times as fast as torch.nn"
    )


@plot(
    "benchmarks/speed",
    _title,
    "How many times faster than torch.nn with one trial after another (the line at 1) a trial's epoch is trained: "
    "marks are medians over rounds, lines run from the lowest round to the highest. A logarithmic axis.",
    "Dot plot: a panel per set and batch size, a row per unit, a mark per way of training.",
)
def speed(frames: Frames, narrow: bool) -> Figure:
    """How many times faster than the library each way trains: a lane an arm, so that no mark covers another."""
    found = frames["benchmarks/speed"]
    found = found.assign(setting=found["dataset"].map(set_name) + _batches(found))
    cells, settings = list(dict.fromkeys(found["cell"])), list(dict.fromkeys(found["setting"]))
    arms = [arm for arm in _LOOKS if arm in set(found["arm"])]
    figure, axes = panels(settings, narrow, row_height=0.9 + 0.24 * len(cells) * len(arms))
    for ax, setting in zip(axes, settings, strict=True):
        rows = found[(found["setting"] == setting) & found["arm"].isin(arms)]
        present = [arm for arm in arms if arm in set(rows["arm"])]
        apart = min(0.28, 0.84 / len(present))  # lanes of neighbouring units stay apart
        lanes = {arm: apart * (number - (len(present) - 1) / 2) for number, arm in enumerate(present)}
        ax.axvline(1, color="black", linewidth=0.8)
        for row in rows.itertuples():
            y, look = cells.index(row.cell) + lanes[row.arm], _LOOKS[row.arm]
            ax.plot([row.ratio_low, row.ratio_high], [y, y], color=look["color"], linewidth=1.6)
            ax.plot(row.ratio, y, linestyle="", markersize=5.5, **look)
            ax.annotate(measured(row.ratio), (row.ratio_high, y), color=look["color"], **_NUMBER)
        ax.set_yticks(range(len(cells)), map(cell_name, cells))
        ax.set_ylim(len(cells) - 0.45, -0.55)
        ax.grid(axis="y", visible=False)
        # Room at the right for the numbers, and at both sides of the line at 1.
        log_axis(ax, "x", np.append(rows[["ratio_low", "ratio_high"]].to_numpy(float), [0.9, 1.1]), room=0.16)
        ax.set_xlabel("times faster per trial and epoch")
    line = Line2D([], [], color="black", linewidth=0.8, label=ARMS["library"])
    marks = [Line2D([], [], linewidth=1.6, label=ARMS[arm], **_LOOKS[arm]) for arm in arms]
    legend(figure, [line, *marks], columns=2)
    return figure


@plot(
    "benchmarks/scaling",
    lambda frames: "What a step costs as one size grows",
    "Microseconds a trial and time step of one sequence, as one size grows and the others stay: the population "
    "compiled (solid) and in plain torch (dotted); faint and dashed, the same arithmetic at the peak rate of "
    "multiply-adds in the processor's registers. Logarithmic axes.",
    "Line plots of the time a step takes against the number of trials, the batch size, the steps of a sequence and "
    "the units: a panel per size, a colour and marker per unit.",
)
def scaling(frames: Frames, narrow: bool) -> Figure:
    """What a trial's time step costs as one size grows, beside the same arithmetic at the registers' peak."""
    found = frames["benchmarks/scaling"]
    styles = cell_styles(found["cell"])
    sizes = [size for size in _SIZES if size in set(found["axis"])]
    figure, axes = panels([_SIZES[size][0] for size in sizes], narrow)
    for ax, size in zip(axes, sizes, strict=True):
        rows = found[found["axis"] == size]
        for cell, style in styles.items():
            of_cell = rows[rows["cell"] == cell].sort_values("value")
            _line(ax, of_cell.drop_duplicates("value"), "ideal_microseconds", "--", style.colour, **_FAINT)
            for arm, dash in (("plain", ":"), ("compiled", "-")):
                line = of_cell[of_cell["arm"] == arm]
                _line(ax, line, "microseconds_per_step", dash, style.colour, marker=style.marker, markersize=4)
        log_axis(ax, "x", rows["value"].to_numpy(float), doubling=True)
        log_axis(ax, "y", rows[["microseconds_per_step", "ideal_microseconds"]].to_numpy(float))
        ax.set_xlabel(_SIZES[size][1])
        ax.set_ylabel("µs per trial and step")
    kinds = [("compiled", "-", {}), ("plain torch", ":", {}), ("registers' peak", "--", _FAINT)]
    lines = [Line2D([], [], color="black", linestyle=dash, label=name, **look) for name, dash, look in kinds]
    legend(figure, [*(mark(style, linestyle="") for style in styles.values()), *lines], columns=6)
    return figure


def _batches(found: pd.DataFrame) -> pd.Series | str:
    """The size of the batches in words; nothing where an earlier `make bench` had but one a dataset."""
    return ", batches of " + found["batches"].astype(str) if "batches" in found else ""


def _line(ax: Axes, rows: pd.DataFrame, column: str, dash: str, colour: str, **look: object) -> None:
    ax.plot(rows["value"], rows[column], dash, color=colour, **{"linewidth": 1.4, **look})
