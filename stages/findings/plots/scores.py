"""Test NLL: how far each unit is behind one of them, and every set by itself."""

import math
from textwrap import fill

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.findings.declare import Frames, plot
from stages.presentation.style import GREY, LANES, cell_styles, dots, key, legend, mark, panels, rows_axis, titles
from stages.presentation.wording import OVER_REPEATS, cell_name, count, number, set_name, set_names

KINDS = {"bernoulli": "Music", "gaussian_mixture": "Speech"}


def _answer_title(frames: Frames) -> str:
    """How many gaps on music speak surely for the reference, and against it: other editions are no further music."""
    gaps = frames["gaps"]
    reference = cell_name(gaps["reference"].iloc[0])
    music = gaps[gaps["output"] == "bernoulli"]
    own = music[music["data"] == "same"]
    of, music = ("music", music) if own.empty else ("the paper's music", own)
    several = music["repeats"] > 1  # over pieces alone an interval says nothing of other runs
    ahead, behind = (several & (music["gap_low"] > 0)).sum(), (several & (music["gap_high"] < 0)).sum()
    if music.empty:
        return f"How far every unit is from the {reference} on speech"
    rest = len(music) - ahead - behind
    told = f"ahead in {ahead} of {count(len(music), 'comparison')}, behind in {behind or 'none'}; {rest or 'none'} open"
    return f"On {of} the {reference} is {told}"


@plot(
    "gaps",
    _answer_title,
    "Test NLL minus the GRU's, nats per step: right of zero a unit is worse than the GRU. Lines are 95% intervals over "
    "repeats and pieces (over pieces alone where n=1). Small hollow marks: the same gaps between the paper's single "
    "runs, on the same music or another edition.",
    "Forest plot: a panel for music and one for speech, a row per set, a mark with its interval per unit, zero is the "
    "GRU.",
)
def answer(frames: Frames, narrow: bool) -> Figure:
    """How far behind the reference each unit is, with intervals; the paper's single runs as hollow marks above."""
    gaps = frames["gaps"]
    styles = cell_styles(gaps["cell"])
    kinds = [kind for kind in KINDS if (gaps["output"] == kind).any()]
    reference = cell_name(gaps["reference"].iloc[0])
    rows = gaps.groupby("output")["dataset"].nunique()
    heights = [0.7 + (0.64 if narrow else 0.55) * int(rows[kind]) for kind in kinds]
    figure, axes = panels([KINDS[kind] for kind in kinds], narrow, row_height=max(heights))
    if narrow and len(kinds) > 1:
        axes[0].get_gridspec().set_height_ratios(heights)
        figure.set_figheight(sum(heights) + 1.4)
    for ax, kind in zip(axes, kinds, strict=True):
        of_kind = gaps[gaps["output"] == kind]
        facts = of_kind.groupby("dataset", sort=False).agg({"repeats": "max", "budget": "first"})
        labels = {
            row.Index: fill(set_name(row.Index), 16)
            + f"\nn={row.repeats}"
            + ", prelim." * (row.budget == "preliminary")
            for row in facts.itertuples()
        }
        for gap, y in dots(ax, of_kind, labels, styles, "dataset", "gap"):
            if gap.data in ("same", "reprocessed"):
                look = {"color": styles[gap.cell].colour, "markerfacecolor": "white", "markersize": 5, "zorder": 1.9}
                ax.plot(gap.paper_gap, y - LANES / 4, styles[gap.cell].marker, **look)
        ax.axvline(0, color="black", linewidth=1)
        ax.set_title(KINDS[kind], loc="left", pad=14)
        ax.annotate(reference, (0, 1), (0, 2), ("data", "axes fraction"), "offset points", ha="center", fontsize=9)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set_xlabel(f"← better than the {reference} · worse →\ntest NLL minus the {reference}'s, nats per step")
    hollow = key("the paper's runs", marker="o", markerfacecolor="white", linestyle="")
    legend(figure, [*map(mark, styles.values()), key(f"the {reference}", linewidth=1), hollow])
    return figure


def _sets_title(frames: Frames) -> str:
    """On which sets our best unit is no worse than the paper's best."""
    found = frames["against_paper"].query("averaging == 'pooled'")
    reached, missed = (list(found.loc[found["reached"] == is_it, "dataset"]) for is_it in (True, False))
    parts = [f"the paper's or lower on {set_names(reached)}"] * bool(reached)
    parts += [f"higher on {set_names(missed)}"] * bool(missed)
    return f"Our best test NLL is {', '.join(parts)}" if parts else "Test NLL, set by set"


@plot(
    "summary results baselines design against_paper",
    _sets_title,
    f"Large marks are {OVER_REPEATS}, small ones below them the repeats, hollow diamonds above "
    "the paper's single runs (same music or another edition). Crosses are predictors without a net; an arrow is one "
    "beyond the axis.",
    "Dot plot: a panel per set, a row per unit and predictor without a net.",
)
def test_nll(frames: Frames, narrow: bool) -> Figure:
    """Test NLL per set and unit: repeats, their mean and interval, the paper's number, the baselines.

    A row has three lanes, so that no mark covers another. The axis fits the units; a baseline beyond it is an arrow at
    the edge, with its number in the row's label.
    """
    summary = frames["summary"].query("split == 'test' and averaging == 'pooled'")
    baselines = frames["baselines"].query("split == 'test' and averaging == 'pooled'")
    design, results = frames["design"], frames["results"]
    styles = cell_styles(summary["cell"])
    most_rows = len(styles) + (baselines.groupby("dataset").size().max() if len(baselines) else 0)
    figure, axes = panels(titles(design), narrow, row_height=0.8 + 0.32 * most_rows)
    for ax, row in zip(axes, design.itertuples(), strict=True):
        labels = []
        for cell in summary.loc[summary["dataset"] == row.dataset].itertuples():
            style, y = styles[cell.cell], len(labels)
            runs = results.query("dataset == @row.dataset and cell == @cell.cell")["test_nll"].dropna()
            ax.plot(runs, [y + 0.3] * len(runs), style.marker, color=style.colour, markersize=3.5)
            ax.plot([cell.nll_low, cell.nll_high], [y, y], color=style.colour, linewidth=2)
            ax.plot(cell.nll_mean, y, style.marker, color=style.colour, markersize=7)
            if row.data in ("same", "reprocessed") and not math.isnan(cell.paper_nll):
                ax.plot(cell.paper_nll, y - 0.3, "D", color="black", markerfacecolor="none", markersize=5)
            labels.append(f"{style.name}  {number(cell.nll_mean) or 'diverged'}")
        ax.margins(x=0.25)
        low, high = ax.get_xlim()
        for baseline in baselines.loc[baselines["dataset"] == row.dataset].itertuples():
            inside = low <= baseline.nll <= high
            look = {"marker": "x" if inside else ">" if baseline.nll > high else "<", "clip_on": False}
            ax.plot(min(max(baseline.nll, low), high), len(labels), color=GREY, markersize=6, **look)
            labels.append(f"{baseline.baseline.replace('_', ' ')}  {number(baseline.nll)}")
        rows_axis(ax, labels)
        ax.set_xlim(low, high)
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.set_xlabel("← better · test NLL, nats per step")
    marks = {"a repeat": "o", "without a net": "x", "beyond the axis": ">"}
    others = [key(label, color=GREY, marker=it, markersize=4, linestyle="") for label, it in marks.items()]
    hollow = key("the paper", marker="D", markerfacecolor="none", linestyle="")
    legend(figure, [*map(mark, styles.values()), hollow, *others])
    return figure
