"""What the nets make of the beginning of a test piece, beside the piece."""

from matplotlib.figure import Figure

from stages.findings.declare import Frames, plot
from stages.presentation.samples import REAL
from stages.presentation.stacks import ROW, draw_notes, edges, explain, stacked
from stages.presentation.style import GREY, CellStyle, cell_styles

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
    figure, stacks = stacked(facts, narrow)
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
                draw_notes(ax, own[own["part"] == part], colour, width)
            explain(ax, row.reason)
        octaves = [pitch for pitch in range(12, 128, 12) if low < pitch < high]
        octaves = octaves[:: 1 + len(octaves) // 5]
        axes[-1].set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
        axes[-1].set(xlim=(0, rows["length"].max()), ylim=(low, high), xlabel="frames")
    return figure


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
    figure, stacks = stacked(facts, narrow)
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
                    extent=(*edges(grid.columns), *(edge / 1000 for edge in edges(grid.index))),
                )
                ax.axvline(row.given * row.step_seconds, color="white", linewidth=1)
            explain(ax, row.reason)
        axes[-1].set(xlim=(0, (rows["length"] * rows["step_seconds"]).max()), xlabel="seconds")
        axes[-1].set_ylabel("kHz")
        if len(of_dataset):
            axes[-1].set_ylim(0, of_dataset["frequency"].max() / 1000)
            figure.colorbar(image, ax=axes, label="dB under full scale", aspect=40, pad=0.02)
    return figure
