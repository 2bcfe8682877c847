"""How much the learning rate matters: the share of good candidates."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from stages.findings.declare import Frames, plot
from stages.findings.plots.style import cell_styles, legend, mark, panels, rows_axis
from stages.findings.wording import cell_name, count, set_name


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
