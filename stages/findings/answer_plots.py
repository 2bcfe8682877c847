"""The study's answer in one figure, from gaps.csv."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stages.findings.style import cell_styles, mark, panels
from stages.findings.style import legend as add_legend
from stages.findings.wording import cell_name

KINDS = {"bernoulli": "Music", "gaussian_mixture": "Speech"}
LANES = 0.5  # of a row's height: what its units and the paper's marks share


def answer(tables: dict[str, pd.DataFrame]) -> Figure:
    """How far behind the reference each unit is, with intervals; the paper's single runs as hollow marks above."""
    gaps = tables["gaps"]
    styles = cell_styles(gaps["cell"])
    kinds = [kind for kind in KINDS if (gaps["output"] == kind).any()]
    reference = cell_name(gaps["reference"].iloc[0]) if len(gaps) else ""
    rows = gaps.groupby("output")["dataset"].nunique()
    figure, axes = panels([KINDS[kind] for kind in kinds], row_height=0.9 + 0.62 * int(rows.max()))
    for ax, kind in zip(axes, kinds, strict=True):
        of_kind = gaps[gaps["output"] == kind]
        datasets = list(dict.fromkeys(of_kind["dataset"]))
        ax.axvline(0, color="black", linewidth=0.8)
        ax.grid(visible=False, axis="y")
        for place in range(0, len(datasets), 2):
            ax.axhspan(place - 0.5, place + 0.5, color="#f4f4f4", zorder=0)
        for place, dataset in enumerate(datasets):
            of_set = of_kind[of_kind["dataset"] == dataset]
            for lane, gap in zip(np.linspace(-LANES / 2, LANES / 2, len(of_set)), of_set.itertuples(), strict=True):
                style, y = styles[gap.cell], place + lane
                if gap.data in ("same", "reprocessed") and not math.isnan(gap.paper_gap):
                    look = {"markerfacecolor": "white", "markeredgecolor": style.colour, "markersize": 5, "zorder": 2}
                    ax.plot(gap.paper_gap, y - LANES / 4, style.marker, color=style.colour, **look)
                if math.isnan(gap.gap_mean):
                    words = f"{style.name}: diverged"
                    ax.annotate(words, (0.16, y), xycoords=ax.get_yaxis_transform(), va="center", color=style.colour)
                    continue
                if not math.isnan(gap.gap_low):
                    ax.plot([gap.gap_low, gap.gap_high], [y, y], color=style.colour, linewidth=2.2, zorder=3)
                ax.plot(gap.gap_mean, y, style.marker, color=style.colour, markersize=7, zorder=4)
        counts = of_kind.groupby("dataset")["repeats"].max()
        notes = of_kind.groupby("dataset")["budget"].first()
        labels = [f"{d}\nn={counts[d]}{', prelim.' if notes[d] == 'preliminary' else ''}" for d in datasets]
        ax.set_yticks(range(len(datasets)), labels)
        ax.set_ylim(len(datasets) - 0.5, -0.5)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set_xlabel(f"test NLL minus the {reference}'s, nats per step")
    hollow = Line2D(
        [], [], color="black", marker="o", markerfacecolor="none", linestyle="", label="hollow: the paper's single runs"
    )
    add_legend(figure, [*(mark(style, linewidth=2.2) for style in styles.values()), hollow])
    return figure
