"""Speech with the paper's weight noise, with less of it and without, on an axis of its own."""

import math
from collections.abc import Iterable
from functools import partial

import pandas as pd
from matplotlib.figure import Figure

from stages.findings.declare import Frames, plot
from stages.presentation.style import cell_styles, dot_panels
from stages.presentation.wording import OVER_REPEATS, capital, number, set_name

PAPER, NOISELESS = "paper", "noiseless"
CONDITIONS = {
    PAPER: "with weight noise\n(the paper's)",
    "rescued": "the same, exploding\ngradients shrunk",
    "half_noise": "half of it",
    "input_noise": "on inputs alone",
    NOISELESS: "without",
}
TOLD = {PAPER: "with the weight noise", NOISELESS: "without it"}


def on_speech(frames: Frames) -> pd.DataFrame:
    """The scores of speech under every condition of its noise; none where a set was not trained without."""
    design, scores = frames["design"], frames["arm_scores"]
    speech = design.loc[design["output"] == "gaussian_mixture", "dataset"]
    scores = scores[scores["dataset"].isin(speech) & scores["arm"].isin([*CONDITIONS])]
    return scores[scores["dataset"].isin(scores.loc[scores["arm"] == NOISELESS, "dataset"])]


def behind(rows: pd.DataFrame) -> dict[str, str]:
    """Condition, in words → how far tanh is behind the best unit in it; without the conditions that lack tanh."""
    told = {}
    for arm, name in TOLD.items():
        of = rows[rows["arm"] == arm].set_index("cell")["nll_mean"]
        if "tanh" in of.index and of.notna().any():
            gap = of["tanh"] - of.min()
            place = f"is {number(gap)} nats behind the best" if gap else "is the best"
            told[name] = "diverges" if math.isnan(gap) else place
    return told


def by_row(dataset: str, rows: pd.DataFrame, conditions: Iterable[str]) -> str:
    """The set, and how many repeats have a result under its conditions, row by row."""
    repeats = rows.groupby("arm")["repeats"].max()
    told = [str(repeats[arm]) for arm in conditions if arm in repeats]
    return f"{set_name(dataset)}\nn={', '.join(told if len({*told}) > 1 else told[:1])}"


def _title(frames: Frames) -> str:
    """How far tanh is from the best unit with the noise and without it, set by set."""
    told = []
    for dataset, rows in on_speech(frames).groupby("dataset", sort=False):
        parts = ", ".join(f"{gap.removeprefix('is ')} {condition}" for condition, gap in behind(rows).items())
        told.append(f"{set_name(dataset)}: tanh {parts}" if parts else set_name(dataset))
    return capital("; ".join(told))


@plot(
    "arm_scores design",
    _title,
    f"Test NLL of speech, nats per step: {OVER_REPEATS}; further left is better.",
    "Dot plot: a panel per speech set, a row per amount of weight noise, a mark with its interval per unit.",
)
def noise(frames: Frames, narrow: bool) -> Figure:
    """A row a condition, a mark a unit."""
    found = on_speech(frames)
    styles = cell_styles(frames["arm_scores"].query("arm == 'paper'")["cell"])
    return dot_panels(found, partial(by_row, conditions=CONDITIONS), CONDITIONS, styles, "arm", "nll", narrow)[0]
