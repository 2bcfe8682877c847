"""Probability of improvement over several sets, in the manner of rliable (Agarwal et al. 2021).

On one set it is the share of pairs of runs, any with any, in which the first unit's run is the better one (a tie counts
half; a diverged run is worse than any other): the Mann-Whitney statistic. Over sets it is the mean of these shares. The
interval resamples each set's repeats on its own, both units together since repeats are pairs, and stretches what each
set's few repeats add as resampling.py does. The sets are held fixed: it speaks of these sets, not of others.
"""

import math
from collections.abc import Sequence

import numpy as np

from stages.findings.inference.resampling import NOTHING, SHARE, Interval, Resampling


def improvement_over_sets(runs: Sequence[Sequence[np.ndarray]], resampling: Resampling, *key: str) -> Interval:
    """The probability that a run of the first unit is better than one of the second, the mean over sets.

    Args:
        runs: for each set the test NLLs of the first unit's and the second's repeats, [R] and [R], NaN if diverged.

    Returns:
        NaN where there is no set, and for the ends where every resample is the same: repeats that nowhere overlap say
        nothing of how often further ones would.
    """
    if not runs:
        return NOTHING
    pairs = [[np.nan_to_num(nll, nan=math.inf)[:, None] for nll in of_set] for of_set in runs]
    shares = [(first < second.T) + 0.5 * (first == second.T) for first, second in pairs]  # run r over run s, [R, S]

    def estimate(*drawn: np.ndarray) -> np.ndarray:
        means = (share[r[..., :, None], r[..., None, :]].mean((-1, -2)) for share, r in zip(shares, drawn, strict=True))
        return sum(means) / len(shares)

    found = resampling.interval(list(map(len, shares)), estimate, "improvement", *key, bounds=SHARE)
    return found if found.low < found.high else NOTHING._replace(mean=found.mean)
