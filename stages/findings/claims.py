"""The ten claims of the paper, each with a rule that turns intervals into a verdict.

A claim is made of comparisons, one a dataset and a pair of cells. A comparison asks whether a quantity lies below a
threshold; its bootstrap interval answers: supported if the whole interval lies below, contradicted if it lies above,
else undecided. A comparison with too few repeats, or one that cannot be made (a dataset or cell outside the design, a
cell all of whose repeats diverged), is undecided and says why. Thresholds stand in params.yaml under `claims`. Nothing
here corrects for making many comparisons at once.

Rules, by claim ("below" as above; differences are of test NLL, pooled, nats per step):
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

The reference lag, and which ratio of norms is called vanished or exploded, are `memory` of params.yaml; the gradient is
that of trained nets with respect to their whole state (stages/recall/gradients.py), and an interval is over repeats.

"The pair's level" is the validation NLL that every chosen net of both cells reaches: the worst of their best values,
plus level_slack.

Besides, `single_run_agreement`: the share of single-run studies (one repeat of each cell, as the paper had) whose
point estimates alone would have stated the claim, by the same rules with the point in the interval's place.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from stages.findings.design import Counterpart, Design
from stages.findings.memory_records import TRAINED, UNTRAINED, Memories
from stages.findings.records import Run, paired
from stages.findings.statistics import SHARE, Interval, Resampling, difference, mean_over_repeats, ratio
from stages.findings.wording import cell_name, number, signed
from stages.plumbing.params import Section

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
COLUMNS = ["claim", "source", "statement", "verdict", "evidence", "single_run_agreement"]


class Rules(Section):
    """`claims` of params.yaml: which datasets the claims are about, and the rules' thresholds."""

    music: list[str]
    music_exception: list[str]
    music_beside: list[str]
    speech_a: str
    speech_b: str
    minimum_repeats: PositiveInt
    close_margin: float = Field(gt=0)
    level_slack: float = Field(ge=0)
    cheaper_ratio: float = Field(gt=0, lt=1)
    often_share: float = Field(gt=0, lt=1)
    rare_share: float = Field(gt=0, lt=1)
    single_runs: PositiveInt


@dataclass(frozen=True)
class Comparison:
    """One dataset and pair of cells: its verdict, the numbers and the sample in words, and what single runs say.

    `stated[i, j]`: whether a study with only repeat i of the first cell and repeat j of the second states it; None
    if the comparison cannot be made, and `words` says why.
    """

    dataset: str
    first: str
    second: str
    verdict: str
    words: str
    sample: str = ""
    stated: np.ndarray | None = None
    few: bool = False  # undecided for want of repeats, whatever the numbers are


class Evidence:
    """The quantities that claims speak about, from the runs of the design."""

    def __init__(
        self,
        runs: dict[tuple[str, str], Run],
        rules: Rules,
        resampling: Resampling,
        preliminary: frozenset[str],
        memories: Memories,
    ):
        self.runs, self.rules, self.resampling, self.preliminary = runs, rules, resampling, preliminary
        self.memories = memories
        self._known: dict[tuple[str, ...], Interval] = {}  # several claims and tables ask for the same intervals

    def difference(self, dataset: str, first: str, second: str, averaging: str = "pooled") -> Interval:
        """Test NLL of `first` minus that of `second`, nats per step, over repeats in which both have a result."""
        if first > second:  # a pair is drawn in one order, so that both directions give the same interval
            return -self.difference(dataset, second, first, averaging)
        key = ("difference", dataset, first, second, averaging)
        if key not in self._known:
            a, b = self.runs[dataset, first], self.runs[dataset, second]
            rng = self.resampling.generator(*key)
            self._known[key] = difference(*paired(a, b), a.piece_steps, averaging, self.resampling, rng)
        return self._known[key]

    def level(self, dataset: str, first: str, second: str) -> float:
        """The validation NLL that every chosen net of both cells reaches, nats per step, and the slack."""
        return max(self.runs[dataset, cell].worst_valid_nll for cell in (first, second)) + self.rules.level_slack

    def clock(self, dataset: str, cell: str, level: float, clock: str) -> np.ndarray:
        """`updates` or `seconds` to the first epoch whose validation NLL is at most `level`: [R], infinite if never."""
        run = self.runs[dataset, cell]
        curves = run.chosen_curves
        reached = curves[curves["valid_nll"] <= level].groupby("repeat")["updates"].min()
        updates = reached.reindex(run.repeats).fillna(math.inf).to_numpy(float)
        return updates * (run.info["seconds_per_update"] if clock == "seconds" else 1.0)

    def progress(self, dataset: str, first: str, second: str, clock: str) -> Interval:
        """The ratio of the first cell's updates or seconds to the pair's level over the second's."""
        if first > second:
            return self.progress(dataset, second, first, clock).inverse()
        key = ("progress", dataset, first, second, clock)
        if key not in self._known:
            level = self.level(dataset, first, second)
            a, b = (self.clock(dataset, cell, level, clock) for cell in (first, second))
            rng = self.resampling.generator(*key[:-1])  # the same draws on both clocks
            # A diverged repeat never reaches the level: it is left out here and stays in the single-run studies.
            both = np.isfinite(a) & np.isfinite(b)
            self._known[key] = ratio(a[both], b[both], self.resampling, rng)
        return self._known[key]

    def same_clock(self, dataset: str, first: str, second: str) -> bool:
        """Whether seconds can be compared: both cells were timed on the same device, by the same engine."""
        a, b = (self.runs[dataset, cell].info for cell in (first, second))
        return all(a.get(key) == b.get(key) for key in ("device", "engine", "batch_size"))

    def memory(self, dataset: str, cell: str, column: str, net: str = TRAINED) -> np.ndarray:
        """A column of memory.csv: [R], NaN for a repeat that diverged."""
        return self.memories[dataset, cell].per_repeat(net, column, self.runs[dataset, cell].repeats)

    def tested(self, dataset: str, cell: str) -> int:
        """Repeats that have a result."""
        return int(self.runs[dataset, cell].results["test_nll"].notna().sum())

    def pairs(self, dataset: str, first: str, second: str) -> int:
        """Repeats in which both cells have a result."""
        return len(paired(self.runs[dataset, first], self.runs[dataset, second])[0])

    def obstacle(self, dataset: str, first: str, second: str) -> str:
        """Why the pair cannot be compared, or an empty string."""
        for cell in (first, second):
            if (dataset, cell) not in self.runs:
                known = {name for name, _ in self.runs}
                return f"{dataset if dataset not in known else cell_name(cell)} is not in this design"
        for cell in (first, second):
            if not self.tested(dataset, cell):
                return f"every repeat of {cell_name(cell)} diverged"
        if not self.pairs(dataset, first, second):
            return "in every repeat one of them diverged"
        return ""

    def counts(self, dataset: str, first: str, second: str) -> str:
        """The sample behind a comparison, in words."""
        parts = []
        for cell in (first, second):
            tested, repeats = self.tested(dataset, cell), len(self.runs[dataset, cell].repeats)
            lost = f" ({repeats - tested} diverged)" if tested < repeats else ""
            parts.append(f"{tested}{lost}")
        return "n=" + (parts[0] if parts[0] == parts[1] else " and ".join(parts))

    def enough(self, dataset: str, first: str, second: str) -> bool:
        return self.pairs(dataset, first, second) >= self.rules.minimum_repeats


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
    """`first` − `second` below `threshold`, in test NLL."""
    return _compare_nll(evidence, dataset, first, second, lambda i: below(i, threshold), lambda gap: gap < threshold)


def compare_close(evidence: Evidence, dataset: str, first: str, second: str) -> Comparison:
    """`first` − `second` within ±close_margin, in test NLL."""
    margin = evidence.rules.close_margin
    return _compare_nll(
        evidence, dataset, first, second, lambda i: within(i, margin), lambda gap: np.abs(gap) <= margin
    )


def _compare_nll(
    evidence: Evidence,
    dataset: str,
    first: str,
    second: str,
    judge: Callable[[Interval], str],
    holds: Callable[[np.ndarray], np.ndarray],
) -> Comparison:
    label = f"{cell_name(first)} − {cell_name(second)}"
    if obstacle := evidence.obstacle(dataset, first, second):
        return Comparison(dataset, first, second, UNDECIDED, f"{label}: {obstacle}")
    interval = evidence.difference(dataset, first, second)
    # A diverged repeat is a single-run study without a net for that cell: its NLL is infinite, and worse than any.
    a, b = (evidence.runs[dataset, cell].results["test_nll"].fillna(math.inf).to_numpy() for cell in (first, second))
    with np.errstate(invalid="ignore"):  # two diverged repeats: inf − inf states nothing
        stated = holds(a[:, None] - b[None, :])
    span = f" [{signed(interval.low)}, {signed(interval.high)}]" if interval.known else ""
    words = f"{label} {signed(interval.mean)}{span} nats"
    sample = f"{evidence.counts(dataset, first, second)}, {len(evidence.runs[dataset, first].piece_steps)} pieces"
    return _judged(evidence, Comparison(dataset, first, second, judge(interval), words, sample, stated), interval)


def compare_progress(evidence: Evidence, dataset: str, first: str, second: str, clock: str) -> Comparison:
    """`first` needs fewer updates or seconds than `second` to reach the pair's level."""
    label = f"{clock} of {cell_name(first)} over {cell_name(second)}"
    if obstacle := evidence.obstacle(dataset, first, second):
        return Comparison(dataset, first, second, UNDECIDED, f"{label}: {obstacle}")
    if clock == "seconds" and not evidence.same_clock(dataset, first, second):
        return Comparison(dataset, first, second, UNDECIDED, f"{label}: timed on different devices or engines")
    level = evidence.level(dataset, first, second)
    interval = evidence.progress(dataset, first, second, clock)
    a, b = (evidence.clock(dataset, cell, level, clock) for cell in (first, second))
    span = f" [{number(interval.low)}, {number(interval.high)}]" if interval.known else ""
    words = f"{label} {number(interval.mean)}{span} to NLL {number(level)}"
    sample, stated = evidence.counts(dataset, first, second), a[:, None] < b[None, :]
    return _judged(evidence, Comparison(dataset, first, second, below(interval, 1.0), words, sample, stated), interval)


def compare_cost(evidence: Evidence, dataset: str, first: str, second: str) -> Comparison:
    """One update of `first` takes at most cheaper_ratio of one of `second`: a measurement a cell, without interval."""
    label = f"seconds an update of {cell_name(first)} over {cell_name(second)}"
    if obstacle := evidence.obstacle(dataset, first, second):
        return Comparison(dataset, first, second, UNDECIDED, f"{label}: {obstacle}")
    if not evidence.same_clock(dataset, first, second):
        return Comparison(dataset, first, second, UNDECIDED, f"{label}: timed on different devices or engines")
    a, b = (evidence.runs[dataset, cell] for cell in (first, second))
    share = a.info["seconds_per_update"] / b.info["seconds_per_update"]
    limit = evidence.rules.cheaper_ratio
    verdict = SUPPORTED if share <= limit else CONTRADICTED if share >= 1 / limit else UNDECIDED
    stated = np.full((len(a.repeats), len(b.repeats)), share <= limit)
    return Comparison(dataset, first, second, verdict, f"{label} {number(share)}", "one timing each", stated)


def compare_share(evidence: Evidence, dataset: str, cell: str, fate: str, limit: float, least: bool) -> Comparison:
    """The share of the cell's losses whose gradient has met its `fate` at the reference lag is above or below a limit.

    Args:
        fate: `vanishing` or `exploding`.
        least: whether the share is to be above the limit; below it otherwise.
    """
    label = f"{cell_name(cell)} share {fate}"
    if obstacle := evidence.obstacle(dataset, cell, cell) or _out_of_reach(evidence, dataset, cell):
        return Comparison(dataset, cell, cell, UNDECIDED, f"{label}: {obstacle}")
    shares, untrained = (evidence.memory(dataset, cell, f"share_{fate}", net) for net in (TRAINED, UNTRAINED))
    rng = evidence.resampling.generator("share", dataset, cell, fate)
    interval = mean_over_repeats(shares[~np.isnan(shares)], evidence.resampling, rng, SHARE)
    verdict = below(-interval, -limit) if least else below(interval, limit)
    # A diverged repeat left no net: as a single-run study it states nothing.
    holds = shares > limit if least else shares < limit
    stated = np.broadcast_to(holds[:, None], (len(holds), len(holds)))
    span = f" [{number(interval.low)}, {number(interval.high)}]" if interval.known else ""
    words = f"{label} {number(interval.mean)}{span} (untrained {number(float(untrained.mean()))})"
    sample = evidence.counts(dataset, cell, cell)
    return _judged(evidence, Comparison(dataset, cell, cell, verdict, words, sample, stated), interval)


def compare_reach(evidence: Evidence, dataset: str, first: str, second: str) -> Comparison:
    """The gradient of `first` is larger than that of `second` at the reference lag, beside that at lag 0."""
    label = f"log10 gradient ratio of {cell_name(first)} − {cell_name(second)}"
    obstacle = evidence.obstacle(dataset, first, second)
    if obstacle := obstacle or _out_of_reach(evidence, dataset, first):  # the cells of a dataset have the same cases
        return Comparison(dataset, first, second, UNDECIDED, f"{label}: {obstacle}")
    a, b = (evidence.memory(dataset, cell, "log10_ratio") for cell in (first, second))
    gaps = (a - b)[~np.isnan(a - b)]  # a repeat is a pair: its cells share their seeds, and here their cases
    if not len(gaps):
        return Comparison(dataset, first, second, UNDECIDED, f"{label}: in every repeat one of them diverged")
    interval = mean_over_repeats(
        gaps, evidence.resampling, evidence.resampling.generator("reach", dataset, first, second)
    )
    stated = a[:, None] > b[None, :]  # false where either diverged
    span = f" [{signed(interval.low)}, {signed(interval.high)}]" if interval.known else ""
    before = np.subtract(*(evidence.memory(dataset, cell, "log10_ratio", UNTRAINED) for cell in (first, second)))
    words = f"{label} {signed(interval.mean)}{span} (untrained {signed(float(before.mean()))})"
    sample = evidence.counts(dataset, first, second)
    return _judged(evidence, Comparison(dataset, first, second, below(-interval, 0), words, sample, stated), interval)


def _out_of_reach(evidence: Evidence, dataset: str, cell: str) -> str:
    """Why there is no gradient at the reference lag, or an empty string."""
    nets = evidence.memories[dataset, cell].nets
    longest, reference = nets[["longest_lag", "reference_lag"]].iloc[0]
    return f"pieces reach {longest:.0f} steps back, not {reference:.0f}" if longest < reference else ""


def _judged(evidence: Evidence, comparison: Comparison, interval: Interval) -> Comparison:
    """The comparison, undecided where its repeats are too few to show the spread between runs."""
    dataset, first, second = comparison.dataset, comparison.first, comparison.second
    if interval.known and evidence.enough(dataset, first, second):
        return comparison
    return replace(comparison, verdict=UNDECIDED, sample=f"{comparison.sample}; too few repeats to decide", few=True)


@dataclass(frozen=True)
class Claim:
    """A claim: its comparisons, in groups where it has more than one kind, and how they make one verdict.

    Args:
        judge: takes the verdicts of each group's comparisons.
        states: takes the truth of each group's comparisons in S single-run studies, [C, S] a group, and returns [S].
        beside: comparisons on other data, shown in the evidence and never counted.
    """

    number: int
    source: str
    statement: str
    groups: list[list[Comparison]]
    judge: Callable[[list[list[str]]], str]
    states: Callable[[list[np.ndarray]], np.ndarray]
    beside: tuple[Comparison, ...] = ()


def all_hold(groups: list[list[str]]) -> str:
    """Supported only if all comparisons are, contradicted if any is."""
    verdicts = [verdict for group in groups for verdict in group]
    if CONTRADICTED in verdicts:
        return CONTRADICTED
    return SUPPORTED if verdicts and set(verdicts) == {SUPPORTED} else UNDECIDED


def mostly_hold(share: float) -> Callable[[list[list[str]]], str]:
    """Supported if more than `share` of every group is, contradicted if more than `share` of any group is."""

    def judge(groups: list[list[str]]) -> str:
        if any(group.count(CONTRADICTED) > share * len(group) for group in groups):
            return CONTRADICTED
        return SUPPORTED if all(group.count(SUPPORTED) > share * len(group) for group in groups) else UNDECIDED

    return judge


def depends(groups: list[list[str]]) -> str:
    """For comparisons of the same pair: supported if they go both ways, contradicted if all go the same way."""
    verdicts = [verdict for group in groups for verdict in group]
    if SUPPORTED in verdicts and CONTRADICTED in verdicts:
        return SUPPORTED
    return CONTRADICTED if len(set(verdicts)) == 1 and verdicts[0] != UNDECIDED else UNDECIDED


def build(evidence: Evidence) -> list[Claim]:
    """The claims with their comparisons, in the paper's order."""
    rules = evidence.rules
    music, speech = rules.music, [rules.speech_a, rules.speech_b]
    winning = [dataset for dataset in music if dataset not in rules.music_exception]
    pairs = [("gru", "lstm"), ("gru", "tanh"), ("lstm", "tanh")]
    beside = [dataset for dataset in rules.music_beside if any(dataset == name for name, _ in evidence.runs)]
    clocks = ["updates", "seconds"]

    def nll(datasets: list[str], pairs: list[tuple[str, str]], threshold: float = 0.0) -> list[Comparison]:
        return [compare_nll(evidence, d, first, second, threshold) for d in datasets for first, second in pairs]

    def close(datasets: list[str]) -> list[Comparison]:
        return [compare_close(evidence, d, first, second) for d in datasets for first, second in pairs]

    def progress(datasets: list[str], pairs: list[tuple[str, str]], clocks: list[str]) -> list[Comparison]:
        return [
            compare_progress(evidence, d, first, second, clock)
            for d in datasets
            for first, second in pairs
            for clock in clocks
        ]

    def fates(datasets: list[str]) -> list[Comparison]:
        kinds = [("vanishing", rules.often_share, True), ("exploding", rules.rare_share, False)]
        return [compare_share(evidence, d, "tanh", *kind) for d in datasets for kind in kinds]

    def reaching(datasets: list[str]) -> list[Comparison]:
        return [
            comparison
            for d in datasets
            for first, second in gated
            for comparison in (
                compare_reach(evidence, d, first, second),
                compare_share(evidence, d, first, "vanishing", rules.often_share, False),
            )
        ]

    def every(groups: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(groups).all(0)

    def most(groups: list[np.ndarray]) -> np.ndarray:
        return np.all([group.mean(0) > rules.often_share for group in groups], 0)

    def both_ways(groups: list[np.ndarray]) -> np.ndarray:
        return groups[0].any(0) & ~groups[0].all(0)

    gru_wins, gated = [("gru", "lstm"), ("gru", "tanh")], [("lstm", "tanh"), ("gru", "tanh")]
    cheaper = [compare_cost(evidence, d, "tanh", cell) for d in speech for cell in ("lstm", "gru")]
    return [
        Claim(
            1,
            "Section 5, Table 2",
            "On music the GRU beats the LSTM and tanh units on every set but Nottingham.",
            [nll(winning, gru_wins)],
            all_hold,
            every,
            tuple(nll(beside, gru_wins)),
        ),
        Claim(
            2,
            "Section 5, Table 2",
            "On music all three units perform closely to each other.",
            [close(music)],
            all_hold,
            every,
            tuple(close(beside)),
        ),
        Claim(
            3,
            "Section 5, Table 2",
            "On speech the gated units clearly beat the tanh units.",
            [nll(speech, gated, -rules.close_margin)],
            all_hold,
            every,
        ),
        Claim(
            4,
            "Section 5, Table 2",
            "The LSTM is best on the first speech set (Ubisoft A), the GRU on the second (Ubisoft B).",
            [
                nll([rules.speech_a], [("lstm", "tanh"), ("lstm", "gru")])
                + nll([rules.speech_b], [("gru", "tanh"), ("gru", "lstm")])
            ],
            all_hold,
            every,
        ),
        Claim(
            5,
            "Section 5, Figure 2",
            "On music the GRU progresses faster, per update and per second.",
            [progress(music, gru_wins, clocks)],
            all_hold,
            every,
            tuple(progress(beside, gru_wins, clocks)),
        ),
        Claim(
            6,
            "Section 5, Figure 3",
            "On speech a tanh update is cheaper, yet makes little progress.",
            [cheaper + progress(speech, gated, clocks)],
            all_hold,
            every,
        ),
        Claim(
            7,
            "Sections 5 and 6",
            "Convergence of gated units is often faster, and their final solutions tend to be better.",
            [progress([*music, *speech], gated, ["updates"]), nll([*music, *speech], gated)],
            mostly_hold(rules.often_share),
            most,
        ),
        Claim(
            8,
            "Section 6",
            "Between LSTM and GRU there is no general winner: it depends on the data.",
            [nll([*music, *speech], [("gru", "lstm")])],
            depends,
            both_ways,
        ),
        Claim(
            9,
            "Section 2 (background)",
            "The gradients of tanh units vanish most of the time and seldom explode.",
            [fates([*music, *speech])],
            all_hold,
            every,
            tuple(fates(beside)),
        ),
        Claim(
            10,
            "Section 3 (background)",
            "The additive update of gated units makes shortcuts through time, so errors travel back without vanishing.",
            [reaching([*music, *speech])],
            all_hold,
            every,
            tuple(reaching(beside)),
        ),
    ]


def claims_table(evidence: Evidence, design: Design, counterparts: Mapping[str, Counterpart]) -> pd.DataFrame:
    """claims.csv: a row per claim, with its verdict and the sentences that carry it."""
    rows = []
    for claim in build(evidence):
        verdict = claim.judge([[part.verdict for part in group] for group in claim.groups])
        agreement = single_run_agreement(claim, evidence)
        rows.append(
            [
                claim.number,
                claim.source,
                claim.statement,
                verdict,
                _evidence(claim, evidence, design, counterparts),
                agreement,
            ]
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def single_run_agreement(claim: Claim, evidence: Evidence) -> float | None:
    """The share of single-run studies that would have stated the claim.

    Each study has one repeat of each cell on each dataset. All of them are enumerated where there are at most
    `single_runs`, else so many are drawn. None if a comparison cannot be made: no such study could state the claim.
    """
    parts = [part for group in claim.groups for part in group]
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
        np.array([p.stated[repeat[p.dataset, p.first], repeat[p.dataset, p.second]] for p in group])
        for group in claim.groups
    ]
    return float(claim.states(truths).mean())


def _evidence(claim: Claim, evidence: Evidence, design: Design, counterparts: Mapping[str, Counterpart]) -> str:
    parts = [part for group in claim.groups for part in group]
    absent = list(dict.fromkeys(part.dataset for part in parts if part.dataset not in design.datasets))
    present = [part for part in parts if part.dataset in design.datasets]
    sentences = []
    if absent:
        sentences.append(f"Not in this design: {', '.join(absent)}.")
    if present:
        verdicts = [part.verdict for part in present]
        counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in (SUPPORTED, CONTRADICTED, UNDECIDED))
        sentences += [f"Comparisons: {counts}.", *_by_sample(present)]
    if claim.beside:
        sentences += ["Beside it, not counted:", *_by_sample(claim.beside)]
    shown = {part.dataset for part in [*present, *claim.beside]}
    for dataset in design.datasets:
        if dataset in shown and dataset in counterparts and counterparts[dataset].data == "stand_in":
            sentences.append(f"{dataset} stands in for {counterparts[dataset].name}, which was never public.")
    if small := [dataset for dataset in design.datasets if dataset in shown & evidence.preliminary]:
        sentences.append(f"Preliminary, on less than the paper's budget: {', '.join(small)}.")
    return " ".join(sentences)


def _by_sample(parts: Iterable[Comparison]) -> list[str]:
    """A sentence per dataset and sample, with its comparisons' numbers and verdicts."""
    groups: dict[tuple[str, str], list[str]] = {}
    for part in parts:
        verdict = "" if part.few or part.stated is None else f", {part.verdict}"
        groups.setdefault((part.dataset, part.sample), []).append(part.words + verdict)
    return [
        f"{dataset}{f' ({sample})' if sample else ''}: {'; '.join(words)}."
        for (dataset, sample), words in groups.items()
    ]
