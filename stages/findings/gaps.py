"""How far every unit is behind one of them, beside the paper's gaps: the study's answer in one table and figure."""

import itertools

import pandas as pd

from stages.findings.design import Comparison, Design
from stages.findings.evidence import Evidence

COLUMNS = (
    "dataset,output,data,budget,cell,reference,repeats,pieces,gap_mean,gap_low,gap_high,paper_gap,paper_dataset"
).split(",")


def reference_of(design: Design, comparison: Comparison) -> str:
    """The unit the others are set against: that of params.yaml, or the design's last where it is not among them."""
    return comparison.reference if comparison.reference in design.cells else design.cells[-1]


def gaps_table(evidence: Evidence, design: Design, comparison: Comparison, summary: pd.DataFrame) -> pd.DataFrame:
    """gaps.csv: test NLL of each unit minus the reference's, pooled, nats per step; above zero the unit is worse.

    With the interval over repeats and pieces (see differences.csv) and the gap between the paper's single runs, where
    it has both. A unit or reference all of whose repeats diverged has no gap.
    """
    tested = summary[(summary["split"] == "test") & (summary["averaging"] == "pooled")]
    paper = tested.set_index(["dataset", "cell"])["paper_nll"]
    reference, rows = reference_of(design, comparison), []
    for dataset, cell in itertools.product(design.datasets, design.cells):
        if cell == reference:
            continue
        counterpart = comparison.counterparts.get(dataset)
        facts = [
            dataset,
            evidence.runs[dataset, cell].info["output"],
            counterpart.data if counterpart else "",
            "preliminary" if dataset in evidence.preliminary else "paper",
            cell,
            reference,
        ]
        stated = [paper[dataset, cell] - paper[dataset, reference], counterpart.name if counterpart else ""]
        if evidence.obstacle(dataset, cell, reference):
            rows.append([*facts, 0, None, None, None, None, *stated])
            continue
        gap = evidence.difference(dataset, cell, reference)
        repeats = min(evidence.tested(dataset, one) for one in (cell, reference))
        pieces = len(evidence.runs[dataset, cell].piece_steps)
        rows.append([*facts, repeats, pieces, gap.mean, gap.low, gap.high, *stated])
    return pd.DataFrame(rows, columns=COLUMNS).astype({"pieces": "Int64"})
