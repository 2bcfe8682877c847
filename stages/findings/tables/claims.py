"""The paper's claims: a verdict each, and the comparisons it rests on."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from stages.findings.declare import table
from stages.findings.inference.claims import Claim, build, single_run_agreement
from stages.findings.inference.comparisons import Comparison
from stages.findings.study import Study
from stages.findings.wording import CONTRADICTED, VERDICTS, quantity, set_of

FEW = "too few repeats to decide"


@table(
    "claim:count source:word statement:word verdict:word evidence:word single_run_agreement",
    {
        "": "claim",
        "claim": "statement",
        "verdict": "verdict",
        "single runs": lambda row: "" if pd.isna(row.single_run_agreement) else f"{row.single_run_agreement:.0%}",
    },
)
def claims(study: Study) -> list[list]:
    """A row per claim, with its verdict and what it rests on in words."""
    return [
        [claim.number, claim.source, claim.statement, claim.verdict, _evidence(claim, study)]
        + [single_run_agreement(claim, study.evidence)]
        for claim in build(study.evidence)
    ]


def _dataset(row: Any) -> str:
    return set_of(row) if row.counted else f"{set_of(row)} (not counted)"


@table(
    "claim:count counted:flag dataset:word quantity:word unit:word asked:word repeats:word pieces:count mean low high "
    "verdict:word note:word",
    {
        "claim": "claim",
        "set": _dataset,
        "what is compared": "quantity",
        "claimed": "asked",
        "n": "repeats",
        "pieces": "pieces",
        "found": lambda row: quantity(row.unit, row.mean, row.low, row.high),
        "verdict": "verdict",
        "note": "note",
    },
)
def comparisons(study: Study) -> list[list]:
    """A row per comparison; one that is not `counted` is on other data, shown beside the claim's own.

    `mean`, `low` and `high` are the quantity with its interval, in its `unit`; `asked` is where the claim has it.
    """
    rows = []
    for claim in build(study.evidence):
        for counted, part in [(True, part) for part in claim.parts] + [(False, part) for part in claim.beside]:
            ends = [part.found.mean, part.found.low, part.found.high] if part.found else [math.nan] * 3
            notes = [FEW] * part.few + [part.note] * bool(part.note)
            facts = [part.dataset, part.quantity, part.unit, part.asked, part.repeats, part.pieces]
            rows.append([claim.number, counted, *facts, *ends, part.verdict, "; ".join(notes)])
    return rows


def _evidence(claim: Claim, study: Study) -> str:
    """How the comparisons came out, those that contradict, and what must be kept in mind of the data."""
    parts, design, counterparts = claim.parts, study.design, study.settings.counterparts
    present = [part for part in parts if part.dataset in design.datasets]
    sentences = []
    if absent := [
        dataset for dataset in dict.fromkeys(part.dataset for part in parts) if dataset not in design.datasets
    ]:
        sentences.append(f"Not in this design: {', '.join(absent)}.")
    if present:
        sentences.append(f"Comparisons: {_counts(present)}.")
        sentences += [_against(part) for part in present if part.verdict == CONTRADICTED]
    if claim.beside:
        datasets = dict.fromkeys(part.dataset for part in claim.beside)
        sentences.append(f"Beside it, not counted ({', '.join(datasets)}): {_counts(claim.beside)}.")
    shown = {part.dataset for part in [*present, *claim.beside]}
    for dataset in design.datasets:
        if dataset in shown and dataset in counterparts and counterparts[dataset].data == "stand_in":
            sentences.append(f"{dataset} stands in for {counterparts[dataset].name}, which was never public.")
    if small := [dataset for dataset in design.datasets if dataset in shown & study.preliminary]:
        sentences.append(f"Preliminary, on less than the paper's budget: {', '.join(small)}.")
    return " ".join(sentences)


def _counts(parts: Sequence[Comparison]) -> str:
    """`4 supported, 0 contradicted and 2 undecided (1 for want of repeats, 1 that cannot be made)`."""
    numbers = [f"{sum(part.verdict == verdict for part in parts)} {verdict}" for verdict in VERDICTS]
    few, lacking = sum(part.few for part in parts), sum(part.found is None for part in parts)
    why = [f"{few} for want of repeats"] * (few > 0) + [f"{lacking} that cannot be made"] * (lacking > 0)
    return f"{', '.join(numbers[:-1])} and {numbers[-1]}" + (f" ({', '.join(why)})" if why else "")


def _against(part: Comparison) -> str:
    """A contradicted comparison, in numbers."""
    sample = f" (n={part.repeats})" if part.repeats else ""
    return f"Contradicted on {part.dataset}{sample}: {part.quantity}, {part.in_words()}; claimed {part.asked}."
