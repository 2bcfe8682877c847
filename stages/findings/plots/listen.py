"""What the nets make of the beginning of a test piece, beside the piece."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stages.findings.declare import Frames, plot
from stages.presentation.samples import REAL
from stages.presentation.style import GREY, CellStyle, cell_styles, panels
from stages.presentation.wording import cell_name, set_name

ROW = 0.8  # inches, the height of one sample
GIVEN = "#ececec"  # the ground of what the nets were given
BEYOND = 12  # pitches below and above those of the real piece: what lies further out is drawn at the edge
LOUDNESS = 70.0  # dB below the loudest that a spectrogram shows
_REAL_STYLE = CellStyle("real", "black", "")


@plot(
    "samples/facts samples/notes",
    lambda frames: "The same beginning of a test piece, as it goes on and as each unit's best net goes on",
    "Grey ground: what the nets were given. A bar is a note; those more than an octave outside the real piece are "
    "drawn at the edge.",
    "Piano rolls: a panel per set, in it one roll above another, the real piece first, then one per unit.",
)
def piano_rolls(frames: Frames, narrow: bool) -> Figure:
    """Notes against frames: a stack a dataset, the same pitches in all of its rows, octaves named by their C.

    A note of a net that is far from all notes of the real piece is drawn at the edge, or the rest would be too small.
    """
    facts, notes = frames["samples/facts"], frames["samples/notes"]
    facts = facts[facts["kind"] == "music"]
    styles = cell_styles(cell for cell in facts["cell"] if cell != REAL)
    figure, stacks = _stacks(facts, narrow)
    for (dataset, rows), axes in zip(facts.groupby("dataset", sort=False), stacks, strict=True):
        of_dataset = notes[notes["dataset"] == dataset]
        real = of_dataset.loc[of_dataset["cell"] == REAL, "pitch"]
        pitches = of_dataset["pitch"].clip(real.min() - BEYOND, real.max() + BEYOND)
        of_dataset = of_dataset.assign(pitch=pitches)
        low, high = pitches.min() - 1.5, pitches.max() + 1.5
        width = 72 * 0.85 * ROW / (high - low)  # points a pitch
        for row, ax in zip(rows.itertuples(), axes, strict=True):
            style = styles.get(row.cell, _REAL_STYLE)
            ax.grid(axis="x", visible=False)
            ax.axvspan(0, row.given, color=GIVEN, linewidth=0)
            own = of_dataset[of_dataset["cell"] == row.cell]
            for part, colour in (("seed", GREY), ("continuation", style.colour)):
                _notes(ax, own[own["part"] == part], colour, width)
            _explain(ax, row.reason)
        octaves = [pitch for pitch in range(12, 128, 12) if low < pitch < high]
        octaves = octaves[:: 1 + len(octaves) // 5]
        axes[-1].set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
        axes[-1].set(xlim=(0, rows["length"].max()), ylim=(low, high), xlabel="frames")
    return figure


def _notes(ax: Axes, notes: pd.DataFrame, colour: str, width: float) -> None:
    """One line with gaps, so that a roll is a single path in the file."""
    gap = np.full(len(notes), math.nan)
    x = np.column_stack([notes["start"], notes["end"], gap]).ravel()
    y = np.column_stack([notes["pitch"], notes["pitch"], gap]).ravel()
    ax.plot(x, y, color=colour, linewidth=width, solid_capstyle="butt")


@plot(
    "samples/facts samples/spectrograms",
    lambda frames: "The same beginning of a recording, as it goes on and as each unit's best net goes on",
    "Spectrograms of a test recording, as far as its sequence goes, and of what each unit's best net makes of the same "
    "beginning, which ends at the white line.",
    "Spectrograms: a panel per set, in it one above another, the real recording first, then one per unit.",
)
def spectrograms(frames: Frames, narrow: bool) -> Figure:
    """Frequencies against time: a stack a dataset, one scale of loudness in all of its rows."""
    facts, levels = frames["samples/facts"], frames["samples/spectrograms"]
    facts = facts[facts["kind"] == "speech"]
    figure, stacks = _stacks(facts, narrow)
    for (dataset, rows), axes in zip(facts.groupby("dataset", sort=False), stacks, strict=True):
        of_dataset = levels[levels["dataset"] == dataset]
        loudest = of_dataset["decibels"].max()
        for row, ax in zip(rows.itertuples(), axes, strict=True):
            ax.grid(visible=False)
            own = of_dataset[of_dataset["cell"] == row.cell]
            if len(own):
                grid = own.pivot(index="frequency", columns="time", values="decibels")
                image = ax.imshow(
                    grid,
                    origin="lower",
                    aspect="auto",
                    interpolation="none",  # the file keeps the pixels as they are
                    cmap="magma",
                    vmin=loudest - LOUDNESS,
                    vmax=loudest,
                    extent=(*_edges(grid.columns), *(edge / 1000 for edge in _edges(grid.index))),
                )
                ax.axvline(row.given * row.step_seconds, color="white", linewidth=1)
            _explain(ax, row.reason)
        axes[-1].set(xlim=(0, (rows["length"] * rows["step_seconds"]).max()), xlabel="seconds")
        axes[-1].set_ylabel("kHz")
        if len(of_dataset):
            axes[-1].set_ylim(0, of_dataset["frequency"].max() / 1000)
            figure.colorbar(image, ax=axes, label="dB under full scale", aspect=40, pad=0.02)
    return figure


def _edges(centres: pd.Index) -> tuple[float, float]:
    """The outer edges of evenly spaced pixels with these centres."""
    half = (centres[1] - centres[0]) / 2 if len(centres) > 1 else 0.5
    return centres[0] - half, centres[-1] + half


def _stacks(facts: pd.DataFrame, narrow: bool) -> tuple[Figure, list[np.ndarray]]:
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


def _explain(ax: Axes, reason: str) -> None:
    ax.text(0.5, 0.5, reason, transform=ax.transAxes, ha="center", va="center", color=GREY)
