"""The figure of the section on whether the results hold elsewhere; see plots.py."""

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stages.findings.style import cell_styles, legend, panels

# Condition → its name in the legend, and how it is drawn, in the order of the lanes. Colours are seaborn's colourblind.
LANES = {
    "main": ("the study", {"color": "black", "marker": "o"}),
    "edition": ("another edition", {"color": "#0173b2", "marker": "D"}),
    "untouched": ("pieces not heard in training", {"color": "#de8f05", "marker": "s"}),
    "arm": ("second arm", {"color": "#029e73", "marker": "^"}),
}
LANE = 0.19  # the distance between lanes, where pairs of units are 1 apart


def elsewhere(tables: dict[str, pd.DataFrame]) -> Figure:
    """Differences between units in the study and elsewhere: a panel a dataset, a group of lanes a pair of units."""
    found = tables["robustness"]
    found = found[found["condition"].isin(LANES)]
    styles = cell_styles([*found["second"], *found["first"]])
    pairs = list(dict.fromkeys(zip(found["first"], found["second"], strict=True)))
    datasets = list(dict.fromkeys(found["dataset"]))
    figure, axes = panels([_title(found, dataset) for dataset in datasets], row_height=1.0 + 0.62 * max(len(pairs), 2))
    for ax, dataset in zip(axes, datasets, strict=True):
        rows = found[found["dataset"] == dataset]
        study = rows.drop_duplicates(["first", "second"]).assign(condition="main")
        study = study.assign(**{f"difference_{end}": study[f"main_{end}"] for end in ("mean", "low", "high")})
        there = [lane for lane in LANES if lane == "main" or lane in set(rows["condition"])]
        ax.axvline(0, color="black", linewidth=0.8)
        for row in pd.concat([study, rows]).itertuples():
            y = pairs.index((row.first, row.second)) + LANE * (there.index(row.condition) - (len(there) - 1) / 2)
            look = LANES[row.condition][1]
            if not math.isnan(row.difference_low):
                ax.plot([row.difference_low, row.difference_high], [y, y], color=look["color"], linewidth=1.6)
            ax.plot(row.difference_mean, y, markersize=5, linestyle="", **look)
        ax.set_yticks(range(len(pairs)), [f"{styles[first].name} − {styles[second].name}" for first, second in pairs])
        ax.set_ylim(len(pairs) - 0.5, -0.5)
        ax.margins(x=0.08)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.set_xlabel("difference in test NLL, nats per step")
    lanes = [look for lane, look in LANES.items() if lane == "main" or lane in set(found["condition"])]
    legend(figure, [Line2D([], [], linewidth=1.6, label=name, **look) for name, look in lanes], columns=4)
    return figure


def _title(found: pd.DataFrame, dataset: str) -> str:
    """The dataset with the study's number of repeats, and that of a condition where it is another."""
    rows = found[found["dataset"] == dataset]
    study = rows["main_repeats"].min()
    others = rows.groupby("condition", sort=False)["repeats"].min()
    told = [f"{LANES[name][0]} n={repeats}" for name, repeats in others.items() if repeats != study]
    return f"{dataset} ({', '.join([f'n={study}', *told])})"
