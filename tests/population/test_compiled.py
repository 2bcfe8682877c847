"""The compiled kernels: their parts against NumPy and the literature, the whole against the plain engine."""

import numpy as np
import pytest
import torch
from scipy import special, stats
from training_data import CPU, Frames, engine, music, net, protocol, train, trial

from stages.population import noise
from stages.population.population import Population
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net

MIXTURE = {"components": 3, "variance_floor": 1e-4}


@pytest.fixture(scope="module")
def kernels():
    from stages.population.kernels import elementary, products
    from stages.population.kernels import noise as drawn

    return {"elementary": elementary, "products": products, "noise": drawn}


@pytest.mark.parametrize("M, N, K", [(1, 8, 1), (3, 40, 36), (8, 48, 46), (13, 104, 7), (46, 96, 33), (5, 24, 100)])
@pytest.mark.parametrize("transposed", [False, True])
def test_products(kernels, M, N, K, transposed):
    generator = np.random.default_rng(M * N * K)
    a, b, c = (generator.standard_normal(size).astype(np.float32) for size in ((M, K), (K, N), (M, N)))
    left = np.ascontiguousarray(a.T).T if transposed else np.pad(a, ((0, 2), (0, 3)), constant_values=np.nan)
    for add in (False, True):
        expected = a.astype(np.float64) @ b + (c if add else 0)
        result = c.copy()
        kernels["products"].multiply(result, left, b, add)
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "reference", "values", "tolerance"),
    [
        ("exp", np.exp, np.linspace(-87, 88.6, 4001), 3e-7),
        ("log", np.log, np.exp(np.linspace(-80, 80, 4001)), 3e-7),
        ("sigmoid", special.expit, np.linspace(-80, 80, 4001), 3e-7),
        ("sine_of_turns", lambda t: np.sin(2 * np.pi * t), np.linspace(-0.25, 0.25, 4001), 3e-7),
    ],
)
def test_elementary_functions(kernels, name, reference, values, tolerance):
    values = values.astype(np.float32)
    function = getattr(kernels["elementary"], name)
    results = np.array([function(x) for x in values])
    np.testing.assert_allclose(results, reference(values.astype(np.float64)), rtol=tolerance, atol=1e-12)


def test_tanh_is_exact_to_the_last_places_and_nan_stays_nan(kernels):
    functions = kernels["elementary"]
    values = np.linspace(-20, 20, 4001).astype(np.float32)
    np.testing.assert_allclose([functions.tanh(x) for x in values], np.tanh(values.astype(np.float64)), atol=3e-7)
    assert functions.exp(np.float32(1000)) == np.inf and functions.exp(np.float32(-1000)) < 2e-38
    for name in ("exp", "log", "sigmoid", "tanh"):
        assert np.isnan(getattr(functions, name)(np.float32(np.nan))), name


def test_noise_is_philox_of_the_published_test_vector():
    """Random123's known answer for philox4x32-10 with counter 0 and key 0, through the words' own angles."""
    words = [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    expected = []
    for radius, angle in (words[:2], words[2:]):
        r = np.sqrt(-2 * np.log(((radius >> 8) + 0.5) / 2**24))
        turns = (angle - 2**32 if angle >= 2**31 else angle) / 2**32
        expected += [r * np.cos(2 * np.pi * turns), r * np.sin(2 * np.pi * turns)]
    np.testing.assert_allclose(noise.normals(torch.tensor([0]), 0, 4)[0], expected, rtol=1e-5)


@pytest.mark.parametrize(("seed", "update"), [(0, 0), (5, 1), (2**31 + 7, 12), (2**62 + 12345, 2**33 + 3)])
def test_both_engines_draw_the_same_noise(kernels, seed, update):
    own = np.empty(4004, np.float32)
    kernels["noise"].normals(seed, update, own)
    torchs = noise.normals(torch.tensor([seed, 1]), update, 4001)
    np.testing.assert_allclose(own[:4001], torchs[0], atol=3e-6)
    assert abs(torchs[0] - torchs[1]).mean() > 0.5


def test_noise_is_normal_and_does_not_repeat():
    drawn = np.concatenate(
        [noise.normals(torch.tensor([seed]), update, 10_000)[0] for seed in (1, 2) for update in range(10)]
    )
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    assert len(np.unique(drawn)) > 0.95 * drawn.size
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01


def random_frames(generator, output, dense, inputs, targets, sequences):
    lengths = generator.integers(1, 14, sequences)
    shape = lengths.sum(), inputs
    x = (
        generator.standard_normal(shape).astype(np.float32)
        if dense
        else (generator.random(shape) < 0.2).astype(np.uint8)
    )
    shape = lengths.sum(), targets
    y = (generator.random(shape) < 0.3).astype(np.uint8)
    return Frames(x, y if output == "bernoulli" else generator.standard_normal(shape).astype(np.float32), lengths)


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
@pytest.mark.parametrize(
    ("output", "dense", "P", "B", "sizes"),
    [
        ("bernoulli", False, 1, 1, (5, 4, 3)),
        ("bernoulli", False, 3, 4, (96, 46, 96)),
        ("bernoulli", True, 2, 9, (7, 17, 13)),
        ("gaussian_mixture", True, 2, 5, (20, 23, 10)),
        ("gaussian_mixture", True, 1, 3, (3, 8, 1)),
    ],
)
def test_the_compiled_engine_equals_the_plain_one(cell, output, dense, P, B, sizes):
    """Gradients of one update from rest (through velocity and square), then three with noise, then the score."""
    inputs, units, targets = sizes
    generator = np.random.default_rng(P * B * units)
    of = Net.build(cell, output, inputs, units, targets, MIXTURE if output == "gaussian_mixture" else {})
    layout, rules = Layout.of(of), protocol()
    frames = random_frames(generator, output, dense, inputs, targets, 12)
    batches = [np.stack([generator.permutation(12)[:B] for _ in range(P)]) for _ in range(4)]
    ends = {}
    for name in ("torch", "compiled"):
        states = []
        for deviation, some in ((0.0, batches[:1]), (0.075, batches)):
            grid = [trial(p, 0, p + 7, p, rate=0.001 * (p + 1), weight_noise=deviation) for p in range(P)]
            computing = engine(name, of, rules)
            split = frames.on(computing)
            population = Population.initial(layout, rules, grid, CPU)
            computing.train(population, split, some, 3)
            assert population.finite.all()
            states += [population.weights.numpy(), population.optimiser.state["velocity"].numpy()]
        ends[name] = [*states, computing.score(layout, population.weights, split, lambda: False)]
    for plain, fast in zip(ends["torch"], ends["compiled"], strict=True):
        for one, other in zip(plain, fast, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4 * np.abs(one).max())


def test_engines_agree_with_noise_on_the_inputs_alone():
    first, second = (train(rules=protocol(noise_on="inputs"), name=name) for name in ("torch", "compiled"))
    both = train(name="compiled")
    for one, other, noisier in zip(first, second, both, strict=True):
        assert one.best.valid_nll == pytest.approx(other.best.valid_nll, rel=1e-4)
        assert other.best.valid_nll != pytest.approx(noisier.best.valid_nll, rel=1e-4)


def test_any_number_of_threads_gives_the_same_bits():
    for one, three in zip(*(train(name="compiled", threads=n, candidates=5) for n in (1, 3)), strict=True):
        assert torch.equal(one.weights, three.weights) and one.curve == three.curve


def test_any_company_gives_the_same_bits():
    together = train(name="compiled", threads=2, repeats=2, candidates=3)
    for record in together:
        (alone,) = train(name="compiled", grid=[record.trial])
        assert torch.equal(alone.weights, record.weights) and alone.curve == record.curve


@pytest.mark.parametrize("planted", ["weights", "batch", "learning rate"])
@pytest.mark.parametrize("name", ["compiled", "torch"])
def test_a_row_that_breaks_leaves_the_others_as_they_are_to_the_bit(name, planted):
    """Three repeats of one trial each; the second is broken, in the second of three updates at the latest."""
    of, rules = net(), protocol()
    layout = Layout.of(of)
    rates = [1e6 if planted == "learning rate" and p == 1 else 0.001 for p in range(3)]
    grid = [trial(p, 0, p + 7, p, rate=rate) for p, rate in enumerate(rates)]
    inputs = music(0).inputs.astype(np.float32)
    inputs[0] = np.nan if planted == "batch" else inputs[0]  # only the second repeat sees it
    computing = engine(name, of, rules, threads=2)
    split = Frames(inputs, music(0).targets, music(0).lengths).on(computing)
    batches = [
        np.array([[1, 2], [0, 3], [4, 5]]),
        np.array([[3, 4], [0, 6], [1, 2]]),
        np.array([[5, 6], [1, 7], [8, 9]]),
    ]

    def end(rows):
        population = Population.initial(layout, rules, [grid[row] for row in rows], CPU)
        if planted == "weights" and 1 in rows:
            population.weights[rows.index(1), 5] = np.nan
        computing.train(population, split, [batch[rows] for batch in batches], 0)
        return population

    broken, without = end([0, 1, 2]), end([0, 2])
    if planted == "learning rate":
        assert broken.weights[1].abs().max() > 1e4  # thrown far off; its loss is finite, or it is marked
    else:
        assert broken.finite.tolist() == [True, False, True]
    for healthy, alone in ((0, 0), (2, 1)):
        if name == "compiled":
            assert torch.equal(broken.weights[healthy], without.weights[alone])
        else:  # the library's batched product may sum in another order for another number of rows
            torch.testing.assert_close(broken.weights[healthy], without.weights[alone], rtol=1e-5, atol=1e-7)


def test_an_engine_that_cannot_is_an_error_that_says_why(monkeypatch):
    from stages.plumbing.errors import InputError
    from stages.population import engines

    monkeypatch.setenv("STUDY_ENGINE", "fast")
    with pytest.raises(InputError, match="STUDY_ENGINE: expected cuda, graphs, compiled or torch, found 'fast'"):
        engines.choose(net(), protocol(), CPU)


def test_without_numba_training_goes_on_in_plain_torch_and_says_so(monkeypatch, capsys):
    from stages.population import engines

    monkeypatch.delenv("STUDY_ENGINE", raising=False)
    monkeypatch.setattr("stages.population.engines.compiled.find_spec", lambda name: None)
    assert isinstance(engines.choose(net(), protocol(), CPU), engines.Torch)
    assert capsys.readouterr().err == "training in plain torch: Numba is not installed\n"


def test_out_of_memory_the_population_goes_on_in_parts(monkeypatch, capsys):
    """A device that holds three rows at a time: seven end as they do in one piece, to rounding."""
    of, rules = net(), protocol()
    grid = [trial(0, c, c, 2) for c in range(7)]
    batches = [np.array([[0, 1, 2]]), np.array([[3, 4, 5]])]
    plain = engine("torch", of, rules)
    ends = []
    for limit in (7, 3):
        nll, capacity = type(plain.network).negative_log_likelihood, limit

        def small(self, weights, inputs, *others, nll=nll, capacity=capacity):
            if len(inputs) > capacity:
                raise torch.OutOfMemoryError("planted")
            return nll(self, weights, inputs, *others)

        with monkeypatch.context() as patch:
            patch.setattr(type(plain.network), "negative_log_likelihood", small)
            population = Population.initial(Layout.of(of), rules, grid, CPU)
            computing = engine("torch", of, rules)
            split = music(0).on(computing)
            computing.train(population, split, batches, 0)
            ends.append((population.weights, computing.score(population.layout, population.weights, split, bool)))
    assert "the population goes on in 4 parts" in capsys.readouterr().err
    torch.testing.assert_close(ends[0][0], ends[1][0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ends[0][1], ends[1][1], rtol=1e-5)
