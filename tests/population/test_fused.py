"""The kernels around the recurrence against what they stand for, in Triton's interpreter, which needs no GPU."""

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.recurrent.net import Net
from stages.recurrent.network import Network

pytest.importorskip("triton", reason="Triton is an extra: .venv/bin/pip install -e '.[gpu]'")
from stages.population.engines import fused_losses  # noqa: E402  (it imports Triton)

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
    for trial, s in ((0, 0), (1, 4), (2, 5)):
        alone, own = ran(outputs[trial : trial + 1, s : s + 1], y[:1, s : s + 1].contiguous())
        assert torch.equal(alone[0, 0], nll[trial, s]) and torch.equal(own[0, 0], gradients[trial, s])


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
