"""What `make bench` measured: training beside torch.nn."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.findings.declare import Frames, plot
from stages.findings.plots.style import GREY, legend, log_axis, panels
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


def _batches(found: pd.DataFrame) -> pd.Series | str:
    """The size of the batches in words; nothing where an earlier `make bench` had but one a dataset."""
    return ", batches of " + found["batches"].astype(str) if "batches" in found else ""
