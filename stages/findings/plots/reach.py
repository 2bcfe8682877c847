"""How far back gradients reach, on one music set and one of speech, and what the gates do."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from stages.findings.declare import Frames, plot
from stages.presentation.style import GREY, CellStyle, cell_styles, key, legend, mark, panels
from stages.presentation.wording import cell_name, listed, set_name

# Below this power of ten a gradient is drawn at the axis's end: what is left of it matters to no update.
FLOOR = -10


def shown_sets(design: pd.DataFrame) -> list[str]:
    """The set with the most repeats of each kind of output, the last where several have as many."""
    return [rows.loc[rows["repeats"][::-1].idxmax(), "dataset"] for _, rows in design.groupby("output", sort=False)]


def _title(frames: Frames) -> str:
    """How much has vanished in each unit, by set."""
    memory = frames["memory"]
    if not (told := vanished(memory)):
        return "How far back gradients reach"
    return f"After {memory['reference_lag'].iloc[0]} steps back, by set, gradients have vanished for {listed(told)}"


def vanished(memory: pd.DataFrame) -> list[str]:
    """`74% to 100% in the tanh`, the shares in trained nets, by set, and so on for each unit."""
    trained = memory[memory["net"] == "trained"].dropna(subset=["share_vanishing_mean"])
    spans = trained.groupby("cell", sort=False)["share_vanishing_mean"].agg(["min", "max"]).map("{:.0%}".format)
    return [f"{' to '.join(dict.fromkeys(ends))} in the {cell_name(cell)}" for cell, *ends in spans.itertuples()]


@plot(
    "gradients memory design",
    _title,
    "The norm of one step's loss gradient with respect to the net's state some steps before, over that at the step "
    "itself. Geometric means over cases and "
    "repeats; shades: the middle 80% of the trained nets' cases. Dotted: where gradients are judged.",
    "Line plots of the gradient's norm against lag: a panel for a music set and one for speech, a colour and marker "
    "per unit, trained solid and untrained dashed.",
)
def gradients(frames: Frames, narrow: bool) -> Figure:
    """A gradient's norm over that at lag 0, by lag: trained nets with the spread over cases, and untrained ones."""
    found, memory = frames["gradients"].query("variable == 'state'"), frames["memory"]
    styles, datasets = cell_styles(found["cell"]), shown_sets(frames["design"])
    repeats = frames["design"].set_index("dataset")["repeats"]
    figure, axes = panels([f"{set_name(name)} (n={repeats[name]})" for name in datasets], narrow)
    for ax, dataset in zip(axes, datasets, strict=True):
        rows = found[found["dataset"] == dataset]
        judged = memory[memory["dataset"] == dataset].iloc[0]
        for order, (cell, style) in enumerate(styles.items()):
            of_cell = rows[rows["cell"] == cell]
            _fall(ax, of_cell[of_cell["net"] == "untrained"], style, "--", order)
            trained = of_cell[of_cell["net"] == "trained"].sort_values("lag")
            ends = (trained[quantile].to_numpy(float) for quantile in ("q10", "q90"))
            ax.fill_between(trained["lag"].to_numpy(float), *ends, color=style.colour, alpha=0.14, linewidth=0)
            _fall(ax, trained, style, "-", order)
        look = {"color": GREY, "linewidth": 1, "linestyle": ":"}
        ax.axhline(math.log10(judged["vanish_ratio"]), **look)
        ax.axvline(judged["reference_lag"], **look)
        lowest = rows[["log10_ratio_mean", "q10"]].to_numpy(float).min()
        ax.set_ylim(max(lowest, FLOOR) - 0.2, max(rows[["log10_ratio_mean", "q90"]].to_numpy(float).max(), 0) + 0.3)
        ax.set_xlim(0, rows["lag"].max())
        ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.yaxis.set_major_formatter(
            FuncFormatter(lambda power, _: f"{10**power:g}" if power > -4 else f"1e{power:.0f}")
        )
        trained_cells = set(rows.loc[rows["net"] == "trained", "cell"])
        if lost := [style.name for cell, style in styles.items() if cell not in trained_cells]:
            words = f"every net of {listed(lost)} diverged"
            ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            ax.text(0.03, 0.06, words, transform=ax.transAxes, color=GREY, fontsize=9, bbox=ground)
        ax.set_xlabel("steps back in time")
        ax.set_ylabel("gradient left, of 1")
    lines = [key("trained"), key("untrained", linestyle="--"), key("where it is judged", **look)]
    legend(figure, [*map(mark, styles.values()), *lines], 6)
    return figure


def _fall(ax: Axes, line: pd.DataFrame, style: CellStyle, dash: str, order: int) -> None:
    """A mean line; marks are sparse, and shifted from cell to cell so that they do not cover each other."""
    line = line.sort_values("lag")
    marks = {"marker": style.marker, "markersize": 4, "markevery": (2 + 4 * order, 12)}
    ax.plot(line["lag"], line["log10_ratio_mean"], dash, color=style.colour, linewidth=1.4, **marks)
