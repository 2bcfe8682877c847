"""The kernels around the recurrence against what they stand for, in Triton's interpreter, which needs no GPU."""

import numpy as np
import pytest
import torch
from torch import Tensor
from training_data import CPU, protocol, trial
from training_data import net as small

from stages.population.engines.torch import Torch
from stages.population.population import Population
from stages.protocol.protocol import Protocol
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net
from stages.recurrent.network import Network

pytest.importorskip("triton", reason="Triton is an extra: .venv/bin/pip install -e '.[gpu]'")
from stages.population.engines import fused_losses, fused_updating  # noqa: E402  (it imports Triton)

P, S, H = 3, 6, 4
LAYERS = {"bernoulli": (9, {}), "gaussian_mixture": (5, {"components": 3, "variance_floor": 1e-2})}


def layer(name: str, dtype: torch.dtype = torch.float64) -> tuple[Net, dict[str, Tensor], Tensor, Tensor]:
    """A net with this output layer; the layer's weights, hidden states and targets of a population."""
    targets, settings = LAYERS[name]
    net, generator = Net.build("gru", name, 2, H, targets, settings), torch.Generator().manual_seed(1)
    shapes = {each: (P, *parameter.shape) for each, parameter in net.readout.items()} | {"h": (P, S, H)}
    drawn = {each: torch.randn(shape, generator=generator, dtype=dtype) for each, shape in shapes.items()}
    y = torch.randn(P, S, targets, generator=generator, dtype=dtype)
    return net, drawn, drawn.pop("h"), (y > 0).to(dtype) if name == "bernoulli" else y


def nll_and_gradients(of, weights: dict[str, Tensor], h: Tensor, y: Tensor) -> list[Tensor]:
    leaves = [each.clone().requires_grad_() for each in (*weights.values(), h)]
    nll = of(dict(zip(weights, leaves, strict=False)), leaves[-1], y)
    weighted = (nll * torch.arange(1, S + 1)).sum()  # no step as another
    return [nll.detach(), *torch.autograd.grad(weighted, leaves)]


def equation(net: Net):
    return torch.vmap(lambda weights, h, y: net.output.negative_log_likelihood(weights, h, y, net.settings))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_losses_and_gradients_equal_autograd_through_the_equation(name, dtype, tolerance):
    net, *given = layer(name)
    expected = nll_and_gradients(equation(net), *given)
    weights, h, y = {each: own.to(dtype) for each, own in given[0].items()}, given[1].to(dtype), given[2].to(dtype)
    found = nll_and_gradients(fused_losses.losses(net), weights, h, y)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one.double(), other, rtol=tolerance, atol=tolerance * other.abs().max().item())


@pytest.mark.parametrize("name", LAYERS)
def test_a_step_alone_equals_the_step_in_company_to_the_bit(name):
    """What the kernel itself gives, from the same outputs; targets that trials share are read from one place."""
    net, weights, _, y = layer(name, torch.float32)
    outputs = torch.randn(P, S, net.output_size, generator=torch.Generator().manual_seed(2))

    def ran(outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        leaf = outputs.clone().requires_grad_()
        nll = fused_losses._Loss.apply(leaf, y, net)
        return nll.detach(), torch.autograd.grad(nll.sum(), leaf)[0]

    nll, gradients = ran(outputs, y[:1].expand(P, -1, -1))
    for row, s in ((0, 0), (1, 4), (2, 5)):
        alone, own = ran(outputs[row : row + 1, s : s + 1], y[:1, s : s + 1].contiguous())
        assert torch.equal(alone[0, 0], nll[row, s]) and torch.equal(own[0, 0], gradients[row, s])


def test_losses_stay_finite_for_huge_logits_and_say_where_a_number_is_lost():
    net, *_ = layer("bernoulli")
    outputs = torch.zeros(1, 3, 9)
    outputs[0, 0], outputs[0, 1, 2] = 1e4, float("nan")
    nll = fused_losses._Loss.apply(outputs, torch.zeros(1, 3, 9), net)
    np.testing.assert_allclose(nll[0, [0, 2]], [9e4, 9 * np.log(2)], rtol=1e-6)
    assert nll[0, 1].isnan()


def test_another_output_layer_is_left_to_its_equation(monkeypatch):
    net, weights, h, y = layer("bernoulli")
    with monkeypatch.context() as patch:
        patch.setattr(fused_losses, "bernoulli", None)
        assert fused_losses.losses(net) is None
    assert Network.of(net).losses is None


ADAM = {"name": "adam", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-4, "decay": 0.01}
LOST = torch.tensor([0.0, 0.0, float("nan"), 0.0, float("inf"), 0.0])  # in the gradients of six rows
WIDE = small("gru", 20, 12)  # rows of 2,232 numbers: more than one block, and not a multiple of it


def begun(rules: Protocol, rows: slice = slice(None)) -> tuple[Population, Tensor, Tensor]:
    """A population under way, gradients and losses: one row's not finite, one's huge, one trial ended before."""
    generator, layout = torch.Generator().manual_seed(3), Layout.of(WIDE)
    drawn = torch.randn(4, len(LOST), layout.size, generator=generator)
    population = Population.of(layout, rules, [trial(0, p) for p in range(len(LOST))][rows], drawn[0, rows].clone())
    population.optimiser.rows.copy_(drawn[1:3].transpose(0, 1)[rows].abs() / 10)
    population.finite.copy_(torch.tensor([True, True, True, True, True, False])[rows])
    gradients, losses = drawn[3] / 10, torch.ones(len(LOST))
    gradients[:, 7] += LOST
    gradients[1] *= 1e30
    losses[3] = float("nan")
    return population, gradients[rows].clone(), losses[rows]


@pytest.mark.filterwarnings("ignore:overflow")  # a huge gradient's square, where nothing is rescaled
@pytest.mark.parametrize("optimiser", [protocol().optimiser.model_dump(), ADAM], ids=lambda of: of["name"])
@pytest.mark.parametrize("norms", [(1.0, None), (None, 0.01), (1.0, 0.01), (None, None)])
@pytest.mark.parametrize("not_finite", ["end", "shrink"])
def test_an_update_is_that_of_torch(optimiser, norms, not_finite):
    rules = protocol(optimiser=optimiser, gradient_norm=norms[0], step_norm=norms[1], not_finite=not_finite)
    rates = torch.linspace(0.001, 0.01, len(LOST))
    (one, *given), (other, *again) = begun(rules), begun(rules)
    Torch(WIDE, rules, CPU).move(one, *given, rates, 3)
    fused_updating.move(other, *again, rates, 3, rules)
    expected = [True, True, False, False, False, False] if not_finite == "end" else [True] * 5 + [False]
    assert one.finite.tolist() == other.finite.tolist() == expected
    torch.testing.assert_close(other.weights, one.weights, rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(other.optimiser.rows[one.finite], one.optimiser.rows[one.finite], rtol=2e-6, atol=2e-6)
    assert not torch.equal(other.weights[0], begun(rules)[0].weights[0])
    assert torch.equal(other.weights[~one.finite], begun(rules)[0].weights[~one.finite])


def test_a_row_updated_alone_equals_the_row_in_company_to_the_bit():
    rules, rates = protocol(step_norm=0.01), torch.linspace(0.001, 0.01, len(LOST))
    together, *given = begun(rules)
    fused_updating.move(together, *given, rates, 3, rules)
    for row in (0, 1, 4):
        alone, *own = begun(rules, slice(row, row + 1))
        fused_updating.move(alone, *own, rates[row : row + 1], 3, rules)
        assert torch.equal(alone.weights[0], together.weights[row])
        assert torch.equal(alone.optimiser.rows[0], together.optimiser.rows[row])
