"""The questions of params.yaml: rules, dated before their arms were trained, that turn runs of two arms into answers.

The rules stand in words beside their thresholds in params.yaml under `questions`. A quantity has an interval over
repeats, and over pieces where nets are scored on them; with fewer than claims.minimum_repeats of either side an answer
is open. What has no runs is not tested, which says nothing of how it would come out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field

from stages.findings.inference.evidence import Evidence
from stages.findings.inference.resampling import NOTHING, Interval, Resampling, mean_rows
from stages.findings.records.runs import Run
from stages.plumbing.parameters import Name, Section

OPEN, NOT_TESTED, VOID, BEFORE, SINGLE = "open", "not tested", "void", "open before", "n=1"
LIKE, UNLIKE = "as in the paper", "not as in the paper"


class Share(Section):
    noise_share: float = Field(gt=0, lt=1)
    gap_closed: float = Field(gt=0)


class Gain(Section):
    gain: float = Field(gt=0)
    share: float = Field(gt=0, lt=1)


class Rescue(Section):
    same: float = Field(gt=0)
    behind: float = Field(gt=0)


class Sets(Section):
    sets: list[Name]


class Closed(Section):
    closed: float = Field(gt=0, lt=1)


class Questions(Section):
    """`questions` of params.yaml."""

    written: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    speech_noise: Share
    converged: Gain
    rescued: Rescue
    authors: Sets
    practice: Sets
    parts: Closed


@dataclass(frozen=True)
class Answer:
    """A question put to a dataset and a unit or pair, what was found, and what the rule makes of it.

    Attributes:
        compared, asked: the quantity, and the rule in short.
        repeats: how many on either side, in words.
    """

    question: str
    dataset: str
    compared: str
    asked: str
    answer: str = NOT_TESTED
    found: Interval = NOTHING
    repeats: str = ""

    def judged(self, evidence: Evidence, first: str, second: str, threshold: float, above: str, below: str) -> "Answer":
        """What the difference of two cells makes of it: not tested without runs, open where they are too few."""
        pair = self.dataset, first, second
        if any((self.dataset, cell) not in evidence.runs for cell in (first, second)):
            return self
        found = evidence.decided(*pair)
        return replace(self, answer=side(found, threshold, above, below), found=found, repeats=evidence.counts(*pair))


def side(found: Interval, threshold: float, above: str, below: str, neither: str = OPEN) -> str:
    """Where a quantity's whole interval lies; `neither` where it holds the threshold or is not known."""
    return above if found.low > threshold else below if found.high < threshold else neither


def ratio_of_gaps(
    over: Sequence[tuple[np.ndarray, np.ndarray]], steps: np.ndarray, resampling: Resampling, *key: str
) -> Interval:
    """One less the first gap over the second, each a difference in test NLL, over repeats and pieces.

    Args:
        over: two pairs of piece NLLs, [R, N] and [R, N] each, of the same repeats: the gap is that of their means.
        steps: each piece's scored steps, [N].
    """
    gaps = [a - b for a, b in over]

    def estimate(r: np.ndarray, n: np.ndarray) -> np.ndarray:
        left, whole = (np.take_along_axis(mean_rows(gap, r), n, -1).sum(-1) for gap in gaps)
        return 1 - left / whole

    return resampling.interval([len(gaps[0]), len(steps)], estimate, *key)


def converged(run: Run, rule: Gain) -> tuple[int, int]:
    """How many of a run's chosen nets have converged, and how many there are."""
    chosen = run.trials[run.trials["chosen"]].set_index("repeat")
    met = 0
    for repeat, curve in run.chosen_curves.groupby("repeat"):
        early = curve.loc[curve["epoch"] <= (1 - rule.share) * curve["epoch"].max(), "valid_nll"].min()
        met += bool(chosen.loc[repeat, "status"] == "stopped" or early - curve["valid_nll"].min() < rule.gain)
    return met, len(chosen)


def distance_to(
    there: dict[str, np.ndarray], here: dict[str, np.ndarray], resampling: Resampling, *key: str, paired: bool
) -> Interval:
    """How much nearer one way of making results is to stated numbers than another: mean |distance| of one less other.

    Args:
        there, here: of either way, by dataset: each repeat's NLL less the stated one, a column a unit, [R, C].
        paired: whether the rows of both are the same repeats, and are drawn together.

    A set's repeats are drawn together for all its units.
    """
    sides = [(sign, results[dataset]) for sign, results in ((1, there), (-1, here)) for dataset in there]
    count = sum(results.shape[1] for results in there.values())

    def estimate(*drawn: np.ndarray) -> np.ndarray:
        return sum(
            sign * np.abs(results[r].mean(axis=-2)).sum(-1) / count
            for (sign, results), r in zip(sides, drawn * 2 if paired else drawn, strict=True)
        )

    sizes = [len(results) for _, results in sides]
    return resampling.interval(sizes[: len(there)] if paired else sizes, estimate, *key)
