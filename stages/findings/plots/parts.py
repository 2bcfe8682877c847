"""What it costs to take a part of a unit away, set by set."""

import pandas as pd
from matplotlib.figure import Figure

from stages.findings.declare import Frames, plot
from stages.presentation.style import cell_styles, dot_panels
from stages.presentation.wording import cell_name, count, set_name


def _title(frames: Frames) -> str:
    if frames["parts"]["difference_mean"].isna().all():
        return ""
    found = frames["parts"]["answer"].value_counts()
    worse, better = (found.get(way, 0) for way in ("worse", "better"))
    return (
        f"Changed units are worse in {worse or 'none'} of {count(len(frames['parts']), 'comparison')}, "
        f"better in {better or 'none'}"
    )


@plot(
    "parts",
    _title,
    "Test NLL of a unit that lacks a part, or has it in another place, minus the whole unit's: right of zero the part "
    "is worth something. Means with 95% intervals over repeats and pieces (pieces alone where n=1).",
    "Forest plot: a panel per set, a row per changed unit, a mark with its interval in the whole unit's colour.",
)
def parts(frames: Frames, narrow: bool) -> Figure:
    """A row a changed unit, in the colour of the whole unit that is zero there."""
    found = frames["parts"]
    whole = cell_styles(found["whole"])
    styles = {row.cell: whole[row.whole] for row in found.itertuples()}
    x_label = "← better than the whole · worse →\nnats per step"
    labels = {cell: cell_name(cell) for cell in styles}
    known = found.dropna(subset="difference_low")
    figure, _ = dot_panels(known, _name, labels, styles, "cell", "difference", narrow, x_label)
    for ax in figure.axes:
        ax.axvline(0, color="black", linewidth=1)
    return figure


def _name(dataset: str, rows: pd.DataFrame) -> str:
    return f"{set_name(dataset)}\nn={', '.join(dict.fromkeys(rows['repeats']))}"
