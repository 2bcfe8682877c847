"""A reader's own runs beside the committed ones: the numbers, what a difference of their size means, a picture.

The study's numbers are those of reports/tables. The reader's are one run or a few, so what they can tell is bounded by
the spread between runs of one unit, which the committed repeats give.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.findings.plots.progress import STEEP
from stages.plumbing.errors import InputError
from stages.presentation.style import cell_styles, legend, mark, nll_axis, panels
from stages.presentation.wording import cell_name, interval, number

TABLES = Path("reports/tables")
DEVIATIONS = 2  # standard deviations of chance that a difference must exceed to mean anything


@dataclass(frozen=True)
class Unit:
    """A committed unit on a dataset: test NLLs of repeats that have one, nats per step, and their interval."""

    cell: str
    runs: tuple[float, ...]
    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{cell_name(self.cell)} {self.number()}"

    def number(self) -> str:
        """8.67 [8.64, 8.69], or the mean alone where there is no interval."""
        return interval(self.mean, self.low, self.high) or "diverged"


def committed(dataset: str, tables: Path = TABLES) -> list[Unit]:
    """The units that the study has on a dataset, the best first; none where it has no such dataset, or no tables yet.

    Raises:
        InputError: the tables are not those that `compare` writes.
    """
    if not tables.exists():
        return []
    results, summary = read("results", tables), read("summary", tables)
    try:
        runs = results[results["dataset"] == dataset].groupby("cell")["test_nll"].apply(lambda nll: tuple(nll.dropna()))
        of = (summary["dataset"] == dataset) & (summary["split"] == "test") & (summary["averaging"] == "pooled")
        units = [
            Unit(row.cell, runs[row.cell], row.nll_mean, row.nll_low, row.nll_high)
            for row in summary[of].itertuples()
            if row.cell in runs
        ]
    except (KeyError, AttributeError) as error:
        raise InputError(f"{tables}: results.csv or summary.csv lacks {error}; `git restore {tables}`") from None
    return sorted(units, key=lambda unit: (not unit.runs, unit.mean))


def read(name: str, tables: Path = TABLES) -> pd.DataFrame:
    """A committed table by name.

    Raises:
        InputError: it is missing or no table.
    """
    path = tables / f"{name}.csv"
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; it comes with the project: `git restore {path}`") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a table ({error}); `git restore {path}`") from None


def spread(units: list[Unit]) -> float:
    """Standard deviation between single runs of one unit, pooled over the units; NaN where none has two runs."""
    repeated = [unit.runs for unit in units if len(unit.runs) > 1]
    squares = sum((len(runs) - 1) * np.var(runs, ddof=1) for runs in repeated)
    return math.sqrt(squares / sum(len(runs) - 1 for runs in repeated)) if repeated else math.nan


def threshold(units: list[Unit], runs: int) -> float:
    """The difference between the mean of so many runs and a committed mean below which chance alone explains it."""
    counts = [len(unit.runs) for unit in units if unit.runs]
    if not counts:
        return math.nan
    return DEVIATIONS * spread(units) * math.sqrt(1 / runs + 1 / min(counts))


def meaning(units: list[Unit], runs: int) -> str:
    """One sentence on what a difference of some size means."""
    if not units:
        return "The study has no runs of this dataset to set beside it."
    if math.isnan(limit := threshold(units, runs)):
        return "The study has one run a unit here: how much runs differ by chance is not known, and no gap is sure."
    with_runs = "one run" if runs == 1 else f"{runs} runs"
    return (
        f"Runs of one unit differ by {number(spread(units))} nats (standard deviation of the study's own): with "
        f"{with_runs}, nothing below {number(limit)} nats means anything."
    )


def cost(curves: pd.DataFrame, epochs: int) -> float:
    """How far a repeat's best validation NLL within so many epochs is above its best of all, in the mean of repeats.

    Args:
        curves: of all candidates of a unit: repeat, epoch, valid_nll.
    """
    best = curves.groupby("repeat")["valid_nll"].min()
    early = curves[curves["epoch"] <= epochs].groupby("repeat")["valid_nll"].min()
    return float((early - best).mean())


def verdict(cell: str, own: list[float], units: list[Unit]) -> list[str]:
    """The reader's cell beside the committed units, each named better, worse or not to be told apart."""
    mean = float(np.mean(own)) if own else math.nan
    if math.isnan(mean):
        return [f"{cell_name(cell)}: no test NLL, as every candidate diverged; {'; '.join(map(str, units))}"]
    lines = [f"{cell_name(cell)} {number(mean)}" + (f"; {', '.join(map(str, units))}" if units else "")]
    lines.append(meaning(units, len(own)))
    limit = threshold(units, len(own))
    groups: dict[str, list[str]] = {"better than": [], "not to be told from": [], "worse than": []}
    for unit in [unit for unit in units if unit.runs] if not math.isnan(limit) else []:
        gap = mean - unit.mean
        kind = "not to be told from" if abs(gap) < limit else "better than" if gap < 0 else "worse than"
        groups[kind].append(cell_name(unit.cell))
    if told := [f"{kind} {' and '.join(names)}" for kind, names in groups.items() if names]:
        lines.append(f"So far {cell_name(cell)} is {'; '.join(told)}.")
    return lines


def side_by_side(own: dict[str, list[float]], units: list[Unit], budgets: list[str]) -> str:
    """A table, a row a unit: the reader's mean test NLL, the study's, and the gap; `budgets` head the two columns."""
    rows, by_cell = [], {unit.cell: unit for unit in units}
    for cell in [*own, *(unit.cell for unit in units if unit.cell not in own)]:
        mean = float(np.mean(own[cell])) if own.get(cell) else math.nan
        unit = by_cell.get(cell)
        gap = number(mean - unit.mean) if unit else ""
        ours = number(mean) or ("diverged" if cell in own else "")
        rows.append([cell_name(cell), ours, unit.number() if unit else "", gap])
    return _plain(["test NLL, nats per step", *budgets, "difference"], rows)


def _plain(header: list[str], rows: list[list[str]]) -> str:
    """A table for a terminal: columns padded with spaces."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    )


def pictured(own: dict[str, pd.DataFrame], dataset: str, tables: Path = TABLES, narrow: bool = False) -> Figure:
    """The reader's validation curves over the committed units' bands, as far as the reader's nets trained.

    Args:
        own: unit → its curves, a row per chosen trial and epoch: repeat, epoch, valid_nll.
    """
    last = max(curves["epoch"].max() for curves in own.values())
    bands = read("bands", tables) if tables.exists() else pd.DataFrame(columns=["dataset", "cell", "epoch"])
    bands = bands[(bands["dataset"] == dataset) & (bands["epoch"] <= last)]
    styles = cell_styles([*dict.fromkeys(bands["cell"]), *own])
    figure, (ax,) = panels([""], narrow, row_height=4.2)
    late = []
    for name, rows in bands.groupby("cell", sort=False):
        colour = styles[name].colour
        ax.fill_between(rows["epoch"], rows["valid_low"], rows["valid_high"], color=colour, alpha=0.2, linewidth=0)
        ax.plot(rows["epoch"], rows["valid_median"], "--", color=colour, linewidth=1.2)
        late.append(rows.loc[rows["epoch"] > STEEP * last, ["valid_median", "valid_low"]].to_numpy(float).ravel())
    for name, curves in own.items():
        look = styles[name]
        for _, rows in curves.groupby("repeat"):
            ax.plot(rows["epoch"], rows["valid_nll"], color=look.colour, linewidth=2.4)
            best = rows.loc[rows["valid_nll"].idxmin()]
            ax.plot(best["epoch"], best["valid_nll"], look.marker, color=look.colour, mfc="white", markersize=8)
        late.append(curves.loc[curves["epoch"] > STEEP * last, "valid_nll"].to_numpy(float))
    ax.set_xlabel("epochs")
    ax.set_xlim(0, last)
    nll_axis(ax, np.concatenate(late), "validation NLL, nats per step")
    kinds = [Line2D([], [], color="black", linewidth=2.4, label="yours (mark: best epoch)")]
    if len(bands):
        kinds.append(Line2D([], [], color="black", linewidth=1.2, linestyle="--", label="the study, with its spread"))
    legend(figure, [*map(mark, styles.values()), *kinds])
    return figure
