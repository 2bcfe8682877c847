"""Learning curves: one figure, against updates."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator

from stages.findings.declare import Frames, plot
from stages.presentation.style import GREY, CellStyle, cell_styles, empty, key, legend, mark, nll_axis, panels, titles
from stages.presentation.wording import cell_name, count

# The share of the epochs, from the start, that a logarithmic axis is not stretched for: there a curve falls by several
# times what it falls afterwards, and what tells the units apart would be a thin band at the bottom.
STEEP = 0.04

_DASHES = {"train": "-", "valid": ":"}


def fastest(progress: pd.DataFrame) -> pd.Series:
    """Dataset → the unit that takes fewer updates than every other, in the mean, to the level that both reach."""
    found = progress[progress["clock"] == "updates"]
    first = found["first"].where(found["ratio_mean"] < 1, found["second"])
    wins = first.groupby(found["dataset"], sort=False).value_counts().unstack(fill_value=0)
    units = len({*found["first"], *found["second"]})
    return wins.idxmax(axis=1)[wins.max(axis=1) == units - 1] if units > 1 else pd.Series(dtype=str)


def _title(frames: Frames) -> str:
    found = frames["progress"].query("clock == 'updates'")
    pairs = found["dataset"].value_counts()
    first, sets = fastest(found).value_counts(), (pairs == pairs.max()).sum()  # whose units all have a net
    if first.empty:
        return "Learning curves against updates"
    on = f"{first.iloc[0]} of {count(sets, 'set')}"
    return f"The {cell_name(first.index[0])} needs the fewest updates on {on}, by means"


@plot(
    "bands learning_rates design progress",
    _title,
    "NLL of the chosen nets on clean weights: medians over repeats, for validation with bands from the lowest to the "
    "highest. After its last epoch a net goes on at its best epoch's values.",
    "Learning curves: a panel per set, a colour and marker per unit.",
)
def curves(frames: Frames, narrow: bool) -> Figure:
    """Medians with bands against updates."""
    design, bands = frames["design"], frames["bands"]
    styles = cell_styles(frames["learning_rates"]["cell"])
    figure, axes = panels(titles(design), narrow, row_height=2.4)
    for ax, row in zip(axes, design.itertuples(), strict=True):
        rows = bands[bands["dataset"] == row.dataset]
        if rows.empty:
            empty(ax, "every repeat diverged")
            continue
        for order, (cell, of_cell) in enumerate(rows.groupby("cell", sort=False)):
            _cell(ax, of_cell, styles[cell], order)
        ax.set_xlabel("updates")
        ax.set_xlim(left=0)
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
        late = rows["epoch"] > STEEP * rows["epoch"].max()
        shown = ["train_median", "valid_median", "valid_low"]
        nll_axis(ax, rows.loc[late, shown].to_numpy(float))
    lines = [key("training"), key("validation", linestyle=":")]
    band = Patch(facecolor=GREY, alpha=0.25, label="spread of repeats")
    stop = key("median net stops", color=GREY, marker="o", markerfacecolor="white", linestyle="")
    legend(figure, [*map(mark, styles.values()), *lines, band, stop])
    return figure


def _cell(ax: Axes, bands: pd.DataFrame, style: CellStyle, order: int) -> None:
    """A cell's medians, with bands and stops; marks are sparse, and shifted so that they do not cover each other."""
    bands = bands[(np.arange(len(bands)) % 3 == 0) | bands["median_stop"]]  # as many as a screen shows
    time, every = bands["updates"].to_numpy(float), max(len(bands) // 5, 1)
    for split, dash in _DASHES.items():
        median = bands[f"{split}_median"].to_numpy(float)
        if split == "valid" and bands["valid_low"].notna().any():
            ends = (bands[end].to_numpy(float) for end in ("valid_low", "valid_high"))
            ax.fill_between(time, *ends, color=style.colour, alpha=0.24, linewidth=0)
        marks = {"marker": style.marker, "markersize": 4, "markevery": (order * every // 3, every)}
        ax.plot(time, median, dash, color=style.colour, linewidth=1.4, **marks)
        at = np.flatnonzero(bands["median_stop"])
        stop = {"marker": style.marker, "markersize": 7, "markerfacecolor": "white", "linestyle": "", "zorder": 3}
        ax.plot(time[at], median[at], color=style.colour, **stop)
