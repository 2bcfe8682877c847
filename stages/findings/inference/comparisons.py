"""What claims are made of: one question each to a dataset and a pair of cells, answered by an interval.

A comparison asks whether a quantity lies on one side of a threshold, or within a margin: supported if its whole
interval does, contradicted if the whole interval lies on the other side, else undecided. With too few repeats, or where
it cannot be made (a dataset or cell outside the design, a cell all of whose repeats diverged), it is undecided and says
why.
"""

from dataclasses import dataclass, replace

import numpy as np

from stages.findings.inference.evidence import Evidence
from stages.findings.inference.resampling import NOTHING, SHARE, Interval, mean_over_repeats
from stages.findings.records.reach import TRAINED, UNTRAINED
from stages.presentation import wording
from stages.presentation.wording import CONTRADICTED, SUPPORTED, UNDECIDED, cell_name, number, signed


@dataclass(frozen=True)
class Rule:
    """Where a claim has a quantity: in words, and between which ends. `other`: from where on it is contradicted."""

    words: str
    low: float = -np.inf
    high: float = np.inf
    other: float | None = None

    def judge(self, found: Interval) -> str:
        if self.low < found.low and found.high < self.high:
            return SUPPORTED
        return CONTRADICTED if found.low > (self.other or self.high) or found.high < self.low else UNDECIDED

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Whether single numbers state it; NaN states nothing, and what is infinite lies on its side of any end."""
        points = np.nan_to_num(points, nan=np.nan)
        return (self.low < points) & (points < self.high)


def below(threshold: float) -> Rule:
    return Rule(f"below {_limit(threshold)}", high=threshold)


def above(threshold: float) -> Rule:
    return Rule(f"above {_limit(threshold)}", low=threshold)


def within(margin: float) -> Rule:
    return Rule(f"within ±{_limit(margin)}", -margin, margin)


def _limit(value: float) -> str:
    return f"{value:g}" if float(value).is_integer() else number(value)


@dataclass(frozen=True)
class Comparison:
    """One question, its answer and the numbers behind it.

    Attributes:
        quantity: what is asked about, in words, and the unit it is in.
        asked: where the claim has it, in words.
        found: the quantity with its interval; NaN if it cannot be had, and `note` says why.
        repeats: how many have a result, in words; `pieces`: of the test split, where they are resampled too.
        few: whether it is undecided for want of repeats, whatever the numbers are.
        note: what else must be known to read it.
        otherwise: the verdicts that other seeds of the resampling may give.
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
    found: Interval = NOTHING
    repeats: str = ""
    pieces: int | None = None
    few: bool = False
    note: str = ""
    otherwise: frozenset[str] = frozenset()
    stated: np.ndarray | None = None


def compare_nll(evidence: Evidence, dataset: str, first: str, second: str, rule: Rule) -> Comparison:
    """`first` − `second` in test NLL, pooled."""
    label = f"test NLL, {cell_name(first)} − {cell_name(second)}"
    question = Comparison(dataset, first, second, label, wording.NATS, rule.words)
    if obstacle := evidence.obstacle(dataset, first, second):
        return replace(question, note=obstacle)
    # A diverged repeat is a single-run study without a net for that cell: its NLL is infinite, and worse than any.
    a, b = (evidence.runs[dataset, cell].results["test_nll"].fillna(np.inf).to_numpy() for cell in (first, second))
    with np.errstate(invalid="ignore"):  # two diverged repeats: inf − inf states nothing
        gaps = a[:, None] - b[None, :]
    question = replace(question, pieces=len(evidence.runs[dataset, first].piece_steps))
    return _answered(evidence, question, rule, evidence.difference(dataset, first, second), gaps)


def compare_progress(evidence: Evidence, dataset: str, first: str, second: str, clock: str) -> Comparison:
    """`first` needs fewer updates or seconds than `second` to reach the pair's level."""
    rule, label = below(1), f"{clock}, {cell_name(first)} over {cell_name(second)}"
    question = Comparison(dataset, first, second, label, wording.RATIO, rule.words)
    if obstacle := evidence.obstacle(dataset, first, second) or (clock == "seconds" and _clocks(evidence, question)):
        return replace(question, note=obstacle)
    level = evidence.level(dataset, first, second)
    a, b = (evidence.clock(dataset, cell, level, clock) for cell in (first, second))
    with np.errstate(invalid="ignore"):  # neither ever gets there: states nothing
        ratios = a[:, None] / b[None, :]
    question = replace(question, note=f"to validation NLL {number(level)}")
    return _answered(evidence, question, rule, evidence.progress(dataset, first, second, clock), ratios)


def compare_cost(evidence: Evidence, dataset: str, first: str, second: str) -> Comparison:
    """One update of `first` takes at most cheaper_ratio of one of `second`; contradicted if at least its inverse."""
    limit = evidence.rules.cheaper_ratio
    rule = Rule(f"at most {number(limit)}", high=limit, other=1 / limit)
    label = f"seconds an update, {cell_name(first)} over {cell_name(second)}"
    question = Comparison(dataset, first, second, label, wording.RATIO, rule.words)
    if obstacle := evidence.absent(dataset, first, second) or _clocks(evidence, question):
        return replace(question, note=obstacle)
    a, b = (evidence.runs[dataset, cell] for cell in (first, second))
    found = evidence.cost(dataset, first, second)
    stated = np.full((len(a.repeats), len(b.repeats)), found.mean < limit)
    return judged(
        evidence, replace(question, note=f"timed {len(a.timings)} times, in turns", stated=stated), rule, found
    )


def compare_share(evidence: Evidence, dataset: str, cell: str, fate: str, rule: Rule) -> Comparison:
    """The share of the cell's losses whose gradient has met its `fate`, `vanishing` or `exploding`, at the lag."""
    label = f"gradients {fate}, {cell_name(cell)}"
    question = Comparison(dataset, cell, cell, label, wording.SHARE_OF_LOSSES, rule.words)
    if obstacle := evidence.obstacle(dataset, cell, cell) or _out_of_reach(evidence, dataset, cell):
        return replace(question, note=obstacle)
    shares, untrained = (evidence.memory(dataset, cell, f"share_{fate}", net) for net in (TRAINED, UNTRAINED))
    found = mean_over_repeats(shares, evidence.resampling, "share", dataset, cell, fate, bounds=SHARE)
    question = replace(question, note=f"untrained {number(float(untrained.mean()))}")
    # A diverged repeat left no net: as a single-run study it states nothing.
    return _answered(evidence, question, rule, found, np.broadcast_to(shares[:, None], (len(shares), len(shares))))


def compare_reach(evidence: Evidence, dataset: str, first: str, second: str) -> Comparison:
    """The gradient of `first` is larger than that of `second` at the reference lag, beside that at lag 0."""
    rule, label = above(0), f"gradient left, {cell_name(first)} − {cell_name(second)}"
    question = Comparison(dataset, first, second, label, wording.POWERS, rule.words)
    # the cells of a dataset have the same cases
    if obstacle := evidence.obstacle(dataset, first, second) or _out_of_reach(evidence, dataset, first):
        return replace(question, note=obstacle)
    a, b = (evidence.memory(dataset, cell, "log10_ratio") for cell in (first, second))
    gaps = a - b  # a repeat is a pair: its cells share their seeds, and here their cases
    if np.isnan(gaps).all():
        return replace(question, note="in every repeat one of them diverged")
    found = mean_over_repeats(gaps, evidence.resampling, "reach", dataset, first, second)
    before = np.subtract(*(evidence.memory(dataset, cell, "log10_ratio", UNTRAINED) for cell in (first, second)))
    question = replace(question, note=f"untrained {signed(float(before.mean()))}")
    return _answered(evidence, question, rule, found, a[:, None] - b[None, :])


def _clocks(evidence: Evidence, question: Comparison) -> str:
    """Why seconds cannot be compared, or an empty string."""
    same = evidence.same_clock(question.dataset, question.first, question.second)
    return "" if same else "timed with different engines"


def _out_of_reach(evidence: Evidence, dataset: str, cell: str) -> str:
    """Why there is no gradient at the reference lag, or an empty string."""
    nets = evidence.memories[dataset, cell].nets
    longest, reference = nets[["longest_lag", "reference_lag"]].iloc[0]
    return f"pieces reach {longest:.0f} steps back, not {reference:.0f}" if longest < reference else ""


def _answered(evidence: Evidence, question: Comparison, rule: Rule, found: Interval, points: np.ndarray) -> Comparison:
    """The question with its answer: undecided where its repeats are too few to show the spread between runs.

    `points`: the quantity in every single-run study, [i, j]; NaN states nothing.
    """
    pair = question.dataset, question.first, question.second
    answer = replace(question, found=found, repeats=evidence.counts(*pair), stated=rule.holds(points))
    return (
        judged(evidence, answer, rule, found) if found.known and evidence.enough(*pair) else replace(answer, few=True)
    )


def judged(evidence: Evidence, question: Comparison, rule: Rule, found: Interval) -> Comparison:
    """The question with what is found, its verdict, and those that other seeds of the resampling may give."""
    verdict, others = rule.judge(found), map(rule.judge, evidence.resampling.of_other_seeds(found))
    return replace(question, found=found, verdict=verdict, otherwise=frozenset(others) - {verdict})
