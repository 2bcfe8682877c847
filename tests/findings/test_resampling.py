"""Resampling: known estimates, coverage, what is and is not resampled, and the same numbers from the same seed."""

import math

import numpy as np
import pytest

from stages.findings.inference.resampling import (
    SHARE,
    Interval,
    Resampling,
    difference,
    mean_over_repeats,
    means_over_repeats,
    over_pieces,
    ratio,
)

QUICK = Resampling(resamples=400, confidence=0.95, seed=1)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_difference_pooled_is_sum_of_nll_over_sum_of_steps():
    steps = np.array([10.0, 30.0])
    first, second = np.array([[20.0, 90.0], [40.0, 90.0]]), np.array([[10.0, 60.0], [10.0, 60.0]])
    pooled = difference(first, second, steps, "pooled", QUICK, "key")
    assert pooled.mean == pytest.approx((30 + 90) / 40 - (10 + 60) / 40)
    per_sequence = difference(first, second, steps, "per_sequence", QUICK, "key")
    assert per_sequence.mean == pytest.approx((3.0 + 3.0) / 2 - (1.0 + 2.0) / 2)


def test_difference_covers_the_truth_about_as_often_as_stated():
    generator, covered, trials = np.random.default_rng(0), 0, 150
    steps = np.full(40, 50.0)
    for trial in range(trials):
        pieces = generator.normal(8, 1, 40)
        first = (pieces + generator.normal(0.2, 0.5, 40))[None] * steps
        found = difference(first, pieces[None] * steps, steps, "pooled", QUICK, str(trial))
        covered += found.low <= 0.2 <= found.high
    assert 0.87 <= covered / trials <= 0.99


def test_difference_covers_the_truth_over_repeats_and_pieces():
    generator, covered, trials = np.random.default_rng(0), 0, 120
    steps = np.full(30, 50.0)
    for trial in range(trials):
        pieces = generator.normal(8, 1, 30)
        first, second = (
            pieces + generator.normal(level, 0.3, (12, 1)) + generator.normal(0, 0.2, (1, 30)) for level in (0.5, 0.0)
        )
        found = difference(first * steps, second * steps, steps, "pooled", QUICK, str(trial))
        covered += found.low <= 0.5 <= found.high
    assert 0.86 <= covered / trials <= 1.0


def test_spread_between_repeats_widens_the_interval():
    generator = np.random.default_rng(0)
    steps = np.full(30, 50.0)
    pieces = generator.normal(8, 1, 30)
    same = np.stack([pieces, pieces])
    apart = same + np.array([[-0.5], [0.5]])
    other = pieces[None] + generator.normal(0, 0.01, (2, 30))
    narrow = difference(same * steps, other * steps, steps, "pooled", QUICK, "key")
    wide = difference(apart * steps, other * steps, steps, "pooled", QUICK, "key")
    assert wide.mean == pytest.approx(narrow.mean)
    assert wide.high - wide.low > 50 * (narrow.high - narrow.low)


def test_pieces_are_paired_so_what_both_cells_share_cancels():
    generator = np.random.default_rng(0)
    steps = np.full(30, 50.0)
    hard = generator.normal(8, 3, 30)[None]
    found = difference((hard + 0.1) * steps, hard * steps, steps, "pooled", QUICK, "key")
    assert (found.low, found.mean, found.high) == pytest.approx((0.1, 0.1, 0.1))


def test_steps_are_not_resampled_longer_pieces_are_not_more_pieces():
    generator = np.random.default_rng(0)
    means = generator.normal(0, 1, (1, 20))
    short, long = np.full(20, 10.0), np.full(20, 1000.0)
    found = [difference(means * s, 0 * means, s, "pooled", QUICK, "key") for s in (short, long)]
    assert (found[0].low, found[0].high) == pytest.approx((found[1].low, found[1].high))


def test_one_level_everywhere_gives_no_interval():
    found = difference(np.array([[10.0]]), np.array([[5.0]]), np.array([5.0]), "pooled", QUICK, "key")
    assert found.mean == 1.0 and not found.known
    assert not mean_over_repeats(np.array([3.0]), QUICK, "key").known


@pytest.mark.parametrize("repeats", [2, 3, 5, 10])
def test_a_mean_over_few_repeats_covers_the_truth_about_as_often_as_stated(repeats):
    generator, trials = np.random.default_rng(repeats), 400
    found = [mean_over_repeats(generator.normal(5, 2, repeats), QUICK, str(trial)) for trial in range(trials)]
    # plain percentiles cover it 50, 76, 83 and 91 % of the time
    assert 0.92 <= sum(interval.low <= 5 <= interval.high for interval in found) / trials <= 0.98


def test_many_levels_are_hardly_stretched_and_fewer_more():
    stretches = [QUICK.stretch(levels) for levels in (2, 3, 10, 1000)]
    assert stretches == sorted(stretches, reverse=True) and stretches[0] > 9 and stretches[-1] < 1.002


def test_each_factor_is_stretched_by_its_own_number_of_levels():
    generator = np.random.default_rng(0)
    steps = np.full(200, 50.0)
    pieces = generator.normal(8, 1e-6, 200)  # alike: all spread is between the repeats
    repeats = generator.normal(0, 0.3, (3, 1))
    found = difference((pieces + repeats) * steps, pieces * np.ones((3, 1)) * steps, steps, "pooled", QUICK, "key")
    alone = mean_over_repeats(repeats[:, 0], QUICK, "key")
    assert found.high - found.low == pytest.approx(alone.high - alone.low, rel=0.01)


def test_an_interval_ends_where_a_share_does():
    values = np.array([0.9, 1.0, 1.0])
    found = mean_over_repeats(values, QUICK, "key", bounds=SHARE)
    (column,) = means_over_repeats(values[:, None], QUICK, rng(), [SHARE])
    assert found.high == column.high == 1.0 and 0 < found.low < 0.9


def test_repeats_are_paired_so_what_both_cells_share_cancels():
    generator = np.random.default_rng(0)
    steps = np.full(30, 50.0)
    shared = generator.normal(8, 1, (10, 1)) * np.ones(30)
    found = difference((shared + 0.1) * steps, shared * steps, steps, "pooled", QUICK, "key")
    assert (found.low, found.mean, found.high) == pytest.approx((0.1, 0.1, 0.1))
    opposed = difference((8.1 + shared) * steps, (24 - shared) * steps, steps, "pooled", QUICK, "key")
    alone = mean_over_repeats(shared[:, 0], QUICK, "key")
    assert opposed.high - opposed.low == pytest.approx(2 * (alone.high - alone.low), rel=0.2)


def test_ratio_of_geometric_means():
    found = ratio(np.array([2.0, 8.0]), np.array([8.0, 8.0]), QUICK, "key")
    assert found.mean == pytest.approx(0.5)
    assert found.low * found.high == pytest.approx(0.25)  # as far below as above, on the logarithmic scale


def test_same_seed_same_interval_and_keys_are_independent():
    values = np.random.default_rng(0).normal(size=15)
    once, again = (mean_over_repeats(values, QUICK, "a", "b") for _ in range(2))
    assert once == again
    assert once != mean_over_repeats(values, QUICK, "a", "c")
    other = Resampling(QUICK.resamples, QUICK.confidence, QUICK.seed + 1)
    assert once != mean_over_repeats(values, other, "a", "b")


def test_a_wider_confidence_gives_a_wider_interval():
    values = np.random.default_rng(0).normal(size=15)
    narrow = mean_over_repeats(values, Resampling(2000, 0.5, 1), "key")
    wide = mean_over_repeats(values, Resampling(2000, 0.99, 1), "key")
    assert wide.low < narrow.low < narrow.high < wide.high


def test_turning_an_interval_round():
    assert -Interval(1.0, 0.5, 2.0) == Interval(-1.0, -2.0, -0.5)
    assert Interval(1.0, 0.5, 2.0).inverse() == Interval(1.0, 0.5, 2.0)
    assert not Interval(1.0, math.nan, math.nan).known


def test_means_of_many_columns_are_each_ones_mean_with_its_interval():
    values = np.random.default_rng(2).normal([0.0, 5.0, -3.0], [1.0, 0.1, 4.0], (9, 3))
    much = Resampling(resamples=9999, confidence=0.95, seed=1)
    for column, found in zip(values.T, means_over_repeats(values, much, rng()), strict=True):
        alone = mean_over_repeats(column, much, "key")
        assert found.mean == pytest.approx(alone.mean)
        assert [found.low, found.high] == pytest.approx([alone.low, alone.high], abs=0.08 * column.std())
    assert not any(found.known for found in means_over_repeats(values[:1], much, rng()))


def test_an_interval_over_pieces_alone_is_about_that_of_the_bootstrap():
    steps = rng().integers(20, 200, 60).astype(float)
    first, second = (rng.normal(8, 0.3, (2, 60)) * steps for rng in map(np.random.default_rng, (1, 2)))
    means, halves = over_pieces(first, second, steps, 0.95)
    assert means.shape == halves.shape == (2, 2)
    for i, j in np.ndindex(2, 2):
        drawn = difference(first[i : i + 1], second[j : j + 1], steps, "pooled", Resampling(4000, 0.95, 1), "key")
        assert means[i, j] == pytest.approx(drawn.mean)
        assert halves[i, j] == pytest.approx((drawn.high - drawn.low) / 2, rel=0.08)
    assert np.isinf(over_pieces(first[:, :1], second[:, :1], steps[:1], 0.95)[1]).all()
