"""Compares the runs of the design: tables of results, intervals, differences and the paper's claims.

    python -m stages.compare        models/, measured/, data/published_results.csv, reports/studies/ → reports/tables/

Enumerates the datasets and cells of params.yaml and stops with the list of what is missing.
"""

import argparse
from pathlib import Path

import pandas as pd

from stages.findings.against_paper import against_paper_table
from stages.findings.bands import bands_table
from stages.findings.batch_sizes import Study, batch_sizes_table
from stages.findings.claims import build, claims_table, comparisons_table
from stages.findings.design import SETTINGS, read_comparison, read_design, read_protocol, read_second_arm, require
from stages.findings.deviations import deviations_table
from stages.findings.differences import differences_table
from stages.findings.distances import distances_table
from stages.findings.evidence import Evidence, Rules
from stages.findings.gaps import gaps_table
from stages.findings.memory_records import read_memories
from stages.findings.memory_tables import gates_table, gradients_table, memory_table
from stages.findings.milestones import milestones_table
from stages.findings.optimisation import optimisation_table
from stages.findings.records import read_arm, read_baselines, read_leakage, read_runs
from stages.findings.rivals import read_published, rivals
from stages.findings.robustness import arms_table, conditions, leakage_table, robustness_table
from stages.findings.single_runs import single_runs_table
from stages.findings.standings import standings_table
from stages.findings.statistics import Resampling
from stages.findings.tables import (
    curves_table,
    design_table,
    halving_table,
    learning_rates_table,
    parameters_table,
    preliminary,
    progress_table,
    protocol_table,
    results_table,
    summary_table,
)
from stages.findings.tuning import best_of_table, rate_bins_table, tuning_table
from stages.plumbing.errors import run
from stages.plumbing.files import whole
from stages.plumbing.parameters import read, section

LEAKAGE = Path("stages/scoring/settings.yaml")
TABLES = Path("reports/tables")


def compare() -> dict[str, pd.DataFrame]:
    """Every table by its file's name.

    Raises:
        InputError: a file of the design is missing or does not fit params.yaml.
    """
    design, comparison, rules = read_design(), read_comparison(), section("claims", Rules)
    second_arm = read_second_arm(design)
    require(design, second_arm)
    runs = read_runs(design, read("matching.mode"))
    arm, leakage = read_arm(second_arm, design, runs), read_leakage(design, runs)
    memories = read_memories(runs)
    published = read_published()
    resampling = Resampling(comparison.resamples, comparison.confidence, comparison.seed)
    evidence = Evidence(runs, rules, resampling, preliminary(design, comparison, runs), memories)
    claims = build(evidence)
    summary = summary_table(runs, comparison, published, resampling)
    elsewhere = conditions(evidence, design, comparison.counterparts, leakage, arm)
    heard, train = read("leakage", LEAKAGE), read_protocol()
    low, high = train["learning_rate_log_low"], train["learning_rate_log_high"]
    outputs = {dataset: run.info["output"] for (dataset, _), run in runs.items()}
    results, baselines = results_table(runs), read_baselines(design)
    published_here = rivals(published, comparison.counterparts, list(design.datasets))
    designed = design_table(design, comparison, runs, arm)
    tables = {
        "design": designed,
        "protocol": protocol_table(train),
        "deviations": deviations_table(design, comparison, outputs, train),
        "parameters": parameters_table([*runs.values(), *(run for key, run in arm.items() if run is not runs[key])]),
        "results": results,
        "summary": summary,
        "against_paper": against_paper_table(summary, designed),
        "gaps": gaps_table(evidence, design, comparison, summary),
        "distances": distances_table(summary, results, comparison),
        "differences": differences_table(evidence, design, comparison),
        "single_runs": single_runs_table(evidence, design, comparison),
        "progress": progress_table(evidence, design),
        "milestones": milestones_table(evidence, design, comparison, baselines),
        "claims": claims_table(claims, evidence, design, comparison.counterparts),
        "comparisons": comparisons_table(claims),
        "baselines": baselines,
        "rivals": published_here,
        "standings": standings_table(design, runs, summary, baselines, published_here),
        "halving": halving_table(design, runs, resampling),
        "learning_rates": learning_rates_table(runs),
        "tuning": tuning_table(runs, comparison, train, resampling),
        "best_of": best_of_table(runs, comparison, resampling),
        "rate_bins": rate_bins_table(runs, comparison, train),
        "curves": curves_table(runs),
        "bands": bands_table(runs, comparison),
        "robustness": robustness_table(evidence, design, elsewhere),
        "leakage": leakage_table(runs, leakage, heard["window"], heard["pitches"], resampling),
        "arms": arms_table(runs, arm, second_arm, resampling),
        "optimisation": optimisation_table(),
        "batch_sizes": batch_sizes_table(section("batch_sizes", Study, SETTINGS), low, high),
        "gradients": gradients_table(memories, resampling),
        "memory": memory_table(memories, resampling),
        "gates": gates_table(memories, resampling),
    }
    return tables


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    for name, table in compare().items():
        with whole(TABLES / f"{name}.csv") as path:
            table.to_csv(path, index=False, float_format="%.6g")


if __name__ == "__main__":
    run(main)
