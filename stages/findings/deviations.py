"""Where this study departs from the paper, or had to choose because the paper is silent, with the values in force."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from stages.findings.design import Comparison, Design

COLUMNS = ["topic", "kind", "paper", "here", "reason"]
SILENT, DIFFERENT, BEYOND = "not stated", "different", "beyond the paper"


def deviations_table(
    design: Design, comparison: Comparison, outputs: Mapping[str, str], train: Mapping[str, Any]
) -> pd.DataFrame:
    """deviations.csv: a row per departure or choice: what the paper says, what is done here, and why.

    Args:
        outputs: dataset → its kind of output.
        train: `train` of params.yaml.
    """
    paper = {dataset: comparison.budgets[output] for dataset, output in outputs.items()}
    rows = [
        [
            "repeats",
            BEYOND,
            "one run of each unit, without a seed",
            by_dataset(design, lambda d: f"{design.datasets[d].repeats}"),
            "the spread between runs; each repeat is the whole protocol anew",
        ],
        [
            "speech data",
            DIFFERENT,
            "two corpora that were never public",
            "Free Spoken Digit recordings cut to the same numbers and lengths",
            "the order of the units can be compared, the numbers cannot",
        ],
        [
            "candidate learning rates a repeat",
            DIFFERENT,
            "10",
            by_dataset(design, lambda d: f"{design.datasets[d].candidates}"),
            "the machine's time, where there are fewer",
        ],
        [
            "epochs at most",
            SILENT,
            "figures run to 500 epochs, on speech to about 1,000",
            by_dataset(design, lambda d: f"{design.datasets[d].max_epochs}"),
            "the machine's time, where there are fewer",
        ],
        [
            "sequences an update",
            SILENT,
            "authors' code: one",
            by_dataset(design, lambda d: f"{design.datasets[d].batch_size}"),
            "measured on JSB Chorales and Nottingham: see the section on batch size",
        ],
        [
            "stopping",
            SILENT,
            "early, by validation",
            f"after {train['patience']} epochs without a better validation NLL; the best epoch's weights are kept",
            "a common rule; the same for all units",
        ],
        [
            "learning-rate schedule",
            SILENT,
            "none stated; authors' code: linear decay to 1 % over 500 epochs",
            "none",
            "the text describes a search for one rate and early stopping; what a decay changes was measured apart",
        ],
        [
            "learning-rate range",
            SILENT,
            "log-uniform between −12 and −6, base not stated",
            f"exp(U({train['learning_rate_log_low']:g}, {train['learning_rate_log_high']:g}))".replace("-", "−"),
            "base 10 would leave out the 1e-3 of the authors' code; all units of a repeat get the same draws",
        ],
        [
            "RMSProp",
            SILENT,
            "constants not stated; authors' code as here",
            f"decay {train['rmsprop_decay']:g}, direction g / max(√s, {train['rmsprop_floor']:g}), "
            f"momentum {train['momentum']:g}",
            "the authors' code; its floor makes this nearly momentum SGD",
        ],
        [
            "gradient norm",
            DIFFERENT,
            f"rescaled to {train['gradient_norm']:g} when above; authors' code: off",
            f"rescaled to {train['gradient_norm']:g} when above, over all of a net's weights",
            "the paper's text is followed where its code differs",
        ],
        [
            "weight noise",
            SILENT,
            f"Gaussian, deviation {train['weight_noise']:g}; which weights is not stated",
            "on W and U of the recurrent layer, one draw an update; none when a net is scored",
            "the authors' code for the weights; it leaves the noise on in validation",
        ],
        [
            "initial weights",
            SILENT,
            "authors' code: as here; peepholes not stated",
            f"U(−{train['initial_range']:g}, {train['initial_range']:g}), recurrent matrices orthogonal, biases and "
            "peepholes 0",
            "the authors' code",
        ],
        [
            "mixture",
            SILENT,
            "20 Gaussians over 10 samples, covariance not stated",
            "diagonal covariance with a variance floor",
            "the fewest assumptions beyond the count",
        ],
        [
            "units",
            SILENT,
            "Table 1, for no data set's own number of inputs",
            "solved at a nominal 100 inputs, the same on every music set",
            "gives Table 1 exactly",
        ],
        [
            "average",
            SILENT,
            "“average negative log-probability”",
            "pooled over steps, and beside it the mean over sequences",
            "they differ by more than the units do",
        ],
    ]
    speech = any(output == "gaussian_mixture" for output in outputs.values())
    less = {
        "candidate learning rates a repeat": any(design.datasets[d].candidates < paper[d].candidates for d in outputs),
        "speech data": speech,
        "mixture": speech,
    }
    return pd.DataFrame([row for row in rows if less.get(row[0], True)], columns=COLUMNS)


def by_dataset(design: Design, value: Callable[[str], str]) -> str:
    """One value where all datasets share it, else each value with its datasets."""
    groups: dict[str, list[str]] = {}
    for dataset in design.datasets:
        groups.setdefault(value(dataset), []).append(dataset)
    if len(groups) == 1:
        return next(iter(groups))
    return "; ".join(f"{found}: {', '.join(datasets)}" for found, datasets in groups.items())
