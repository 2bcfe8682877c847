"""Resampling: intervals over repeats and over pieces, by `scipy.stats.bootstrap`.

What is resampled. A repeat is one complete experiment (own learning rates, weights, noise, order, choice), and a
piece is one piece of music or recording; both are draws from what might have been. Steps within a piece are not:
they depend on each other, so they are never resampled. The pieces are the same for both cells and are resampled
together, which is what makes a difference more certain than its terms. Repeats and pieces are crossed factors, each
resampled on its own (Owen 2007, "The pigeonhole bootstrap").

Repeats are pairs: a repeat gives its candidate learning rates, its seeds and the order of its data to every cell, so
the same repeats are drawn for both cells. Drawn apart, an interval would be too wide where what they share makes two
cells rise and fall together, too narrow if the opposite; differences.csv tells the correlation.

Which interval. Percentiles: with two or three repeats the acceleration of BCa rests on as many points. But resamples of
few levels lie too close together: a plain percentile interval over two repeats is the range between them and holds the
truth one time in two, over three it holds it three times in four. So the deviation that a factor of n levels brings is
stretched by √(n / (n − 1)) · t / z, the widening of the "expanded percentile interval" (Hesterberg 2015, "What teachers
should know about the bootstrap"), applied to the deviations because few levels have no quantiles further out. The root
makes up for dividing by n where n − 1 are free; t and z are the quantiles of Student's distribution with n − 1 degrees
of freedom and of the normal one. That is 9.2 for two levels, 2.7 for three, 1.2 for ten, 1.0 for many.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

# Resamples computed at a time: bounds memory at about BATCH × pieces × 8 bytes (24 MB for 1,500 pieces).
BATCH = 2000

UNBOUNDED = (-math.inf, math.inf)
SHARE = (0.0, 1.0)
ONCE = np.ones(1)


class Interval(NamedTuple):
    """A point estimate with its interval; `low` and `high` are NaN where nothing could be resampled."""

    mean: float
    low: float
    high: float

    def __neg__(self) -> "Interval":
        return Interval(-self.mean, -self.high, -self.low)

    def inverse(self) -> "Interval":
        """The interval of 1/x for an x above zero."""
        return Interval(1 / self.mean, 1 / self.high, 1 / self.low)

    @property
    def known(self) -> bool:
        return not (math.isnan(self.low) or math.isnan(self.high))


NOTHING = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Resampling:
    """How often to resample, how wide the intervals are, and from which seed."""

    resamples: int
    confidence: float
    seed: int

    def generator(self, *key: str) -> np.random.Generator:
        """A generator of its own for what `key` names, so that a new dataset leaves the others' intervals alone."""
        return np.random.default_rng([self.seed, zlib.crc32("/".join(key).encode())])

    def stretch(self, levels: int) -> float:
        """By how much deviations of resamples of so many levels are stretched (at least two; see the module)."""
        tail = (1 + self.confidence) / 2
        return math.sqrt(levels / (levels - 1)) * float(stats.t.ppf(tail, levels - 1) / stats.norm.ppf(tail))

    def of_other_seeds(self, found: Interval) -> list[Interval]:
        """An interval as narrow and as wide as other seeds may make it: its ends two standard errors in or out.

        That of the q quantile of B normal draws is √(q (1 − q) / B) / φ(z), where the end is z from the mean.
        """
        tail = (1 - self.confidence) / 2
        z = stats.norm.ppf(1 - tail)
        share = 2 * math.sqrt(tail * (1 - tail) / self.resamples) / (z * stats.norm.pdf(z))
        mean, *ends = found
        return [Interval(mean, *(mean + by * (end - mean) for end in ends)) for by in (1 - share, 1 + share)]

    def interval(
        self,
        sizes: Sequence[int],
        estimate: Callable[..., np.ndarray],
        *key: str,
        bounds: tuple[float, float] = UNBOUNDED,
    ) -> Interval:
        """The interval of an estimate over several factors, each resampled on its own.

        Args:
            sizes: the number of levels of each factor (repeats, pieces).
            estimate: takes one array of level numbers [..., size] a factor and returns the estimates [...].
            key: names what is estimated, and so the resamples.
            bounds: of what the estimate can be (0 and 1 for a share): a stretched interval may reach beyond.

        A factor with a single level cannot be resampled and is held fixed; with no other factor there is no interval.
        """
        levels = [np.arange(size) for size in sizes]
        mean = float(estimate(*levels))
        free = [index for index, size in enumerate(sizes) if size > 1]
        if not free:
            return Interval(mean, math.nan, math.nan)

        def statistic(*drawn: np.ndarray, axis: int = -1) -> np.ndarray:
            """The factors' draws take effect one after the other, and what each adds is stretched by its own."""
            filled = [np.broadcast_to(level, (*drawn[0].shape[:-1], len(level))) for level in levels]
            before, stretched = mean, mean
            for index, sample in zip(free, drawn, strict=True):
                filled[index] = sample.astype(int)
                after = estimate(*filled)
                stretched = stretched + self.stretch(sizes[index]) * (after - before)
                before = after
            return stretched

        found = stats.bootstrap(
            [levels[index] for index in free],
            statistic,
            n_resamples=self.resamples,
            batch=BATCH,
            vectorized=True,
            axis=-1,
            confidence_level=self.confidence,
            method="percentile",
            rng=self.generator(*key),
        ).confidence_interval
        low, high = np.clip([found.low, found.high], *bounds)
        return Interval(mean, float(low), float(high))


def mean_over_repeats(
    values: ArrayLike, resampling: Resampling, *key: str, bounds: tuple[float, float] = UNBOUNDED
) -> Interval:
    """The mean of one number a repeat, [R], with its interval over repeats, NaN left out; NaN where there are none."""
    known = np.asarray(values, float)[~np.isnan(values)]
    if not len(known):
        return NOTHING
    return resampling.interval([len(known)], lambda r: known[r].mean(-1), *key, bounds=bounds)


def means_over_repeats(
    values: np.ndarray,
    resampling: Resampling,
    rng: np.random.Generator,
    bounds: Sequence[tuple[float, float]] | None = None,
) -> list[Interval]:
    """The means of C numbers a repeat, [R, C], each with its interval, from the same resamples of the repeats.

    `bounds`: one pair a column, of what its numbers can be.
    """
    repeats = len(values)
    means = values.mean(0)
    if repeats < 2:
        return [Interval(float(mean), math.nan, math.nan) for mean in means]
    counts = rng.multinomial(repeats, np.full(repeats, 1 / repeats), resampling.resamples)
    tail = (1 - resampling.confidence) / 2
    ends = np.quantile(counts @ values / repeats, [tail, 1 - tail], axis=0)
    low, high = np.clip(means + resampling.stretch(repeats) * (ends - means), *np.transpose(bounds or [UNBOUNDED]))
    return [Interval(*map(float, ends)) for ends in zip(means, low, high, strict=True)]


def difference(
    first: np.ndarray, second: np.ndarray, steps: np.ndarray, averaging: str, resampling: Resampling, *key: str
) -> Interval:
    """Mean NLL of the first cell minus that of the second, nats per step, over their repeats and the pieces.

    Args:
        first, second: each piece's NLL summed over its steps, nats: [R, N] and [R, N], the same R repeats, the same N
            pieces.
        steps: each piece's scored steps: [N].
        averaging: `pooled` (sum of NLL over sum of steps) or `per_sequence` (mean over pieces of NLL per step).

    With one repeat the interval is over pieces alone; means over repeats, [1, N], give that interval for many.
    """
    gap = first - second
    if averaging == "per_sequence":
        gap, steps = gap / steps, np.ones_like(steps)
    return pooled_mean(gap, steps, resampling, *key)


def pooled_mean(nll: np.ndarray, steps: np.ndarray, resampling: Resampling, *key: str) -> Interval:
    """Mean NLL of one cell, pooled over steps, nats per step, over its repeats and the pieces.

    Args:
        nll: each piece's NLL summed over its steps, nats: [R, N].
        steps: each piece's scored steps: [N].
    """

    def estimate(r: np.ndarray, n: np.ndarray) -> np.ndarray:
        return np.take_along_axis(mean_rows(nll, r), n, -1).sum(-1) / steps[n].sum(-1)

    return resampling.interval([len(nll), len(steps)], estimate, *key)


def ratio(
    first: np.ndarray, second: np.ndarray, resampling: Resampling, *key: str, times: np.ndarray = ONCE
) -> Interval:
    """The geometric mean of the ratios of positive numbers, [R] over [R], with its interval over the same R repeats.

    `times`: another ratio, measured T times, [T], that it is multiplied by, and whose rounds are resampled too.
    """
    if not len(first):
        return NOTHING
    ratios, costs = np.log(first) - np.log(second), np.log(times)
    sizes = [len(ratios), len(costs)]
    found = resampling.interval(sizes, lambda r, t: ratios[r].mean(-1) + costs[t].mean(-1), *key)
    return Interval(*map(math.exp, found))


def mean_rows(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Means of chosen rows: table [R, N], rows [..., R] → [..., N], without an array of [..., R, N]."""
    counts = (rows[..., None, :] == np.arange(len(table))[:, None]).sum(-1)  # [..., R]: how often each row was drawn
    return counts @ table / rows.shape[-1]


def over_pieces(
    first: np.ndarray, second: np.ndarray, steps: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """How far any repeat of one cell is from any of another, with an interval over pieces for each such pair alone.

    The interval is Student's t for a ratio of sums, linearised (Cochran 1977, ch. 6): a bootstrap over pieces comes to
    about the same, and there are too many pairs to draw one for each.

    Args:
        first, second: sums of NLL per piece, [R, N] and [S, N]; steps: of each piece, [N].

    Returns:
        The pooled difference in nats per step, and half the width of its interval (infinite for a single piece): each
        [R, S].
    """
    pieces, gaps = len(steps), first[:, None, :] - second[None, :, :]
    means = gaps.sum(-1) / steps.sum()
    if pieces < 2:
        return means, np.full_like(means, math.inf)
    residuals = gaps - means[..., None] * steps
    errors = np.sqrt(pieces / (pieces - 1) * (residuals**2).sum(-1)) / steps.sum()
    return means, errors * stats.t.ppf((1 + confidence) / 2, pieces - 1)
