"""The paper's weight noise makes the gradients of wide tanh nets explode on long sequences, not those of gated nets.

The report's paragraph on the tanh nets of the speech sets rests on this. The inputs are synthetic: white noise of two
deviations, as how far the gradient gets depends on how loud they are.
"""

import math

import pytest
import torch
from training_data import CPU, protocol, trial

from stages.population.engines.torch import Torch
from stages.population.population import Population
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net

SETTINGS = {"components": 20, "variance_floor": 0.000001}
STEPS = 798  # a sequence of speech_long
QUIET = 0.3  # deviation of the inputs; 62 % of the windows that speech_long trains on are quieter
LOUD = 1.0  # 82 % are quieter


def plain(cell: str, units: int, noise: float) -> tuple[Torch, Population]:
    """An untrained net of the speech sets, and the engine that computes it."""
    rules, net = protocol(), Net.build(cell, "gaussian_mixture", 20, units, 10, SETTINGS)
    grid = [trial(weight_noise=noise)]
    return Torch(net, rules, CPU), Population.initial(Layout.of(net), rules, grid, CPU)


def gradient_norm(engine: Torch, one: Population, steps: int, loudness: float = QUIET) -> float:
    """The norm of the gradient of the last step's loss alone at the first draw of noise, in float32."""
    generator = torch.Generator().manual_seed(0)
    inputs = loudness * torch.randn(1, steps, 1, 20, generator=generator)
    targets = torch.randn(1, steps, 1, 10, generator=generator)
    views = one.layout.views(engine.perturbed(one, 0))
    leaves = {name: view.detach().requires_grad_() for name, view in views.items()}
    loss = engine.network.negative_log_likelihood(leaves, inputs, targets)[0, -1, 0]
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    return math.sqrt(sum(gradient.double().square().sum().item() for gradient in gradients))


def test_noise_raises_the_spectral_radius_of_the_tanh_units_matrix():
    engine, one = plain("tanh", 400, 0.075)
    clean, noisy = (
        torch.linalg.eigvals(one.layout.views(weights)["recurrent.U"][0]).abs().max().item()
        for weights in (one.weights, engine.perturbed(one, 0))
    )
    assert clean == pytest.approx(1, abs=1e-3)
    assert noisy == pytest.approx(math.sqrt(1 + 0.075**2 * 400), rel=0.05)


def test_the_tanh_nets_gradient_explodes_with_noise_and_not_without():
    assert gradient_norm(*plain("tanh", 400, 0.0), STEPS) < 1e3
    assert 1e3 < gradient_norm(*plain("tanh", 400, 0.075), 48) < math.inf
    assert not math.isfinite(gradient_norm(*plain("tanh", 400, 0.075), STEPS)), "beyond float32"


def test_louder_inputs_hold_the_explosion_back_and_do_not_prevent_it():
    norm = gradient_norm(*plain("tanh", 400, 0.075), STEPS, LOUD)
    assert 1e20 < norm < math.inf, "its squares are beyond float32, it is not"


@pytest.mark.parametrize(("cell", "units"), [("lstm", 195), ("gru", 227)])
def test_gated_nets_of_the_same_size_do_not_explode(cell, units):
    assert gradient_norm(*plain(cell, units, 0.075), STEPS) < 1e3
