"""Music under other protocols than the paper's."""

import math
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from stages.findings.declare import Frames, plot
from stages.findings.plots.noise import by_row
from stages.presentation.style import cell_styles, dot_panels, key
from stages.presentation.wording import OVER_REPEATS, count, listed

LEFT_ON = "left_on"
PROTOCOLS = {
    "paper": "the paper's",
    LEFT_ON: "noise left on\nin the test",
    "noiseless": "without noise",
    "authors": "the authors' code,\nstopped early",
    "practice": "Adam, cosine,\ndropout",
    "practice_bias": "the same, bias at\nnote frequencies",
}
ENDS = ["nll_mean", "nll_low", "nll_high"]


def _scores(frames: Frames) -> pd.DataFrame:
    """Test NLL by protocol, of the music sets that have more than the paper's."""
    design, scores = frames["design"], frames["arm_scores"]
    music = design.loc[design["output"] == "bernoulli", "dataset"]
    scores = scores[scores["dataset"].isin(music) & scores["arm"].isin([*PROTOCOLS])]
    scores = scores[scores["dataset"].isin(scores.loc[scores["arm"] != "paper", "dataset"])]
    noisy = frames["left_on"].assign(arm=LEFT_ON).rename(columns=lambda name: name.replace("noisy", "nll"))
    return pd.concat([scores, noisy[noisy["dataset"].isin(scores["dataset"])]])[
        ["arm", "dataset", "cell", "repeats", *ENDS]
    ]


def _title(frames: Frames) -> str:
    if _scores(frames).empty:
        return ""
    words = {"survives": "survives in", "turns": "turns in", "open": "stays open in", "void": "is void in"}
    found = frames["questions"].query("question == 'practice' and answer in @words")["answer"].value_counts()
    if found.empty:
        return "Music under other protocols than the paper's"
    told = listed(f"{words[answer]} {found[answer]}" for answer in words if answer in found)
    return f"Trained by Adam, the order of two units {told} of {count(found.sum(), 'case')}"


@plot(
    "arm_scores left_on design questions",
    _title,
    f"Test NLL of music, nats per step: {OVER_REPEATS}, n by row; left is better. Hollow: the paper's single runs.",
    "Dot plot: a panel per music set, a row per protocol, a mark with its interval per unit.",
)
def protocols(frames: Frames, narrow: bool) -> Figure:
    """A row a protocol, a mark a unit; the paper's numbers hollow in the first row."""
    found, stated = _scores(frames), frames["left_on"].set_index(["dataset", "cell"])["paper_nll"]
    styles = cell_styles(found["cell"])
    hollow = [key("the paper's runs", marker="o", markerfacecolor="white", linestyle="")]
    figure, placed = dot_panels(
        found, partial(by_row, conditions=PROTOCOLS), PROTOCOLS, styles, "arm", "nll", narrow, others=hollow
    )
    for ax, row, y in placed:
        if row.arm == "paper":
            look = {"color": styles[row.cell].colour, "markerfacecolor": "white", "markersize": 5, "zorder": 1.9}
            ax.plot(stated.get((row.dataset, row.cell), math.nan), y - 0.12, styles[row.cell].marker, **look)
    return figure
