"""The report's figures: their files, in the page's order, with the tables each is drawn from.

A figure `NAME` is drawn by the function of that name in stages/findings/plots.py into reports/figures/NAME.svg.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure's name, the tables it reads, the words under it, and the words for those who cannot see it."""

    name: str
    tables: tuple[str, ...]
    caption: str
    alternative: str

    @property
    def file(self) -> str:
        return f"{self.name}.svg"


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
)
