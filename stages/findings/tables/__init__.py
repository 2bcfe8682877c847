"""The tables of reports/tables/, a file a subject; every number of figures and pages is in one of them.

NLLs are in nats per step. `pooled` is the sum over all steps over their number; `per_sequence` is the mean over
sequences of each one's mean. Splits are those of the data; the test split enters through evaluation.csv only.
"""

from importlib import import_module
from pathlib import Path

from stages.findings.declare import Table, declared

SPLITS = ("train", "valid", "test")
AVERAGINGS = {"pooled": "pooled", "per_sequence": "per sequence"}


def every() -> dict[str, Table]:
    """Every table by its name, in the order of the subjects."""
    return declared(Table, lambda name: import_module(f"{__name__}.{name}"), Path(__file__).parent)


def column(split: str, averaging: str) -> str:
    """Where results hold the NLL of a split."""
    return f"{split}_nll" + ("" if averaging == "pooled" else "_per_sequence")
