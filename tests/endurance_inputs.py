"""Reads thousands of damaged files of every format, half of them whole; the figures go to reports/benchmarks.

    make endurance-inputs                          10,000 cases a format, about so many minutes as formats
    python tests/endurance_inputs.py 1000
    python tests/endurance_inputs.py 10000 mat npz   these formats; the others' figures stay as they are

What must be true of each reading stands in tests/corpora/hostile.py; the first case that breaks it ends the run.
"""

import csv
import sys
from dataclasses import asdict
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parent / "corpora"))

from hostile import FORMATS, bounded  # noqa: E402

CASES = 10_000
FIGURES = Path(__file__).parents[1] / "reports/benchmarks/endurance_inputs.csv"


def main() -> None:
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else CASES
    for name in sys.argv[2:] or FORMATS:
        begun = monotonic()
        outcome = asdict(bounded(name, cases))
        outcome["slowest"] = round(outcome["slowest"], 2)
        print(
            ", ".join(f"{key} {value}" for key, value in outcome.items()), f"in {monotonic() - begun:.0f} s", flush=True
        )
        if cases >= CASES:
            write(outcome)


def write(outcome: dict) -> None:
    """Puts a format's row in its place among those there are."""
    rows = {}
    if FIGURES.exists():
        with FIGURES.open(newline="") as file:
            rows = {row["format"]: row for row in csv.DictReader(file)}
    rows[outcome["format"]] = outcome
    with FIGURES.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(outcome))
        writer.writeheader()
        writer.writerows(rows[name] for name in FORMATS if name in rows)


if __name__ == "__main__":
    main()
