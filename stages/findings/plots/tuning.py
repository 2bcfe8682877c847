"""How much the learning rate matters: the share of good candidates."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from stages.findings.declare import Frames, plot
from stages.presentation.style import cell_styles, dots, legend, mark, panels
from stages.presentation.wording import cell_name, count, set_name


def easiest(tuning: pd.DataFrame) -> pd.Series:
    """Dataset → the unit with the largest share of good candidates, where one has more than the others."""
    found = tuning.dropna(subset=["good_mean"])
    best = found[found["good_mean"] == found.groupby("dataset")["good_mean"].transform("max")]
    return best[best.groupby("dataset")["cell"].transform("size") == 1].set_index("dataset")["cell"]


def _title(frames: Frames) -> str:
    best, sets = easiest(frames["tuning"]).value_counts(), frames["tuning"]["dataset"].nunique()
    if best.empty:
        return "No unit has more good learning rates than the others"
    on = f"{best.iloc[0]} of {count(sets, 'set')}"
    return f"By means the {cell_name(best.index[0])} has the most good learning rates on {on}"


@plot(
    "tuning design",
    _title,
    "The share of a unit's candidate rates whose validation NLL is within 0.1 nats of its best; further right more "
    "of this range is good. Lines are 95% intervals over repeats.",
    "Dot plot: a row per set, a mark with its interval per unit.",
)
def tuning(frames: Frames, narrow: bool) -> Figure:
    """The share of good candidates of every unit, set by set."""
    design, found = frames["design"], frames["tuning"]
    styles = cell_styles(found["cell"])
    figure, (ax,) = panels([""], narrow, row_height=0.5 + 0.5 * len(design))
    labels = {row.dataset: f"{set_name(row.dataset)}\nn={row.repeats}" for row in design.itertuples()}
    dots(ax, found, labels, styles, "dataset", "good")
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("good candidates · easier to tune →")
    legend(figure, [*map(mark, styles.values())])
    return figure
