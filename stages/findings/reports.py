"""Reads back what was compared, measured and sampled: all that figures are drawn from and pages are made of."""

import pandas as pd

from stages.findings.declare import REPORTS, Frames
from stages.findings.tables import every
from stages.plumbing.errors import InputError
from stages.presentation import samples

BENCHMARKS = ("machine", "speed", "targets")  # what `make bench` writes; need not be there


def read_frames() -> Frames:
    """Every table of reports/tables by its name, `benchmarks/NAME` and `samples/NAME` where they are.

    Raises:
        InputError: a table or sample is missing, or benchmarks are there in part; the message lists them.
    """
    tables = every()
    paths = {f"benchmarks/{name}": REPORTS / "benchmarks" / f"{name}.csv" for name in BENCHMARKS}
    if not any(path.is_file() for path in paths.values()):
        paths = {}
    expected = [*(table.path for table in tables.values()), *paths.values()]
    if lacking := [str(path) for path in expected if not path.is_file()]:
        raise InputError(f"missing: {', '.join(lacking)}; run `dvc repro compare`, or `make bench` for benchmarks")
    frames = {name: table.read() for name, table in tables.items()}
    measured = {
        name: pd.read_csv(path, dtype={"value": str} if "machine" in name else None) for name, path in paths.items()
    }
    return frames | measured | samples.read(REPORTS)
