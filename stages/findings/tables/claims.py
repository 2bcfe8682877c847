"""The paper's claims: a verdict each, and the comparisons it rests on."""

from typing import Any

from stages.findings.declare import table
from stages.findings.inference.claims import single_run_agreement
from stages.findings.study import Study
from stages.presentation.wording import SIGNED, interval, number, set_of, share, signed

FEW = "too few repeats to decide"
SEED = "another seed of the resampling may turn it"


@table(
    "claim:count source:word statement:word verdict:word may_turn:flag single_run_agreement",
    {
        "": "claim",
        "claim": "statement",
        "verdict": "verdict",
        "single runs": lambda row: share(row.single_run_agreement),
    },
)
def claims(study: Study) -> list[list]:
    """A row per claim, with its verdict and the share of single-run studies that would have stated it.

    `may_turn`: whether another seed of the resampling could give another verdict.
    """
    return [
        [of.number, of.source, of.statement, of.verdict, of.may_turn, single_run_agreement(of, study.evidence)]
        for of in study.claims
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
        "found": lambda row: interval(row.mean, row.low, row.high, signed if row.unit in SIGNED else number),
        "verdict": "verdict",
        "note": "note",
    },
)
def comparisons(study: Study) -> list[list]:
    """A row per comparison; one that is not `counted` is on other data, shown beside the claim's own.

    `mean`, `low` and `high` are the quantity with its interval, in its `unit`; `asked` is where the claim has it.
    """
    rows = []
    for claim in study.claims:
        for counted, part in [(True, part) for part in claim.parts] + [(False, part) for part in claim.beside]:
            notes = [FEW] * part.few + [part.note] * bool(part.note) + [SEED] * bool(part.otherwise)
            facts = [part.dataset, part.quantity, part.unit, part.asked, part.repeats, part.pieces]
            rows.append([claim.number, counted, *facts, *part.found, part.verdict, "; ".join(notes)])
    return rows
