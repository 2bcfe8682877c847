"""Compares the runs of the design: tables of results, intervals, differences and the paper's claims.

    python -m stages.compare        models/, data/published_results.csv → reports/tables/*.csv, reports/metrics.json

Enumerates the datasets and cells of params.yaml and stops with the list of what is missing.
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from stages.findings.claims import Evidence, Rules, claims_table
from stages.findings.design import read_comparison, read_design, require
from stages.findings.memory_records import read_memories
from stages.findings.memory_tables import gates_table, gradients_table, memory_table
from stages.findings.records import read_baselines, read_runs
from stages.findings.rivals import read_published, rivals
from stages.findings.statistics import Resampling
from stages.findings.tables import (
    curves_table,
    design_table,
    differences_table,
    halving_table,
    learning_rates_table,
    metrics,
    parameters_table,
    preliminary,
    progress_table,
    protocol_table,
    results_table,
    summary_table,
)
from stages.plumbing.command import run
from stages.plumbing.files import whole
from stages.plumbing.params import read, section

TABLES = Path("reports/tables")
METRICS = Path("reports/metrics.json")


def compare() -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, float | None]]]:
    """Every table by its file's name, and the metrics.

    Raises:
        InputError: a file of the design is missing or does not fit params.yaml.
    """
    design, comparison, rules = read_design(), read_comparison(), section("claims", Rules)
    require(design)
    runs = read_runs(design, read("matching.mode"))
    memories = read_memories(runs)
    published = read_published()
    resampling = Resampling(comparison.resamples, comparison.confidence, comparison.seed)
    evidence = Evidence(runs, rules, resampling, preliminary(design, comparison, runs), memories)
    summary = summary_table(runs, comparison, published, resampling)
    tables = {
        "design": design_table(design, comparison, runs),
        "protocol": protocol_table(read("train")),
        "parameters": parameters_table(runs),
        "results": results_table(runs),
        "summary": summary,
        "differences": differences_table(evidence, design),
        "progress": progress_table(evidence, design),
        "claims": claims_table(evidence, design, comparison.counterparts),
        "baselines": read_baselines(design),
        "rivals": rivals(published, comparison.counterparts, list(design.datasets)),
        "halving": halving_table(design, runs, resampling),
        "learning_rates": learning_rates_table(runs),
        "curves": curves_table(runs),
        "gradients": gradients_table(memories, resampling),
        "memory": memory_table(memories, resampling),
        "gates": gates_table(memories, resampling),
    }
    return tables, metrics(summary)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    tables, scores = compare()
    for name, table in tables.items():
        with whole(TABLES / f"{name}.csv") as path:
            table.to_csv(path, index=False, float_format="%.6g")
    with whole(METRICS) as path:
        path.write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
