"""Samples one above another: a row each, which share their axes, and what is drawn into a row."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.presentation.style import GREY, panels
from stages.presentation.wording import cell_name, set_name

ROW = 0.8  # inches, the height of one sample


def stacked(facts: pd.DataFrame, narrow: bool) -> tuple[Figure, list[np.ndarray]]:
    """A panel per dataset, divided into a row per sample, which share both axes and are named inside."""
    datasets = facts.groupby("dataset", sort=False)
    most = datasets.size().max()
    figure, panes = panels([set_name(name) for name in datasets.groups], narrow, row_height=0.6 + ROW * most)
    stacks = []
    for pane, (_, rows) in zip(panes, datasets, strict=True):
        grid = pane.get_subplotspec().subgridspec(len(rows), 1, hspace=0)
        axes = grid.subplots(sharex=True, sharey=True, squeeze=False)[:, 0]
        axes[0].set_title(pane.get_title(loc="left"), loc="left")
        pane.remove()
        for ax in axes[:-1]:
            ax.tick_params(axis="x", bottom=False)
        for ax, cell in zip(axes, rows["cell"], strict=True):
            ax.text(1.01, 0.5, cell_name(cell), transform=ax.transAxes, rotation=-90, va="center", fontsize=9)
        stacks.append(axes)
    return figure, stacks


def explain(ax: Axes, reason: str) -> None:
    """Why a row is empty."""
    ax.text(0.5, 0.5, reason, transform=ax.transAxes, ha="center", va="center", color=GREY)


def draw_notes(ax: Axes, notes: pd.DataFrame, colour: str, width: float) -> None:
    """One line with gaps, so that a roll is a single path in the file."""
    gap = np.full(len(notes), math.nan)
    x = np.column_stack([notes["start"], notes["end"], gap]).ravel()
    y = np.column_stack([notes["pitch"], notes["pitch"], gap]).ravel()
    ax.plot(x, y, color=colour, linewidth=width, solid_capstyle="butt")


def edges(centres: pd.Index) -> tuple[float, float]:
    """The outer edges of evenly spaced pixels with these centres."""
    half = (centres[1] - centres[0]) / 2 if len(centres) > 1 else 0.5
    return centres[0] - half, centres[-1] + half
