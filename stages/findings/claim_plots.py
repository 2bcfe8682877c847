"""The paper's claims at a glance, from comparisons.csv: which hold where, and where it is open."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.findings.style import GREY, PANEL, panels
from stages.findings.style import legend as add_legend
from stages.findings.wording import CONTRADICTED, SUPPORTED, UNDECIDED

FEW, LACKING = "too few repeats", "cannot be made"
LOOKS = {
    SUPPORTED: {"marker": "o", "color": "#0173b2", "markersize": 5.5},
    CONTRADICTED: {"marker": "X", "color": "#d55e00", "markersize": 6.5},
    UNDECIDED: {"marker": "o", "color": GREY, "markersize": 5.5, "markerfacecolor": "white"},
    FEW: {"marker": ".", "color": GREY, "markersize": 5},
    LACKING: {"marker": "_", "color": GREY, "markersize": 4},
}
LINE = 50  # characters of a claim in a line
STEP = 0.16  # of a column's width, from mark to mark


def claims(tables: dict[str, pd.DataFrame]) -> Figure:
    """A row per claim, a column per dataset, a mark per comparison; the claim's verdict at the end of its row."""
    verdicts, comparisons = tables["claims"], tables["comparisons"]
    datasets = [name for name in tables["design"]["dataset"] if (comparisons["dataset"] == name).any()]
    beside = comparisons.groupby("dataset")["counted"].any()
    figure, (ax,) = panels([""])
    figure.set_size_inches(2 * PANEL[0], 0.9 + 0.55 * len(verdicts))
    ax.grid(visible=False)
    for place in range(0, len(verdicts), 2):
        ax.axhspan(place - 0.5, place + 0.5, color="#f4f4f4", zorder=0)
    for place, claim in enumerate(verdicts.itertuples()):
        of_claim = comparisons[comparisons["claim"] == claim.claim]
        for column, dataset in enumerate(datasets):
            kinds = [_kind(row) for row in of_claim[of_claim["dataset"] == dataset].itertuples()]
            for x, kind in zip(column + STEP * _centred(len(kinds)), kinds, strict=True):
                ax.plot(x, place, linestyle="", **LOOKS[kind])
        look = LOOKS[claim.verdict]
        words = dict(xycoords=("axes fraction", "data"), va="center", weight="bold", color=look["color"])
        ax.annotate(claim.verdict, (1.02, place), **words)
    lines = [textwrap.fill(f"{claim.claim}. {claim.statement}", LINE) for claim in verdicts.itertuples()]
    ax.set_yticks(range(len(verdicts)), lines, fontsize=8)
    ax.set_ylim(len(verdicts) - 0.5, -0.5)
    names = [name if beside[name] else f"({name})" for name in datasets]
    ax.set_xticks(range(len(datasets)), names, rotation=35, ha="left", rotation_mode="anchor")
    ax.set_xlim(-0.6, len(datasets) - 0.4)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)
    shown = [kind for kind in LOOKS if kind in {_kind(row) for row in comparisons.itertuples()}]
    add_legend(figure, [Line2D([], [], linestyle="", label=kind, **LOOKS[kind]) for kind in shown])
    return figure


def _kind(row: tuple) -> str:
    """A comparison's verdict, or why it has none."""
    if row.verdict != UNDECIDED:
        return row.verdict
    return LACKING if pd.isna(row.mean) else FEW if str(row.note).startswith(FEW) else UNDECIDED


def _centred(count: int) -> np.ndarray:
    """So many places one apart, around 0."""
    return np.arange(count) - (count - 1) / 2
