"""The paper's claims at a glance: which comparison supports which claim on which set, and where it is open."""

import pandas as pd
from matplotlib.figure import Figure

from stages.findings.declare import Frames, plot
from stages.presentation.style import BAND, GREY, empty, key, legend, panels
from stages.presentation.wording import CONTRADICTED, SUPPORTED, UNDECIDED, set_name

FEW, LACKING = "too few repeats", "cannot be made"
LOOKS = {
    SUPPORTED: {"marker": "o", "color": "black", "markersize": 6},
    CONTRADICTED: {"marker": "X", "color": "black", "markersize": 8},
    UNDECIDED: {"marker": "o", "color": GREY, "markersize": 6, "markerfacecolor": "white"},
    FEW: {"marker": ".", "color": GREY, "markersize": 5},
    LACKING: {"marker": "_", "color": GREY, "markersize": 6},
}
VERBS = {SUPPORTED: ("holds", "hold"), CONTRADICTED: ("fails", "fail"), UNDECIDED: ("stays open", "stay open")}
ROW = 0.215  # inches


def kind(row: object) -> str:
    """A comparison's verdict, or why it has none."""
    if row.verdict != UNDECIDED:
        return row.verdict
    return LACKING if pd.isna(row.mean) else FEW if row.note.startswith(FEW) else UNDECIDED


def _title(frames: Frames) -> str:
    counts = frames["claims"]["verdict"].value_counts()
    *told, last = (f"{(n := counts.get(verdict, 0))} {words[int(n != 1)]}" for verdict, words in VERBS.items())
    return f"Of the paper's {len(frames['claims'])} claims {', '.join(told)} and {last}"


@plot(
    "claims comparisons design",
    _title,
    "A row is one comparison of a claim, a column a set. Filled circle: the whole interval lies where the claim has "
    "it; cross: on the other side; hollow circle: neither. "
    "In claim 8 a circle is the GRU ahead, a cross the LSTM. Sets with a dagger are never counted.",
    "Grid of marks: a block per claim, in it a row per comparison, a column per set, a mark per verdict.",
)
def claims(frames: Frames, narrow: bool) -> Figure:
    """A row per comparison under its claim, a column per set, a mark by its verdict."""
    verdicts, comparisons = frames["claims"], frames["comparisons"]
    comparisons = comparisons[comparisons["dataset"].isin(frames["design"]["dataset"])]
    datasets = [name for name in frames["design"]["dataset"] if (comparisons["dataset"] == name).any()]
    counted = comparisons.groupby("dataset")["counted"].any()
    figure, (ax,) = panels([""], narrow)
    if not datasets:
        empty(ax, "no claim is about these sets")
        return figure
    labels, heads, place = [], [], 0
    for claim in verdicts.itertuples():
        of_claim = comparisons[comparisons["claim"] == claim.claim]
        quantities = list(dict.fromkeys(of_claim["quantity"]))
        if not quantities:
            continue
        if claim.claim % 2:
            ax.axhspan(place - 0.5, place + len(quantities) + 0.5, color=BAND, zorder=0)
        heads.append(len(labels))
        labels.append(f"{claim.claim}. {VERBS[claim.verdict][0]}")
        for row in of_claim.itertuples():
            y = place + 1 + quantities.index(row.quantity)
            ax.plot(datasets.index(row.dataset), y, linestyle="", **LOOKS[kind(row)])
        labels += [quantity.replace("test NLL, ", "") for quantity in quantities]
        place += 1 + len(quantities)
    figure.set_figheight((2.6 if narrow else 1.9) + ROW * place)
    ax.set_yticks(range(len(labels)), labels, fontsize=9)
    for head in heads:
        ax.get_yticklabels()[head].set_fontweight("bold")
    ax.set_ylim(len(labels) - 0.5, -0.5)
    names = [set_name(name) + "†" * (not counted[name]) for name in datasets]
    turned = {"rotation": 90} if narrow else {"rotation": 40, "ha": "left", "rotation_mode": "anchor"}
    ax.set_xticks(range(len(datasets)), names, fontsize=9, **turned)
    ax.set_xlim(-0.6, len(datasets) - 0.4)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    shown = {kind(row) for row in comparisons.itertuples()}
    legend(figure, [key(name, linestyle="", **LOOKS[name]) for name in LOOKS if name in shown], 5)
    return figure
