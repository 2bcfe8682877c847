"""The report's figures: their files, in the page's order, with the tables each is drawn from.

A figure `NAME` is drawn by the function of that name in stages/findings/plots.py, or the module it names, into
reports/figures/NAME.svg. A table `NAME` is reports/tables/NAME.csv; `benchmarks/NAME` is reports/benchmarks/NAME.csv,
which `make bench` writes and which need not be there: then the figures drawn from it are left out. `samples/NAME` is
gathered from reports/samples/ (see samples.py), and left out in the same way.
"""

from dataclasses import dataclass
from pathlib import Path

from stages.findings import samples

BENCHMARKS = ("benchmarks/machine", "benchmarks/speed", "benchmarks/targets", "benchmarks/scaling")


@dataclass(frozen=True)
class Figure:
    """A figure's name, the tables it reads, the words under it, and the words for those who cannot see it."""

    name: str
    tables: tuple[str, ...]
    caption: str
    alternative: str
    module: str = "plots"

    @property
    def file(self) -> str:
        return f"{self.name}.svg"


def source(table: str) -> str:
    """A table's file, within reports/, or the pattern of its files."""
    if table in samples.FILES:
        return f"samples/*/*/{samples.FILES[table]}"
    return f"{table}.csv" if table in BENCHMARKS else f"tables/{table}.csv"


def benchmarks(reports: Path) -> tuple[str, ...]:
    """The tables of `make bench`, all or none: where one of them is there the others must be."""
    return BENCHMARKS if any((reports / source(table)).is_file() for table in BENCHMARKS) else ()


def drawn(reports: Path) -> list[Figure]:
    """The figures that are to be drawn, with the benchmarks and samples that there are."""
    there, optional = {*benchmarks(reports), *samples.there(reports)}, {*BENCHMARKS, *samples.FILES}
    return [figure for figure in FIGURES if there.issuperset(optional.intersection(figure.tables))]


_CURVES = (
    "Training (solid) and validation (dotted) NLL of the chosen nets against {}, one line a repeat, clean weights; "
    "in the manner of the paper's Figures 2 and 3. A logarithmic axis leaves out the steep first epochs."
)
_CURVES_ALTERNATIVE = (
    "Learning curves: training and validation NLL against {}, a panel per dataset, a colour and marker per unit."
)

FIGURES = (
    Figure(
        "test_nll",
        ("summary", "results", "baselines", "design"),
        "Test NLL, nats per step, pooled over steps: large marks are means over repeats with their intervals, small "
        "ones below them the repeats; hollow diamonds above are the paper's single runs (where the data are the same "
        "or another edition of the same music); crosses and arrows are baselines, within the axis and beyond it.",
        "Dot plot of test NLL: a panel per dataset, a row per unit and baseline.",
    ),
    Figure(
        "differences",
        ("differences", "design"),
        "Differences in test NLL between units, with intervals over repeats and pieces (over pieces alone where n=1): "
        "left of zero the unit named first is better.",
        "Forest plot of paired differences in test NLL with intervals: a panel per dataset, a row per pair of units.",
    ),
    Figure(
        "curves_epochs",
        ("curves", "design"),
        _CURVES.format("epochs"),
        _CURVES_ALTERNATIVE.format("epochs"),
    ),
    Figure(
        "curves_updates",
        ("curves", "design"),
        _CURVES.format("updates"),
        _CURVES_ALTERNATIVE.format("updates"),
    ),
    Figure(
        "curves_seconds",
        ("curves", "design"),
        _CURVES.format("seconds (updates × the measured seconds of one net's update)"),
        _CURVES_ALTERNATIVE.format("seconds"),
    ),
    Figure(
        "learning_rates",
        ("learning_rates", "design"),
        "Best validation NLL of every candidate against its learning rate; ringed marks were chosen, hollow marks at "
        "the top diverged.",
        "Scatter plot of validation NLL against learning rate: a panel per dataset, a colour and marker per unit.",
    ),
    Figure(
        "speed",
        ("benchmarks/speed",),
        "How many times faster than torch.nn with one trial after another (the line at 1) a trial's epoch is trained: "
        "marks are medians over rounds, lines run from the lowest round to the highest. A logarithmic axis.",
        "Dot plot of speed relative to torch.nn: a panel per dataset, a row per unit, a mark per way of training.",
        "speed_plots",
    ),
    Figure(
        "scaling",
        ("benchmarks/scaling",),
        "Microseconds a trial and time step of one sequence, as one size grows and the others stay: the population "
        "compiled (solid) and in plain torch (dotted); faint and dashed, the same arithmetic at the rate of the "
        "machine's matrix products. Logarithmic axes.",
        "Line plots of the time a step takes against the number of trials, the batch size, the steps of a sequence and "
        "the units: a panel per size, a colour and marker per unit.",
        "speed_plots",
    ),
    Figure(
        "piano_rolls",
        ("samples/facts", "samples/notes"),
        "The same beginning of a test piece (grey ground), as it goes on in truth and as each unit's best net goes on "
        "by itself. A bar is a note; those more than an octave outside the real piece are drawn at the edge.",
        "Piano rolls: a panel per dataset, in it one roll above another, the real piece first, then one per unit.",
        "sample_plots",
    ),
    Figure(
        "spectrograms",
        ("samples/facts", "samples/spectrograms"),
        "Spectrograms of a test recording, as far as its sequence goes, and of what each unit's best net makes of the "
        "same beginning, which ends at the white line.",
        "Spectrograms: a panel per dataset, in it one above another, the real recording first, then one per unit.",
        "sample_plots",
    ),
)
