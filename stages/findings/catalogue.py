"""The report's figures: their files, in the page's order, with the tables each is drawn from.

A figure `NAME` is drawn by the function of that name in stages/findings/plots.py, or the module it names, into
reports/figures/NAME.svg; an `optional` one is left out where its first table has no rows. A table `NAME` is
reports/tables/NAME.csv; `benchmarks/NAME` is reports/benchmarks/NAME.csv, which `make bench` writes and which need not
be there: then the figures drawn from it are left out. `samples/NAME` is gathered from reports/samples/
(see samples.py), and left out in the same way.
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
    optional: bool = False

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
    """The figures that are to be drawn, with the benchmarks, samples and rows that there are."""
    there, measured = {*benchmarks(reports), *samples.there(reports)}, {*BENCHMARKS, *samples.FILES}
    known = [figure for figure in FIGURES if there.issuperset(measured.intersection(figure.tables))]
    return [figure for figure in known if not (figure.optional and _is_empty(reports / source(figure.tables[0])))]


def _is_empty(table: Path) -> bool:
    """Whether a table is there and holds a header alone."""
    return table.is_file() and len(table.read_text(encoding="utf-8").splitlines()) < 2


_CURVES = (
    "Training (solid) and validation (dotted) NLL of the chosen nets against {}, clean weights, in the manner of the "
    "paper's Figures 2 and 3: medians over repeats, with bands from the lowest repeat to the highest, or, from "
    "`compare.band_repeats` repeats on, between the quantiles of `compare.band_quantile`; with one repeat, its curve. "
    "After its last epoch a net is carried on at its best epoch's values, those of the weights that are kept; a hollow "
    "mark shows where the median net stops. A logarithmic axis leaves out the steep first epochs."
)
_CURVES_ALTERNATIVE = (
    "Learning curves: median training and validation NLL with bands over repeats against {}, a panel per dataset, a "
    "colour and marker per unit."
)

FIGURES = (
    Figure(
        "answer",
        ("gaps",),
        "How far each unit's test NLL is above the GRU's (right of zero: worse than the GRU), with intervals over "
        "repeats and pieces, over pieces alone where n=1. Small hollow marks: the same gaps between the paper's single "
        "runs, where the music is the same or another edition of it.",
        "Forest plot of test NLL relative to the GRU: a panel for music and one for speech, a row per dataset, a mark "
        "per unit.",
        "answer_plots",
        optional=True,
    ),
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
        "Differences in test NLL between units, with intervals over repeats and pieces (thin; over pieces alone where "
        "n=1) and over repeats alone (thick): left of zero the unit named first is better.",
        "Forest plot of paired differences in test NLL with intervals: a panel per dataset, a row per pair of units.",
    ),
    Figure(
        "optimisation",
        ("optimisation", "learning_rates"),
        "Validation NLL of the best of the nets trained at each of a few rates, one net each: in the study's protocol, "
        "with the linear decay of the authors' code, and without the paper's weight noise.",
        "Dot plot of validation NLL: a panel per dataset, a row per way of training, a colour and marker per unit.",
        "optimisation_plots",
        optional=True,
    ),
    Figure(
        "claims",
        ("claims", "comparisons", "design"),
        "The paper's claims with their verdicts: a mark is a comparison on a dataset, whose interval lies wholly where "
        "the claim has it, wholly elsewhere, or neither. Claim 8 asks of each set whether the GRU is better than "
        "the LSTM, and needs both answers. Sets in parentheses are shown beside a claim and never counted; it does not "
        "speak of those with an empty field.",
        "Grid of marks: a row per claim of the paper, a column per dataset, a mark per comparison by its verdict.",
        "claim_plots",
    ),
    Figure(
        "elsewhere",
        ("robustness",),
        "Differences in test NLL between units, pooled, in the study and with one thing changed, with intervals over "
        "repeats and pieces (over pieces alone where n=1): left of zero the unit named first is better. Another "
        "edition's pieces are others than the study's.",
        "Forest plot of differences in test NLL: a panel per dataset, a group of rows per pair of units, a colour and "
        "mark per condition.",
        "robustness_plots",
        optional=True,
    ),
    Figure(
        "curves_epochs",
        ("bands", "learning_rates", "design"),
        _CURVES.format("epochs"),
        _CURVES_ALTERNATIVE.format("epochs"),
        "curve_plots",
    ),
    Figure(
        "curves_updates",
        ("bands", "learning_rates", "design"),
        _CURVES.format("updates"),
        _CURVES_ALTERNATIVE.format("updates"),
        "curve_plots",
    ),
    Figure(
        "curves_seconds",
        ("bands", "learning_rates", "design"),
        _CURVES.format("seconds (updates × the measured seconds of one net's update)"),
        _CURVES_ALTERNATIVE.format("seconds"),
        "curve_plots",
    ),
    Figure(
        "learning_rates",
        ("learning_rates", "rate_bins", "design"),
        "Best validation NLL of every candidate against its learning rate: ringed marks were chosen, lines run through "
        "the medians of even bins of the logarithm with at least three candidates. The axis fits the best 60% "
        "of a panel's candidates; small marks above it, a lane a unit, are those beyond it, hollow ones diverged.",
        "Scatter plot of validation NLL against learning rate: a panel per dataset, a colour and marker per unit.",
        "tuning_plots",
    ),
    Figure(
        "gradients",
        ("gradients", "memory", "design"),
        "How a loss reaches back: the norm of one step's loss gradient with respect to the net's state some steps "
        "before, over that at the step itself; a line that falls fast is a unit that learns nothing from far back. "
        "Lines are geometric means over cases and repeats, shades the middle 80% of the trained nets' cases (one piece "
        "and step each); the dotted lines mark the lag at which gradients are judged and the ratio below which they "
        "have vanished. A logarithmic axis, cut off at ten powers of ten.",
        "Line plots of the gradient's norm against lag: a panel per dataset, a colour and marker per unit, trained "
        "solid and untrained dashed.",
        "memory_plots",
    ),
    Figure(
        "gates",
        ("gates", "memory", "design"),
        "What the gates do: mean value of every gate, with its interval over repeats, and a broad pale line over the "
        "middle 80% of its values (all units and steps). An LSTM keeps the share f of its memory at a step, a GRU the "
        "share 1 − z of its state.",
        "Dot plot of gate values: a panel per dataset, a row per gate, filled for trained and hollow for untrained "
        "nets.",
        "memory_plots",
    ),
    Figure(
        "half_lives",
        ("memory", "gates", "design"),
        "How long something counts: the lag at which an input's influence on the loss has fallen below half of that at "
        "lag 0, and the steps in which a unit that keeps its mean share of its state has lost half of it (the "
        "median unit, and the 90th percentile of units). Intervals over repeats; a logarithmic axis, arrows beyond it.",
        "Dot plot of half-lives in steps: a panel per dataset, rows for inputs and units, filled for trained and "
        "hollow for untrained nets.",
        "memory_plots",
    ),
    Figure(
        "speed",
        ("benchmarks/speed",),
        "How many times faster than torch.nn with one trial after another (the line at 1) a trial's epoch is trained: "
        "marks are medians over rounds, lines run from the lowest round to the highest. A logarithmic axis.",
        "Dot plot of speed relative to torch.nn: a panel per dataset and batch size, a row per unit, a mark per way of "
        "training.",
        "speed_plots",
    ),
    Figure(
        "scaling",
        ("benchmarks/scaling",),
        "Microseconds a trial and time step of one sequence, as one size grows and the others stay: the population "
        "compiled (solid) and in plain torch (dotted); faint and dashed, the same arithmetic at the peak rate of "
        "multiply-adds in the processor's registers. Logarithmic axes.",
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
