"""What candidates draw, and the errors of a protocol that cannot be."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from training_data import PROTOCOL, protocol

from stages.plumbing.errors import InputError
from stages.plumbing.parameters import checked, read, section
from stages.population import trials
from stages.protocol.protocol import Protocol

ROOT = Path(__file__).parents[2]
PARAMS = ROOT / "params.yaml"


def test_the_papers_rates_and_seeds_are_those_of_the_committed_trainings():
    """To the last place of a float64 but one: processors' vector units round NumPy's eˣ differently."""
    rules, found = section("train", Protocol, PARAMS), 0
    datasets = read("datasets", PARAMS)
    for path in sorted(ROOT.glob("models/**/trials.csv")):
        (dataset,) = set(path.parts) & datasets.keys()
        if {"authors", "practice", "practice_bias"} & set(path.parts):  # other rates
            continue
        table = pd.read_csv(path)
        drawn = trials.draw(rules, dataset, table["repeat"].max() + 1, table["candidate"].max() + 1)
        places = [(trial.repeat, trial.candidate, trial.seed) for trial in drawn]
        assert places == list(table[["repeat", "candidate", "seed"]].itertuples(index=False, name=None))
        rates = np.array([trial.rate for trial in drawn])
        np.testing.assert_allclose(rates, table["learning_rate"], rtol=4e-16)
        np.testing.assert_array_equal(rates.astype(np.float32), table["learning_rate"].astype(np.float32))
        found += len(drawn)
    assert found > 1000


def test_numbers_are_everybodys():
    (first, second) = trials.draw(protocol(rate=0.01, weight_noise=0.1, dropout=0.5), "tunes", 1, 2)
    assert (first.rate, first.weight_noise, first.dropout) == (second.rate, second.weight_noise, second.dropout)
    assert first.seed != second.seed and protocol().drawn() == []


def test_noise_and_dropout_are_drawn_beside_the_rate_and_leave_it_as_it_is():
    rules = protocol(weight_noise={"uniform": [0.02, 0.1]}, dropout={"one_of": [0.0, 0.25, 0.5]})
    assert rules.drawn() == ["weight_noise", "dropout"]
    plain, drawn = (trials.draw(each, "tunes", 20, 30) for each in (protocol(), rules))
    assert [(t.seed, t.rate) for t in plain] == [(t.seed, t.rate) for t in drawn]
    noises, shares = (np.array([getattr(t, name) for t in drawn]) for name in ("weight_noise", "dropout"))
    assert 0.02 <= noises.min() < 0.025 and 0.095 < noises.max() <= 0.1
    assert np.unique(shares, return_counts=True)[1].min() > 150  # 200 expected of each
    assert abs(np.corrcoef(noises, shares)[0, 1]) < 0.15
    assert abs(np.corrcoef(noises, np.log([t.rate for t in drawn]))[0, 1]) < 0.15


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": "much"}, r"rate: expected a number, {log_uniform: .*one_of: \[values\]}; found 'much'"),
        ({"rate": {"log_uniform": [-6.0]}}, r"rate: expected a number, .*; found {'log_uniform': \[-6.0\]}"),
        ({"rate": {"log_normal": [0, 1]}}, "rate: expected a number, .*; found"),
        ({"rate": {"uniform": [0.1, 0.2], "one_of": [1.0]}}, "rate: expected a number, .*; found"),
        ({"rate": {"log_uniform": [-6.0, -12.0]}}, "rate: expected the lower end first; found"),
        ({"rate": {"log_uniform": [-6.0, 9999.0]}}, None),
        ({"rate": 0.0}, "rate: expected values above 0; found 0.0"),
        ({"rate": {"log_uniform": [-9999.0, 0.0]}}, "rate: expected values above 0; found"),
        ({"weight_noise": {"uniform": [-0.1, 0.1]}}, "weight_noise: expected values at least 0; found"),
        ({"weight_noise": float("inf")}, "weight_noise: expected a number, .*; found inf"),
        ({"weight_noise": {"one_of": []}}, "weight_noise: expected a number, .*; found"),
        ({"dropout": {"one_of": [0.5, 1.0]}}, "dropout: expected values at least 0 and below 1; found"),
        ({"dropout": True}, "dropout: expected a number, .*; found True"),
        ({"optimiser": {"name": "sgd"}}, "optimiser: .*'rmsprop', 'adam'; found"),
        ({"optimiser": {"name": "adam", "beta1": 0.9}}, "optimiser.adam.beta2: Field required"),
        ({"optimiser": PROTOCOL["optimiser"] | {"floor": 0}}, "optimiser.rmsprop.floor: .*greater than 0; found 0"),
        ({"schedule": {"name": "steps"}}, "schedule: .*'constant', 'linear', 'cosine'; found"),
        ({"schedule": {"name": "linear"}}, "schedule.linear.share: Field required"),
        ({"schedule": {"name": "constant", "warm_up": 1.0}}, "schedule.constant.warm_up: .*less than 1; found 1.0"),
        ({"gradient_norm": 0.0}, "gradient_norm: .*greater than 0; found 0.0"),
        ({"gradient_norm": None, "step_norm": 0.5, "not_finite": "shrink"}, None),
        ({"not_finite": "stop"}, "not_finite: .*'end' or 'shrink'; found 'stop'"),
        ({"score_training_every": 0}, "score_training_every: .*greater than or equal to 1; found 0"),
        ({"momentum": 0.9}, "momentum: .*not permitted; found 0.9"),
    ],
)
def test_a_protocol_that_cannot_be_says_what_was_expected(changes, message):
    if message is None:
        assert checked(PROTOCOL | changes, Protocol, "train")
        return
    with pytest.raises(InputError, match=rf"^train\.{message}"):
        checked(PROTOCOL | changes, Protocol, "train")


def test_what_is_recorded_of_a_protocol_reads_back_as_it():
    rules = protocol(weight_noise={"one_of": [0.0, 0.075]}, step_norm=1.0)
    assert rules.model_dump()["rate"] == {"log_uniform": [-8.0, -5.0]}
    assert Protocol(**rules.model_dump()) == rules


def test_where_the_noise_falls_is_recorded_where_it_is_not_the_papers():
    """Results from before there was a choice stay equal to what the paper's protocol records today."""
    assert not {"noise_on", "output_bias"} & {*protocol().model_dump(mode="json")}
    assert Protocol(**protocol(noise_on="inputs").model_dump()).noise_on == "inputs"
