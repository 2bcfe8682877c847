"""What runs must agree on before they are compared: with params.yaml, with their scores, with each other.

A file that belongs to another design (an older budget, another matching) stops the comparison: it is stale.
"""

import numpy as np

from stages.findings.records.design import Design
from stages.findings.records.runs import Run
from stages.plumbing.errors import InputError


def check_design(run: Run, design: Design) -> None:
    """A run must have the repeats, candidates and matching that params.yaml states."""
    found, training = run.trials.groupby("repeat").size(), design.datasets[run.dataset]
    if len(found) != training.repeats or not (found == training.candidates).all():
        raise InputError(
            f"{run.folder / 'trials.csv'}: expected {training.repeats} repeats of {training.candidates} candidates as "
            f"in params.yaml, found {len(found)} repeats of {sorted(set(found))} candidates; train this run again"
        )
    if run.info["matching"] != design.matching:
        raise InputError(
            f"{run.folder / 'run.json'}: expected the matching '{design.matching}' of params.yaml, found "
            f"'{run.info['matching']}'; train this run again"
        )


def check_scores(run: Run) -> None:
    """The three files that speak of a candidate's test NLL must agree; one of them from another run would not."""
    candidate = ["repeat", "candidate"]
    chosen = run.trials.loc[run.trials["chosen"] | run.trials["chosen_by_halving"], candidate]
    scores = run.all_evaluation.set_index(candidate)["test_nll"]
    if sorted(scores.index) != sorted(map(tuple, chosen.to_numpy())) or scores.isna().any():
        raise InputError(
            f"{run.measured / 'evaluation.csv'}: of {run.cell} not the chosen candidates of its trials.csv; evaluate "
            "this run again"
        )
    sums = run.all_pieces.groupby(candidate)[["nll", "steps"]].sum()
    path = run.measured / "pieces.csv"
    if sorted(sums.index) != sorted(scores.index):
        raise InputError(f"{path}: of {run.cell} not the candidates of evaluation.csv; evaluate this run again")
    pooled = (sums["nll"] / sums["steps"]).reindex(scores.index)
    if not np.allclose(pooled, scores, rtol=1e-4, atol=1e-4):
        raise InputError(f"{path}: of {run.cell} sums that are not the NLL of evaluation.csv; evaluate this run again")


def check_same_pieces(runs: list[Run]) -> None:
    """Differences are paired by piece, so all cells must have been scored on the same pieces in the same order."""
    expected = None
    for run in runs:
        for (repeat, _), pieces in run.all_pieces.sort_values("piece").groupby(["repeat", "candidate"]):
            found = (pieces["name"].astype(str).tolist(), pieces["steps"].tolist())
            expected = expected or found
            if found != expected:
                raise InputError(
                    f"{run.measured / 'pieces.csv'}: the pieces of {run.cell}'s repeat {repeat} are "
                    "not those of the other runs on this dataset; evaluate the dataset again"
                )
