"""The output layers' densities, against torch.distributions, and that they are densities."""

import torch
from torch.distributions import Bernoulli, Categorical, Independent, MixtureSameFamily, Normal

from stages.recurrent.outputs import bernoulli, gaussian_mixture

S, H = 6, 4


def random_weights(parameters):
    generator = torch.Generator().manual_seed(0)
    return {n: torch.randn(*p.shape, generator=generator, dtype=torch.float64) for n, p in parameters.items()}


def test_bernoulli_equals_the_library():
    settings = bernoulli.Settings()
    weights = random_weights(bernoulli.parameters(H, 9, settings))
    h, y = torch.randn(S, H, dtype=torch.float64), torch.randint(0, 2, (S, 9)).double()
    ours = bernoulli.negative_log_likelihood(weights, h, y, settings)
    theirs = -Bernoulli(logits=h @ weights["V"] + weights["c"]).log_prob(y).sum(-1)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_bernoulli_is_finite_for_huge_logits():
    settings = bernoulli.Settings()
    weights = {"V": torch.full((1, 2), 1e4), "c": torch.zeros(2)}
    nll = bernoulli.negative_log_likelihood(weights, torch.ones(1, 1), torch.tensor([[1.0, 0.0]]), settings)
    torch.testing.assert_close(nll, torch.tensor([1e4]))


def library_mixture(weights, h, settings, K):
    M = settings.components
    mixing, mean, spread = (h @ weights["V"] + weights["c"]).split([M, M * K, M * K], dim=-1)
    deviation = (settings.variance_floor + spread.unflatten(-1, (M, K)).exp()).sqrt()
    components = Independent(Normal(mean.unflatten(-1, (M, K)), deviation), 1)
    return MixtureSameFamily(Categorical(logits=mixing), components)


def test_mixture_equals_the_library():
    settings, K = gaussian_mixture.Settings(components=3, variance_floor=0.01), 5
    weights = random_weights(gaussian_mixture.parameters(H, K, settings))
    h, y = torch.randn(S, H, dtype=torch.float64), torch.randn(S, K, dtype=torch.float64)
    ours = gaussian_mixture.negative_log_likelihood(weights, h, y, settings)
    torch.testing.assert_close(ours, -library_mixture(weights, h, settings, K).log_prob(y), rtol=0, atol=1e-10)


def test_mixture_integrates_to_one():
    settings = gaussian_mixture.Settings(components=3, variance_floor=0.01)
    weights = random_weights(gaussian_mixture.parameters(H, 1, settings))
    y = torch.linspace(-60, 60, 200_001, dtype=torch.float64)[:, None]
    h = torch.randn(1, H, dtype=torch.float64, generator=torch.Generator().manual_seed(4)).expand(len(y), H)
    density = (-gaussian_mixture.negative_log_likelihood(weights, h, y, settings)).exp()
    assert abs(torch.trapezoid(density, y[:, 0]).item() - 1) < 1e-3


def test_the_variance_floor_bounds_the_density():
    settings = gaussian_mixture.Settings(components=1, variance_floor=0.01)
    weights = {"V": torch.zeros(1, 3), "c": torch.tensor([0.0, 2.0, -200.0])}
    nll = gaussian_mixture.negative_log_likelihood(weights, torch.zeros(1, 1), torch.tensor([[2.0]]), settings)
    torch.testing.assert_close(nll, -Normal(2.0, 0.1).log_prob(torch.tensor([2.0])))
