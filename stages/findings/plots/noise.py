"""Speech with and without the paper's weight noise, on an axis of its own."""

import math

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.findings.declare import Frames, plot
from stages.findings.plots.style import GREY, cell_styles, legend, mark, panels, rows_axis
from stages.findings.wording import listed, number, set_name

LABELS = {True: "with weight noise\n(the paper's)", False: "without"}


def _title(frames: Frames) -> str:
    """How far tanh is from the best unit with the noise and without it, set by set."""
    found, told = frames["speech_noise"], []
    for dataset, rows in found.groupby("dataset", sort=False):
        gaps = []
        for condition, words in ((True, "with the weight noise"), (False, "without")):
            of = rows[rows["noisy"] == condition].set_index("cell")["nll_mean"]
            if "tanh" in of.index and len(of.dropna()):
                far = "diverges" if math.isnan(of["tanh"]) else f"is {number(of['tanh'] - of.min())} nats behind"
                gaps.append(f"{far} {words}")
        if len(gaps) == 2:
            told.append(f"{set_name(dataset)}: tanh {gaps[0]}, {gaps[1]}")
    return "; ".join(told).capitalize() or "Speech with and without the weight noise"


@plot(
    "speech_noise arm_scores",
    _title,
    "NLL of speech, nats per step; further left is better. Each panel says of which split it is and of how many "
    "repeats; with one there is no interval.",
    "Dot plot: a panel per speech set, a row with the weight noise and one without, a mark per unit.",
)
def noise(frames: Frames, narrow: bool) -> Figure:
    """A row a condition, a mark a unit; a unit all of whose nets diverged is named."""
    found = frames["speech_noise"]
    styles = cell_styles(frames["arm_scores"].query("arm == 'paper'")["cell"])
    sets = list(found.groupby("dataset", sort=False))
    names = [f"{set_name(name)}\n{rows['split'].iloc[0]} NLL, n={rows['repeats'].min()}" for name, rows in sets]
    figure, axes = panels(names, narrow, row_height=1.9)
    for ax, (_, rows) in zip(axes, sets, strict=True):
        conditions = [noisy for noisy in LABELS if noisy in set(rows["noisy"])]
        rows_axis(ax, [LABELS[noisy] for noisy in conditions])
        for place, condition in enumerate(conditions):
            of = rows[rows["noisy"] == condition]
            for lane, row in enumerate(of.itertuples()):
                style, y = styles[row.cell], place + 0.22 * (lane - (len(of) - 1) / 2)
                ax.plot(row.nll_mean, y, style.marker, color=style.colour, markersize=7)
                ax.plot([row.nll_low, row.nll_high], [y, y], color=style.colour, linewidth=2)
            if lost := [styles[row.cell].name for row in of.itertuples() if math.isnan(row.nll_mean)]:
                words = f"{listed(lost)}: every net diverged"
                ax.text(
                    0.99,
                    place + 0.36,
                    words,
                    color=GREY,
                    ha="right",
                    va="center",
                    fontsize=9,
                    transform=ax.get_yaxis_transform(),
                )
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.set_xlabel("← better · NLL, nats per step")
    legend(figure, [mark(style, linestyle="") for style in styles.values()])
    return figure
