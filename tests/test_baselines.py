"""Baselines: small cases by hand, and what they must beat or equal."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from stages.scoring.baselines import baseline_table, copy_previous, linear_predictor, note_unigram, single_gaussian


def split(*pieces, output="bernoulli"):
    """A prepared split from pieces of frames."""
    pieces = [np.array(piece, np.uint8) for piece in pieces]
    return SimpleNamespace(
        inputs=np.concatenate([p[:-1] for p in pieces]),
        targets=np.concatenate([p[1:] for p in pieces]),
        lengths=np.array([len(p) - 1 for p in pieces]),
        output=output,
    )


TUNES = split([[1, 0], [1, 0], [1, 1]], [[0, 0], [1, 0]])  # five frames: note 0 in four, note 1 in one


def test_note_unigram_by_hand():
    on = np.array([5 / 7, 2 / 7])
    nll = note_unigram(TUNES)(TUNES)
    both_off_but_first = -np.log(on[0]) - np.log(1 - on[1])
    np.testing.assert_allclose(nll, [both_off_but_first, -np.log(on).sum(), both_off_but_first])


def test_copy_previous_by_hand():
    nll = copy_previous(TUNES)(TUNES)
    note_0 = [-np.log(3 / 4), -np.log(3 / 4), -np.log(2 / 3)]  # on after on 2 of 2, on after off 1 of 1, add-one
    note_1 = [-np.log(1 - 2 / 5), -np.log(2 / 5), -np.log(1 - 2 / 5)]  # on after off 1 of 3, add-one
    np.testing.assert_allclose(nll, np.add(note_0, note_1))


def test_averagings():
    table = baseline_table({"train": TUNES, "test": TUNES}).set_index(["baseline", "split", "averaging"]).nll
    nll = note_unigram(TUNES)(TUNES)
    assert table["note-1-gram", "test", "pooled"] == pytest.approx(nll.mean())
    assert table["note-1-gram", "test", "per_sequence"] == pytest.approx((nll[:2].mean() + nll[2]) / 2)
    on = np.array([5 / 7, 2 / 7])
    frames = np.array([[1, 0], [1, 0], [1, 1], [0, 0], [1, 0]])
    first_included = -np.where(frames, np.log(on), np.log(1 - on)).sum(1).mean()
    assert table["note-1-gram", "test", "pooled_with_first_frame"] == pytest.approx(first_included)


def speech(seed, steps=4000):
    """Targets that are a known linear function of the inputs plus noise of deviation 0.1."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(steps, 3))
    targets = inputs @ [[1.0, 0.5], [0.0, -0.5], [0.2, 0.0]] + 0.1 * generator.normal(size=(steps, 2))
    return SimpleNamespace(
        inputs=inputs.astype(np.float32),
        targets=targets.astype(np.float32),
        lengths=np.array([steps // 4] * 4),
        output="gaussian_mixture",
    )


def test_linear_predictor_reaches_the_entropy_of_the_noise():
    entropy = 2 * norm(0, 0.1).entropy()
    assert linear_predictor(speech(0))(speech(1)).mean() == pytest.approx(entropy, abs=0.03)


def test_single_gaussian_reaches_the_entropy_of_the_targets():
    covariance = np.cov(speech(0).targets.T)
    entropy = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * covariance)[1]
    assert single_gaussian(speech(0))(speech(1)).mean() == pytest.approx(entropy, abs=0.05)
