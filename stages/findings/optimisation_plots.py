"""The figure of what may hold the nets back: one function a figure, as in plots.py."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.findings.optimisation_conditions import best_nll, conditions, trained
from stages.findings.style import GREY, cell_styles, legend, mark, panels

Tables = dict[str, pd.DataFrame]


def optimisation(tables: Tables) -> Figure:
    """The best net's validation NLL under every condition: a panel a dataset, a line a unit."""
    nets = tables["optimisation"]
    known, styles = conditions(nets), cell_styles([*tables["learning_rates"]["cell"], *nets["cell"]])
    sets = list(nets.groupby("dataset", sort=False))
    figure, axes = panels([dataset for dataset, _ in sets], row_height=1.1 + 0.4 * len(known))
    for ax, (_, own) in zip(axes, sets, strict=True):
        asked = trained(own, known)
        lost: dict[str, list[str]] = {}
        for cell, style in styles.items():
            of_cell = own[own["cell"] == cell]
            best = best_nll(of_cell).droplevel(["dataset", "cell"]).dropna()
            rows = [row for row, key in enumerate(asked.values()) if key in best.index]
            values = [best[key] for key in asked.values() if key in best.index]
            look = {"color": style.colour, "linewidth": 1, "markersize": 6}
            ax.plot(values, rows, "-", marker=style.marker, **look)
            for name in trained(of_cell, known):
                if known[name] not in best.index:
                    lost.setdefault(name, []).append(style.name)
        for row, name in enumerate(asked):
            if name in lost:
                words = f"{', '.join(lost[name])} diverged"
                side = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "center"}
                ax.text(0.99, row, words, color=GREY, fontsize=9, **side)
        ax.set_yticks(range(len(asked)), [name.replace(" and ", "\nand ") for name in asked])
        ax.set_ylim(len(asked) - 0.5, -0.5)
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.set_xlabel("validation NLL, nats per step")
    legend(figure, [mark(styles[cell], linestyle="-") for cell in styles if cell in set(nets["cell"])])
    return figure
