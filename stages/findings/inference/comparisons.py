"""What claims are made of: one question each to a dataset and a pair of cells, answered by an interval.

A comparison asks whether a quantity lies on one side of a threshold, or within a margin: supported if its whole
interval does, contradicted if the whole interval lies on the other side, else undecided. With too few repeats, or where
it cannot be made (a dataset or cell outside the design, a cell all of whose repeats diverged), it is undecided and says
why.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from stages.findings.inference.evidence import Evidence
from stages.findings.inference.resampling import SHARE, Interval, mean_over_repeats
from stages.findings.records.reach import TRAINED, UNTRAINED
from stages.findings.wording import (
    CONTRADICTED,
    NATS,
    POWERS,
    RATIO,
    SHARE_OF_LOSSES,
    SUPPORTED,
    UNDECIDED,
    cell_name,
    number,
    quantity,
    signed,
)


@dataclass(frozen=True)
class Comparison:
    """One question, its answer and the numbers behind it.

    Attributes:
        quantity: what is asked about, in words, and the unit it is in.
        asked: where the claim has it, in words.
        found: the quantity with its interval; None if it cannot be had, and `note` says why.
        repeats: how many have a result, in words; `pieces`: of the test split, where they are resampled too.
        few: whether it is undecided for want of repeats, whatever the numbers are.
        note: what else must be known to read it.
        stated: [i, j], whether a study with only repeat i of the first cell and repeat j of the second states it; None
            if the comparison cannot be made.
    """

    dataset: str
    first: str
    second: str
    quantity: str
    unit: str
    asked: str
    verdict: str = UNDECIDED
    found: Interval | None = None
    repeats: str = ""
    pieces: int | None = None
    few: bool = False
    note: str = ""
    stated: np.ndarray | None = None

    def in_words(self) -> str:
        """The quantity's value with its interval; nothing if it cannot be had."""
        return quantity(self.unit, self.found.mean, self.found.low, self.found.high) if self.found else ""


def below(interval: Interval, threshold: float) -> str:
    """Whether a quantity lies below a threshold."""
    if interval.high < threshold:
        return SUPPORTED
    return CONTRADICTED if interval.low > threshold else UNDECIDED


def within(interval: Interval, margin: float) -> str:
    """Whether a quantity lies within ±margin."""
    if -margin <= interval.low and interval.high <= margin:
        return SUPPORTED
    return CONTRADICTED if interval.low > margin or interval.high < -margin else UNDECIDED


def compare_nll(evidence: Evidence, dataset: str, first: str, second: str, threshold: float = 0.0) -> Comparison:
    """`first` − `second` below `threshold`, in test NLL, pooled."""
    asked = f"below {number(threshold) if threshold else 0}"
    return _compare_nll(
        evidence, dataset, first, second, asked, lambda i: below(i, threshold), lambda gap: gap < threshold
    )


def compare_close(evidence: Evidence, dataset: str, first: str, second: str) -> Comparison:
    """`first` − `second` within ±close_margin, in test NLL, pooled."""
    margin = evidence.rules.close_margin
    return _compare_nll(
        evidence,
        dataset,
        first,
        second,
        f"within ±{number(margin)}",
        lambda interval: within(interval, margin),
        lambda gap: np.abs(gap) <= margin,
    )


def _compare_nll(
    evidence: Evidence,
    dataset: str,
    first: str,
    second: str,
    asked: str,
    judge: Callable[[Interval], str],
    holds: Callable[[np.ndarray], np.ndarray],
) -> Comparison:
    question = Comparison(dataset, first, second, f"test NLL, {cell_name(first)} − {cell_name(second)}", NATS, asked)
    if obstacle := evidence.obstacle(dataset, first, second):
        return replace(question, note=obstacle)
    # A diverged repeat is a single-run study without a net for that cell: its NLL is infinite, and worse than any.
    a, b = (evidence.runs[dataset, cell].results["test_nll"].fillna(np.inf).to_numpy() for cell in (first, second))
    with np.errstate(invalid="ignore"):  # two diverged repeats: inf − inf states nothing
        stated = holds(a[:, None] - b[None, :])
    pieces = len(evidence.runs[dataset, first].piece_steps)
    return _answered(
        evidence, replace(question, pieces=pieces), evidence.difference(dataset, first, second), judge, stated
    )


def compare_progress(evidence: Evidence, dataset: str, first: str, second: str, clock: str) -> Comparison:
    """`first` needs fewer updates or seconds than `second` to reach the pair's level."""
    label = f"{clock}, {cell_name(first)} over {cell_name(second)}"
    question = Comparison(dataset, first, second, label, RATIO, "below 1")
    if obstacle := evidence.obstacle(dataset, first, second):
        return replace(question, note=obstacle)
    if clock == "seconds" and not evidence.same_clock(dataset, first, second):
        return replace(question, note="timed on different devices or engines")
    level = evidence.level(dataset, first, second)
    a, b = (evidence.clock(dataset, cell, level, clock) for cell in (first, second))
    question = replace(question, note=f"to validation NLL {number(level)}")
    found = evidence.progress(dataset, first, second, clock)
    return _answered(evidence, question, found, lambda interval: below(interval, 1.0), a[:, None] < b[None, :])


def compare_cost(evidence: Evidence, dataset: str, first: str, second: str) -> Comparison:
    """One update of `first` takes at most cheaper_ratio of one of `second`: a measurement a cell, without interval."""
    limit = evidence.rules.cheaper_ratio
    label = f"seconds an update, {cell_name(first)} over {cell_name(second)}"
    question = Comparison(dataset, first, second, label, RATIO, f"at most {number(limit)}")
    if obstacle := evidence.obstacle(dataset, first, second):
        return replace(question, note=obstacle)
    if not evidence.same_clock(dataset, first, second):
        return replace(question, note="timed on different devices or engines")
    a, b = (evidence.runs[dataset, cell] for cell in (first, second))
    share = a.info["seconds_per_update"] / b.info["seconds_per_update"]
    return replace(
        question,
        verdict=SUPPORTED if share <= limit else CONTRADICTED if share >= 1 / limit else UNDECIDED,
        found=Interval(share, np.nan, np.nan),
        note="one timing each",
        stated=np.full((len(a.repeats), len(b.repeats)), share <= limit),
    )


def compare_share(evidence: Evidence, dataset: str, cell: str, fate: str, limit: float, least: bool) -> Comparison:
    """The share of the cell's losses whose gradient has met its `fate` at the reference lag is above or below a limit.

    Args:
        fate: `vanishing` or `exploding`.
        least: whether the share is to be above the limit; below it otherwise.
    """
    asked = f"{'above' if least else 'below'} {number(limit)}"
    question = Comparison(dataset, cell, cell, f"gradients {fate}, {cell_name(cell)}", SHARE_OF_LOSSES, asked)
    if obstacle := evidence.obstacle(dataset, cell, cell) or _out_of_reach(evidence, dataset, cell):
        return replace(question, note=obstacle)
    shares, untrained = (evidence.memory(dataset, cell, f"share_{fate}", net) for net in (TRAINED, UNTRAINED))
    rng = evidence.resampling.generator("share", dataset, cell, fate)
    found = mean_over_repeats(shares[~np.isnan(shares)], evidence.resampling, rng, SHARE)
    # A diverged repeat left no net: as a single-run study it states nothing.
    holds = shares > limit if least else shares < limit
    return _answered(
        evidence,
        replace(question, note=f"untrained {number(float(untrained.mean()))}"),
        found,
        lambda interval: below(-interval, -limit) if least else below(interval, limit),
        np.broadcast_to(holds[:, None], (len(holds), len(holds))),
    )


def compare_reach(evidence: Evidence, dataset: str, first: str, second: str) -> Comparison:
    """The gradient of `first` is larger than that of `second` at the reference lag, beside that at lag 0."""
    label = f"gradient left, {cell_name(first)} − {cell_name(second)}"
    question = Comparison(dataset, first, second, label, POWERS, "above 0")
    # the cells of a dataset have the same cases
    if obstacle := evidence.obstacle(dataset, first, second) or _out_of_reach(evidence, dataset, first):
        return replace(question, note=obstacle)
    a, b = (evidence.memory(dataset, cell, "log10_ratio") for cell in (first, second))
    gaps = (a - b)[~np.isnan(a - b)]  # a repeat is a pair: its cells share their seeds, and here their cases
    if not len(gaps):
        return replace(question, note="in every repeat one of them diverged")
    found = mean_over_repeats(gaps, evidence.resampling, evidence.resampling.generator("reach", dataset, first, second))
    before = np.subtract(*(evidence.memory(dataset, cell, "log10_ratio", UNTRAINED) for cell in (first, second)))
    return _answered(
        evidence,
        replace(question, note=f"untrained {signed(float(before.mean()))}"),
        found,
        lambda interval: below(-interval, 0),
        a[:, None] > b[None, :],  # false where either diverged
    )


def _out_of_reach(evidence: Evidence, dataset: str, cell: str) -> str:
    """Why there is no gradient at the reference lag, or an empty string."""
    nets = evidence.memories[dataset, cell].nets
    longest, reference = nets[["longest_lag", "reference_lag"]].iloc[0]
    return f"pieces reach {longest:.0f} steps back, not {reference:.0f}" if longest < reference else ""


def _answered(
    evidence: Evidence, question: Comparison, found: Interval, judge: Callable[[Interval], str], stated: np.ndarray
) -> Comparison:
    """The question with its answer: undecided where its repeats are too few to show the spread between runs."""
    dataset, first, second = question.dataset, question.first, question.second
    answer = replace(question, found=found, repeats=evidence.counts(dataset, first, second), stated=stated)
    if found.known and evidence.enough(dataset, first, second):
        return replace(answer, verdict=judge(found))
    return replace(answer, few=True)
