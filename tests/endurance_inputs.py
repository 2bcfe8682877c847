"""Reads thousands of damaged files of every format, half of them whole; the figures go to reports/benchmarks.

    make endurance-inputs           10,000 cases a format, about so many minutes as formats
    python tests/endurance_inputs.py 1000

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
    cases, rows = int(sys.argv[1]) if len(sys.argv) > 1 else CASES, []
    for name in FORMATS:
        begun = monotonic()
        outcome = asdict(bounded(name, cases))
        outcome["slowest"] = round(outcome["slowest"], 2)
        rows.append(outcome)
        print(
            ", ".join(f"{key} {value}" for key, value in outcome.items()), f"in {monotonic() - begun:.0f} s", flush=True
        )
    if cases >= CASES:
        with FIGURES.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
