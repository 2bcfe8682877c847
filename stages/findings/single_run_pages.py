"""The report's words on what studies with one run of each unit would have said."""

from typing import Any

import pandas as pd

from stages.findings.text_tables import Rows, share_interval, table
from stages.findings.wording import cell_name


def content(single_runs: pd.DataFrame, claims: pd.DataFrame) -> dict[str, Any] | None:
    """What the template shows; None where no two units can be compared."""
    if single_runs.empty:
        return None
    asked = single_runs["share_asked"].iloc[0]
    return {
        "table": table(*_single_runs(single_runs)),
        "pairs": _pairs(single_runs, asked),
        "claims": _claims(claims, asked),
    }


def _single_runs(single_runs: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            f"{cell_name(row.first)} against {cell_name(row.second)}",
            str(row.repeats),
            str(row.studies),
            share_interval(row.first_better_mean, row.first_better_low, row.first_better_high),
            f"{row.sure_first:.0%} / {row.sure_second:.0%}",
            row.verdict if row.verdict == "undecided" else f"{cell_name(row.verdict)} is better",
            "" if pd.isna(row.agreement) else f"{row.agreement:.0%}",
        ]
        for row in single_runs.itertuples()
    ]
    return [
        "dataset",
        "units",
        "n",
        "studies",
        "the first is better in",
        "sure of it",
        "by the interval",
        "agree",
    ], rows


def _pairs(single_runs: pd.DataFrame, asked: float) -> str:
    decided = single_runs[single_runs["verdict"] != "undecided"]
    if decided.empty:
        return f"Of the {len(single_runs)} pairs of units none is decided by its interval." + _sure(single_runs)
    names = [
        f"{row.dataset}: {cell_name(row.first)} against {cell_name(row.second)} ({row.agreement:.0%})"
        for row in decided[decided["agreement"] < asked].itertuples()
    ]
    words = (
        f"Of the {len(single_runs)} pairs of units {len(decided)} {_are(decided)} decided by the interval of the "
        f"difference; for {len(names) or 'none'} of them fewer than {asked:.0%} of single-run studies would have had "
        f"the better unit first{_listed(names)}."
    )
    if rest := len(single_runs) - len(decided):
        words += f" A single-run study orders the other {rest} too, whose order is undecided here."
    return words + _sure(single_runs)


def _sure(single_runs: pd.DataFrame) -> str:
    """Pairs that repeats leave undecided though most single-run studies would have been sure; nothing without any."""
    several = single_runs[(single_runs["verdict"] == "undecided") & (single_runs["repeats"] > 1)]
    sure = several[several["sure_first"] + several["sure_second"] > 0.5]
    if sure.empty:
        return ""
    told = [
        f"{row.dataset}, {cell_name(row.first)} against {cell_name(row.second)} (for {cell_name(row.first)} "
        f"{row.sure_first:.0%}, for {cell_name(row.second)} {row.sure_second:.0%})"
        for row in sure.itertuples()
    ]
    return (
        f" Of the {len(several)} pairs that several repeats leave undecided most single-run studies would even have "
        f"been sure in {len(sure)}, since their own interval, over test pieces, is wholly on one side of zero: "
        f"{'; '.join(told)}. An interval over pieces says nothing of how another run would have come out."
    )


def _claims(claims: pd.DataFrame, asked: float) -> str:
    """How many single-run studies would have come to the verdicts: to state what is supported, and not what is not."""
    decided = claims[(claims["verdict"] != "undecided") & claims["single_run_agreement"].notna()]
    if decided.empty:
        return "None of the paper's claims that a single-run study can speak to is decided."
    stated = decided["single_run_agreement"].where(
        decided["verdict"] == "supported", 1 - decided["single_run_agreement"]
    )
    names = [
        f"claim {claim} ({share:.0%})" for claim, share in zip(decided["claim"], stated, strict=True) if share < asked
    ]
    return (
        f"Of the paper's claims {len(decided)} {_are(decided)} decided that a single-run study can speak to; for "
        f"{len(names) or 'none'} of them fewer than {asked:.0%} of such studies would have come to the same verdict"
        f"{_listed(names)}."
    )


def _listed(names: list[str]) -> str:
    return f": {'; '.join(names)}" if names else ""


def _are(rows: pd.DataFrame) -> str:
    return "is" if len(rows) == 1 else "are"
