"""The quantities that claims speak about, with their intervals, from the runs of a design."""

import math
from dataclasses import dataclass, field

import numpy as np
from pydantic import Field, PositiveInt

from stages.findings.inference.resampling import NOTHING, ONCE, Interval, Resampling, difference, ratio
from stages.findings.records.reach import TRAINED, Memories
from stages.findings.records.runs import Runs, paired
from stages.plumbing.parameters import Name, Section
from stages.presentation.wording import cell_name


class Rules(Section):
    """`claims` of params.yaml: which datasets the claims are about, and the rules' thresholds."""

    music: list[Name]
    music_exception: list[Name]
    music_beside: list[Name]
    speech_a: Name
    speech_b: Name
    minimum_repeats: PositiveInt
    close_margin: float = Field(gt=0)
    level_slack: float = Field(ge=0)
    cheaper_ratio: float = Field(gt=0, lt=1)
    often_share: float = Field(gt=0, lt=1)
    rare_share: float = Field(gt=0, lt=1)
    single_runs: PositiveInt


@dataclass
class Evidence:
    """The quantities that claims speak about, from the runs of the design."""

    runs: Runs
    rules: Rules
    resampling: Resampling
    memories: Memories
    # several claims and tables ask for the same intervals
    _known: dict[tuple[str, ...], Interval] = field(default_factory=dict, init=False)

    def difference(self, dataset: str, first: str, second: str, averaging: str = "pooled") -> Interval:
        """Test NLL of `first` minus that of `second`, nats per step, over repeats in which both have a result."""
        if first > second:  # a pair is drawn in one order, so that both directions give the same interval
            return -self.difference(dataset, second, first, averaging)
        key = ("difference", dataset, first, second, averaging)
        if key not in self._known:
            a, b = self.runs[dataset, first], self.runs[dataset, second]
            self._known[key] = difference(*paired(a, b), a.piece_steps, averaging, self.resampling, *key)
        return self._known[key]

    def decided(self, dataset: str, first: str, second: str) -> Interval:
        """A difference that has enough repeats to speak of other runs, else NaN."""
        if self.obstacle(dataset, first, second) or not self.enough(dataset, first, second):
            return NOTHING
        return self.difference(dataset, first, second)

    def level(self, dataset: str, first: str, second: str) -> float:
        """The validation NLL that every chosen net of both cells reaches, nats per step, and the slack."""
        return max(self.runs[dataset, cell].worst_valid_nll for cell in (first, second)) + self.rules.level_slack

    def clock(self, dataset: str, cell: str, level: float, clock: str) -> np.ndarray:
        """`updates` or `seconds` to the first epoch whose validation NLL is at most `level`: [R], infinite if never."""
        run = self.runs[dataset, cell]
        curves = run.chosen_curves
        reached = curves[curves["valid_nll"] <= level].groupby("repeat")["updates"].min()
        updates = reached.reindex(run.repeats).fillna(math.inf).to_numpy(float)
        return updates * (np.exp(np.log(run.timings["seconds"]).mean()) if clock == "seconds" else 1.0)

    def cost(self, dataset: str, first: str, second: str) -> Interval:
        """The ratio of the first cell's seconds an update over the second's, over the rounds of timing."""
        if first > second:
            return self.cost(dataset, second, first).inverse()
        return ratio(*self._seconds(dataset, first, second), self.resampling, "cost", dataset, first, second)

    def _seconds(self, dataset: str, *cells: str) -> list[np.ndarray]:
        return [self.runs[dataset, cell].timings["seconds"].to_numpy(float) for cell in cells]

    def progress(self, dataset: str, first: str, second: str, clock: str) -> Interval:
        """The ratio of the first cell's updates or seconds to the pair's level over the second's."""
        if first > second:
            return self.progress(dataset, second, first, clock).inverse()
        key = ("progress", dataset, first, second, clock)
        if key not in self._known:
            level = self.level(dataset, first, second)
            a, b = (self.clock(dataset, cell, level, "updates") for cell in (first, second))
            # A diverged repeat never reaches the level: it is left out here and stays in the single-run studies.
            both = np.isfinite(a) & np.isfinite(b)
            costs = np.divide(*self._seconds(dataset, first, second)) if clock == "seconds" else ONCE
            self._known[key] = ratio(a[both], b[both], self.resampling, *key[:-1], times=costs)
        return self._known[key]

    def same_clock(self, dataset: str, first: str, second: str) -> bool:
        """Whether seconds can be compared: both cells were timed with the same engine."""
        a, b = (self.runs[dataset, cell].timings["engine"] for cell in (first, second))
        return set(a) == set(b)

    def memory(self, dataset: str, cell: str, column: str, net: str = TRAINED) -> np.ndarray:
        """A column of memory.csv: [R], NaN for a repeat that diverged."""
        return self.memories[dataset, cell].per_repeat(net, column, self.runs[dataset, cell].repeats)

    def tested(self, dataset: str, cell: str) -> int:
        """Repeats that have a result."""
        return int(self.runs[dataset, cell].results["test_nll"].notna().sum())

    def pairs(self, dataset: str, first: str, second: str) -> int:
        """Repeats in which both cells have a result."""
        return len(paired(self.runs[dataset, first], self.runs[dataset, second])[0])

    def absent(self, dataset: str, first: str, second: str) -> str:
        """Which of the pair the design lacks, or an empty string."""
        for cell in (first, second):
            if (dataset, cell) not in self.runs:
                known = {name for name, _ in self.runs}
                return f"{dataset if dataset not in known else cell_name(cell)} is not in this design"
        return ""

    def obstacle(self, dataset: str, first: str, second: str) -> str:
        """Why the pair's nets cannot be compared, or an empty string."""
        if absent := self.absent(dataset, first, second):
            return absent
        for cell in (first, second):
            if not self.tested(dataset, cell):
                return f"every repeat of {cell_name(cell)} diverged"
        if not self.pairs(dataset, first, second):
            return "in every repeat one of them diverged"
        return ""

    def counts(self, dataset: str, first: str, second: str) -> str:
        """How many of the repeats that both cells have a result is there of, in words: one number where they agree."""
        runs = [self.runs[dataset, cell] for cell in (first, second)]
        common = np.intersect1d(*(run.repeats for run in runs))
        nll = [run.results.loc[run.results["repeat"].isin(common), "test_nll"] for run in runs]
        parts = [f"{of.count()}" + f" ({of.isna().sum()} diverged)" * bool(of.isna().any()) for of in nll]
        a, b = (run.trials["candidate"].nunique() for run in runs)
        searched = f"; {a} candidates beside {b}" * (a != b)  # who searched less is behind for that alone
        return (parts[0] if parts[0] == parts[1] else " and ".join(parts)) + searched

    def enough(self, dataset: str, first: str, second: str) -> bool:
        return self.pairs(dataset, first, second) >= self.rules.minimum_repeats
