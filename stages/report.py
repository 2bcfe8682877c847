"""Sets the tables and figures on a page.

python -m stages.report             reports/tables, benchmarks, figures, samples → README.md, index.html, summary.md
python -m stages.report --print     prints the small result table and the report's path, and writes nothing
"""

import argparse
from pathlib import Path

import pandas as pd

from stages.findings import pages, samples
from stages.findings.catalogue import benchmarks, drawn, source
from stages.findings.text_tables import plain
from stages.plumbing.errors import InputError, run
from stages.plumbing.files import whole
from stages.plumbing.parameters import read

REPORTS = Path("reports")
SETTINGS = Path("stages/findings/settings.yaml")
# Columns to read as they are written; those of the design and of comparisons may be empty without being missing.
TEXT = {
    "design": ["paper_dataset", "data", "device"],
    "halving": ["rungs"],
    "standings": ["parameters"],
    "batch_sizes": ["edge"],
    "comparisons": ["asked", "repeats", "note"],
    "benchmarks/machine": ["value"],
}
# results and curves are shown by figures alone
NAMES = (
    "design,protocol,deviations,parameters,summary,gaps,against_paper,optimisation,distances,differences,single_runs,"
    "progress,milestones,claims,comparisons,baselines,standings,halving,learning_rates,tuning,best_of,robustness,"
    "leakage,arms,batch_sizes,memory,gates"
).split(",")


def read_tables() -> pages.Tables:
    """The tables that the pages render, by name.

    Raises:
        InputError: a table or figure is missing; the message lists all that are.
    """
    paths = {name: REPORTS / source(name) for name in [*NAMES, *benchmarks(REPORTS)]}
    expected = [*paths.values(), *(REPORTS / "figures" / figure.file for figure in drawn(REPORTS))]
    if lacking := [str(path) for path in expected if not path.is_file()]:
        raise InputError(f"missing: {', '.join(lacking)}; run `dvc repro figures`, or `make bench` for benchmarks")
    tables = {name: pd.read_csv(path, dtype=dict.fromkeys(TEXT.get(name, []), str)) for name, path in paths.items()}
    for name in ("design", "comparisons"):
        tables[name] = tables[name].fillna(dict.fromkeys(TEXT[name], ""))
    return tables | samples.read(REPORTS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--print", action="store_true", help="print the result table and write nothing")
    arguments = parser.parse_args()
    tables = read_tables()
    if arguments.print:
        print(plain(*pages.result_table(tables)))
        print(f"test NLL, nats per step, pooled; the report: {(REPORTS / 'index.html').as_posix()}")
        return
    confidence = read("compare.confidence", SETTINGS)
    page = pages.markdown(tables, confidence, read("compare.halving_loss", SETTINGS))
    written = {
        "README.md": page,
        "index.html": pages.html(page, REPORTS / "figures"),
        "summary.md": pages.summary_page(tables, confidence),
    }
    for name, text in written.items():
        with whole(REPORTS / name) as path:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main)
