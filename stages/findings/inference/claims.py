"""The ten claims of the paper, each with a rule that turns intervals into a verdict.

A claim is made of comparisons (comparisons.py), one a dataset and a pair of cells, each supported, contradicted or
undecided. Thresholds stand in params.yaml under `claims`. Nothing here corrects for making many comparisons at once.

Rules, by claim (differences are of test NLL, pooled, nats per step):
 1  On each music set but the exception: GRU − LSTM and GRU − tanh below 0. All must hold.
 2  On each music set, each pair: the difference within ±close_margin. All must hold.
 3  On each speech set: LSTM − tanh and GRU − tanh below −close_margin ("clearly" is more than "close"). All must hold.
 4  On speech A: LSTM − tanh and LSTM − GRU below 0; on speech B: GRU − tanh and GRU − LSTM below 0. All must hold.
 5  On each music set, against LSTM and tanh: the GRU's updates, and its seconds, to the pair's level: ratio below 1.
    All must hold.
 6  On each speech set, against LSTM and GRU: a tanh update takes at most cheaper_ratio of the other's time, yet the
    gated net's updates, and seconds, to the pair's level are fewer: ratio below 1. All must hold.
 7  On each of the six sets, LSTM and GRU against tanh: updates to the pair's level (ratio below 1) and difference
    (below 0). Supported if more than often_share of the first kind and of the second kind are; contradicted if more
    than often_share of either kind are contradicted.
 8  On the six sets, GRU − LSTM: supported if some set favours the GRU and another the LSTM; contradicted if all six
    favour the same one.
 9  On each of the six sets, of the losses that trained tanh nets send back: the share that has vanished at the
    reference lag above often_share, the share that has exploded there below rare_share. All must hold.
10  On each of the six sets, LSTM and GRU against tanh: mean log10 of the gradient's norm at the reference lag over
    that at lag 0, the gated net's minus the tanh net's, above 0; and the share of the gated net's losses that has
    vanished there below often_share. All must hold.

The reference lag, and which ratio of norms is called vanished or exploded, stand in stages/reach/settings.yaml; the
gradient is that of trained nets with respect to their whole state (stages/reach/gradients.py), over repeats.

"The pair's level" is the validation NLL that every chosen net of both cells reaches: the worst of their best values,
plus level_slack.

Besides, `single_run_agreement`: the share of single-run studies (one repeat of each cell, as the paper had) whose
point estimates alone would have stated the claim, by the same rules with the point in the interval's place.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.findings.inference.comparisons import (
    Comparison,
    Rule,
    above,
    below,
    compare_cost,
    compare_nll,
    compare_progress,
    compare_reach,
    compare_share,
    within,
)
from stages.findings.inference.evidence import Evidence
from stages.presentation.wording import CONTRADICTED, SUPPORTED, UNDECIDED

# The claims in the paper's order: where it makes them, and what they say.
STATED = {
    1: ("Section 5, Table 2", "On music the GRU beats the LSTM and tanh units on every set but Nottingham."),
    2: ("Section 5, Table 2", "On music all three units perform closely to each other."),
    3: ("Section 5, Table 2", "On speech the gated units clearly beat the tanh units."),
    4: (
        "Section 5, Table 2",
        "The LSTM is best on the first speech set (Ubisoft A), the GRU on the second (Ubisoft B).",
    ),
    5: ("Section 5, Figure 2", "On music the GRU progresses faster, per update and per second."),
    6: ("Section 5, Figure 3", "On speech a tanh update is cheaper, yet makes little progress."),
    7: ("Sections 5 and 6", "Convergence of gated units is often faster, and their final solutions tend to be better."),
    8: ("Section 6", "Between LSTM and GRU there is no general winner: it depends on the data."),
    9: ("Section 2 (background)", "The gradients of tanh units vanish most of the time and seldom explode."),
    10: (
        "Section 3 (background)",
        "The additive update of gated units makes shortcuts through time, so errors travel back without vanishing.",
    ),
}


BOTH_WAYS = 8  # the claim whose comparisons are to go both ways

Judge = Callable[[list[np.ndarray]], np.ndarray]
# A verdict as a number: judges take those of each group's comparisons, [C, ...], and return the claim's, [...].
SIGNS = {SUPPORTED: 1, CONTRADICTED: -1, UNDECIDED: 0}


def all_hold(groups: list[np.ndarray]) -> np.ndarray:
    """Supported only if all comparisons are, contradicted if any is."""
    every = np.concatenate(groups)
    return np.where((every == 1).all(0) & (len(every) > 0), 1, -(every == -1).any(0).astype(int))


def mostly_hold(share: float) -> Judge:
    """Supported if more than `share` of every group is, contradicted if more than `share` of any group is."""

    def judge(groups: list[np.ndarray]) -> np.ndarray:
        held, failed = (np.array([(group == sign).mean(0) > share for group in groups]) for sign in (1, -1))
        return np.where(held.all(0), 1, -failed.any(0).astype(int))

    return judge


def depends(groups: list[np.ndarray]) -> np.ndarray:
    """For comparisons of the same pair: supported if they go both ways, contradicted if all go the same way."""
    every = np.concatenate(groups)
    same = (abs(every.sum(0)) == len(every)) & (len(every) > 0)
    return np.where((every == 1).any(0) & (every == -1).any(0), 1, -same.astype(int))


@dataclass(frozen=True)
class Claim:
    """A claim: its comparisons, in groups where it has more than one kind, and how they make one verdict.

    `beside` holds comparisons on other data, shown in the evidence and never counted.
    """

    number: int
    source: str
    statement: str
    groups: list[list[Comparison]]
    judge: Judge
    beside: list[Comparison]

    @property
    def parts(self) -> list[Comparison]:
        """The comparisons that count."""
        return list(itertools.chain(*self.groups))

    @property
    def verdict(self) -> str:
        return self._judged({})

    @property
    def may_turn(self) -> bool:
        """Whether another seed of the resampling, which turns one of the comparisons, may turn the verdict."""
        others = [{id(part): verdict} for part in self.parts for verdict in part.otherwise]
        return any(self._judged(other) != self.verdict for other in others)

    def _judged(self, other: dict[int, str]) -> str:
        signs = [[SIGNS[other.get(id(part), part.verdict)] for part in group] for group in self.groups]
        found = self.judge([np.array(group, int) for group in signs])
        return next(verdict for verdict, sign in SIGNS.items() if sign == found)


def build(evidence: Evidence) -> list[Claim]:
    """The claims with their comparisons, in the paper's order."""
    rules = evidence.rules
    music, a, b = rules.music, rules.speech_a, rules.speech_b
    six, winning = [*music, a, b], [dataset for dataset in music if dataset not in rules.music_exception]
    beside = [dataset for dataset in rules.music_beside if any(dataset == name for name, _ in evidence.runs)]
    gru_wins, gated = [("gru", "lstm"), ("gru", "tanh")], [("lstm", "tanh"), ("gru", "tanh")]
    pairs, clocks = [*gru_wins, ("lstm", "tanh")], ["updates", "seconds"]
    lower, close, often = below(0), within(rules.close_margin), rules.often_share

    def nll(datasets: list[str], pairs: list[tuple[str, str]], rule: Rule = lower) -> list[Comparison]:
        return [compare_nll(evidence, d, *pair, rule) for d, pair in itertools.product(datasets, pairs)]

    def progress(datasets: list[str], pairs: list[tuple[str, str]], *clocks: str) -> list[Comparison]:
        return [
            compare_progress(evidence, d, *pair, clock) for d, pair, clock in itertools.product(datasets, pairs, clocks)
        ]

    def fates(datasets: list[str]) -> list[Comparison]:
        fates = {"vanishing": above(often), "exploding": below(rules.rare_share)}
        return [compare_share(evidence, d, "tanh", *fate) for d, fate in itertools.product(datasets, fates.items())]

    def reaching(datasets: list[str]) -> list[Comparison]:
        return [
            comparison
            for d, (first, second) in itertools.product(datasets, gated)
            for comparison in (
                compare_reach(evidence, d, first, second),
                compare_share(evidence, d, first, "vanishing", below(often)),
            )
        ]

    groups = {
        1: [nll(winning, gru_wins)],
        2: [nll(music, pairs, close)],
        3: [nll([a, b], gated, below(-rules.close_margin))],
        4: [nll([a], [("lstm", "tanh"), ("lstm", "gru")]) + nll([b], [("gru", "tanh"), ("gru", "lstm")])],
        5: [progress(music, gru_wins, *clocks)],
        6: [
            [compare_cost(evidence, d, "tanh", cell) for d in (a, b) for cell in ("lstm", "gru")]
            + progress([a, b], gated, *clocks)
        ],
        7: [progress(six, gated, "updates"), nll(six, gated)],
        8: [nll(six, [("gru", "lstm")])],
        9: [fates(six)],
        10: [reaching(six)],
    }
    uncounted = {
        1: nll(beside, gru_wins),
        2: nll(beside, pairs, close),
        5: progress(beside, gru_wins, *clocks),
        9: fates(beside),
        10: reaching(beside),
    }
    judges = {7: mostly_hold(often), BOTH_WAYS: depends}
    return [
        Claim(number, *stated, groups[number], judges.get(number, all_hold), uncounted.get(number, []))
        for number, stated in STATED.items()
    ]


def single_run_agreement(claim: Claim, evidence: Evidence) -> float | None:
    """The share of single-run studies that would have stated the claim.

    Each study has one repeat of each cell on each dataset. All of them are enumerated where there are at most
    `single_runs`, else so many are drawn. None if a comparison cannot be made: no such study could state the claim.
    """
    parts = claim.parts
    if any(part.stated is None for part in parts):
        return None
    keys = list(dict.fromkeys((part.dataset, cell) for part in parts for cell in (part.first, part.second)))
    sizes = [len(evidence.runs[key].repeats) for key in keys]
    if math.prod(sizes) <= evidence.rules.single_runs:
        drawn = np.array(list(itertools.product(*map(range, sizes)))).T
    else:
        rng = evidence.resampling.generator("single_run_agreement", str(claim.number))
        drawn = rng.integers(np.array(sizes)[:, None], size=(len(sizes), evidence.rules.single_runs))
    repeat = dict(zip(keys, drawn, strict=True))  # (dataset, cell) → the repeat's index in each study: [S]
    truths = [
        np.array([np.where(p.stated[repeat[p.dataset, p.first], repeat[p.dataset, p.second]], 1, -1) for p in group])
        for group in claim.groups
    ]
    return float((claim.judge(truths) == 1).mean())
