"""Speech with and without the paper's weight noise, on an axis of its own."""

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.findings.declare import Frames, plot
from stages.findings.plots.style import cell_styles, legend, mark, note, panels, rows_axis
from stages.findings.wording import number, set_name

CONDITIONS = {True: "with the weight noise", False: "without it"}
LABELS = {True: "with weight noise\n(the paper's)", False: "without"}


def behind(rows: pd.DataFrame) -> dict[str, str]:
    """Condition, in words → how far tanh is behind the best unit in it; without the conditions that lack tanh."""
    told = {}
    for condition, name in CONDITIONS.items():
        of = rows[rows["noisy"] == condition].set_index("cell")["nll_mean"]
        if "tanh" in of.index and of.notna().any():
            gap = of["tanh"] - of.min()
            told[name] = "diverges" if math.isnan(gap) else f"is {number(gap)} nats behind" if gap else "is the best"
    return told


def repeats(rows: pd.DataFrame) -> str:
    """How many repeats have a result, in either condition."""
    counts = rows.groupby("noisy")["repeats"].max()
    if counts.nunique() == 1:
        return f"n={counts.iloc[0]}"
    return f"n={counts[True]} with it, {counts[False]} without"


def _title(frames: Frames) -> str:
    """How far tanh is from the best unit with the noise and without it, set by set."""
    told = []
    for dataset, rows in frames["speech_noise"].groupby("dataset", sort=False):
        parts = ", ".join(f"{gap} {condition}" for condition, gap in behind(rows).items())
        told += [f"{set_name(dataset)}: tanh {parts}"] * bool(parts)
    text = "; ".join(told)
    return f"{text[:1].upper()}{text[1:]}" if text else "Speech with and without the weight noise"


@plot(
    "speech_noise arm_scores",
    _title,
    "Test NLL of speech, nats per step: means over repeats with 95% intervals (none where n=1); further left is "
    "better.",
    "Dot plot: a panel per speech set, a row with the weight noise and one without, a mark per unit.",
)
def noise(frames: Frames, narrow: bool) -> Figure:
    """A row a condition, a mark a unit; a unit all of whose nets diverged is named."""
    found = frames["speech_noise"]
    styles = cell_styles(frames["arm_scores"].query("arm == 'paper'")["cell"])
    sets = list(found.groupby("dataset", sort=False))
    names = [f"{set_name(name)} ({repeats(rows)})" for name, rows in sets]
    figure, axes = panels(names, narrow, row_height=2.4)
    for ax, (_, rows) in zip(axes, sets, strict=True):
        conditions = [noisy for noisy in LABELS if noisy in set(rows["noisy"])]
        rows_axis(ax, [LABELS[noisy] for noisy in conditions])
        for place, condition in enumerate(conditions):
            of = rows[rows["noisy"] == condition]
            for lane, row in enumerate(of.itertuples()):
                style, y = styles[row.cell], place + 0.28 * (lane - (len(of) - 1) / 2)
                ax.plot(row.nll_mean, y, style.marker, color=style.colour, markersize=7)
                ax.plot([row.nll_low, row.nll_high], [y, y], color=style.colour, linewidth=2)
                if math.isnan(row.nll_mean):
                    note(ax, f"{style.name}: every net diverged", 0.98, y)
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.set_xlabel("← better · test NLL, nats per step")
    legend(figure, [mark(style, linestyle="") for style in styles.values()])
    return figure
