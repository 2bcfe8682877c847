"""The cells' equations: against torch.nn where they agree, by finite differences everywhere, and how they differ."""

import pytest
import torch

from stages import cells
from stages.recurrent import unroll
from stages.recurrent.derive import hidden_states

T, B, D, H = 7, 3, 5, 4


def random_weights(cell, scale=0.5, trials=1):
    generator = torch.Generator().manual_seed(1)
    shapes = {name: parameter.shape for name, parameter in cells.load(cell).parameters(D, H).items()}
    return {
        name: scale * torch.randn(trials, *shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }


def run(cell, weights, inputs):
    """One model's hidden states [T, B, H] by the plain step."""
    return unroll.hidden_states(cells.load(cell), H, weights, inputs[None])[0]


@pytest.fixture
def inputs():
    return torch.randn(T, B, D, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.mark.parametrize(("cell", "library"), [("tanh", torch.nn.RNN), ("lstm", torch.nn.LSTM)])
def test_the_librarys_cell_where_the_equations_agree(cell, library, inputs):
    """torch's tanh unit, and its LSTM when ours has no peepholes; its gate order is i, f, candidate, o: the same."""
    weights = random_weights(cell)
    if "V" in weights:
        weights["V"].zero_()
    library = library(D, H, dtype=torch.float64)
    with torch.no_grad():
        library.weight_ih_l0.copy_(weights["W"][0].T)
        library.weight_hh_l0.copy_(weights["U"][0].T)
        library.bias_ih_l0.copy_(weights["b"][0])
        library.bias_hh_l0.zero_()
    leaves = {name: w.requires_grad_() for name, w in weights.items()}
    ours, theirs = run(cell, leaves, inputs), library(inputs)[0]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    ours.square().sum().backward()
    theirs.square().sum().backward()
    torch.testing.assert_close(leaves["U"].grad[0], library.weight_hh_l0.grad.T, rtol=0, atol=1e-10)
    torch.testing.assert_close(leaves["W"].grad[0], library.weight_ih_l0.grad.T, rtol=0, atol=1e-10)


def test_lstm_peepholes_see_the_old_memory_and_the_output_gate_the_new(inputs):
    weights = {name: w[0] for name, w in random_weights("lstm").items()}
    h = c = torch.zeros(B, H, dtype=torch.float64)
    W, U, V, b = (weights[name] for name in "WUVb")
    for x in inputs:
        i, f, g, o = (x @ W + h @ U + b).chunk(4, dim=-1)
        i, f = torch.sigmoid(i + V[0] * c), torch.sigmoid(f + V[1] * c)
        new_c = f * c + i * torch.tanh(g)
        new_h = torch.sigmoid(o + V[2] * new_c) * torch.tanh(new_c)
        stepped_h, stepped_c = cells.load("lstm").step(weights, x, (h, c))
        torch.testing.assert_close(stepped_h, new_h, rtol=0, atol=1e-14)
        torch.testing.assert_close(stepped_c, new_c, rtol=0, atol=1e-14)
        old_memory_in_output_gate = torch.sigmoid(o + V[2] * c) * torch.tanh(new_c)
        assert (new_h - old_memory_in_output_gate).abs().max() > 1e-3 or c.abs().max() == 0
        h, c = new_h, new_c


def gru_by_own_loop(weights, inputs, reset_after):
    """The GRU written unit by unit; `reset_after` gives the usual library variant."""
    W, U, b = weights["W"][0], weights["U"][0], weights["b"][0]
    h, hidden = torch.zeros(B, H, dtype=torch.float64), []
    for x in inputs:
        z = torch.sigmoid(x @ W[:, :H] + h @ U[:, :H] + b[:H])
        r = torch.sigmoid(x @ W[:, H : 2 * H] + h @ U[:, H : 2 * H] + b[H : 2 * H])
        product = r * (h @ U[:, 2 * H :]) if reset_after else (r * h) @ U[:, 2 * H :]
        h = (1 - z) * h + z * torch.tanh(x @ W[:, 2 * H :] + product + b[2 * H :])
        hidden.append(h)
    return torch.stack(hidden)


def test_gru_equals_its_equations(inputs):
    weights = random_weights("gru")
    own = gru_by_own_loop(weights, inputs, reset_after=False)
    torch.testing.assert_close(run("gru", weights, inputs), own, rtol=0, atol=1e-12)


def test_gru_differs_from_torch_gru_by_the_reset_and_the_meaning_of_z(inputs):
    weights = random_weights("gru")
    library = torch.nn.GRU(D, H, dtype=torch.float64)
    with torch.no_grad():  # torch's gate order is r, z, n, and its z weighs the old state: minus our z before σ
        z, r, n = weights["W"][0].split(H, dim=1)
        library.weight_ih_l0.copy_(torch.cat((r, -z, n), dim=1).T)
        z, r, n = weights["U"][0].split(H, dim=1)
        library.weight_hh_l0.copy_(torch.cat((r, -z, n), dim=1).T)
        z, r, n = weights["b"][0].split(H)
        library.bias_ih_l0.copy_(torch.cat((r, -z, n)))
        library.bias_hh_l0.zero_()
        theirs = library(inputs)[0]
    torch.testing.assert_close(gru_by_own_loop(weights, inputs, reset_after=True), theirs, rtol=0, atol=1e-12)
    assert (run("gru", weights, inputs) - theirs).abs().max() > 1e-3


@pytest.mark.parametrize("cell", cells.names())
def test_gradients_by_finite_differences(cell, inputs):
    weights = {name: w.requires_grad_() for name, w in random_weights(cell).items()}
    kernel = hidden_states(cells.load(cell), D, H)

    def loss(*values):
        return kernel(dict(zip(weights, values, strict=True)), inputs[None]).cos().sum()

    assert torch.autograd.gradcheck(loss, tuple(weights.values()))


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
@pytest.mark.parametrize(("trials", "steps", "batch"), [(1, 1, 1), (1, 9, 4), (5, 1, 3), (4, 13, 6)])
def test_kernel_equals_the_unrolled_step(cell, trials, steps, batch):
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(trials, steps, batch, D, generator=generator, dtype=torch.float64)
    upstream = torch.randn(trials, steps, batch, H, generator=generator, dtype=torch.float64)
    results = []
    for function in (
        hidden_states(cells.load(cell), D, H),
        lambda w, x: unroll.hidden_states(cells.load(cell), H, w, x),
    ):
        leaves = {name: w.requires_grad_() for name, w in random_weights(cell, trials=trials).items()}
        h = function(leaves, inputs)
        results.append((h, *torch.autograd.grad((h * upstream).sum(), list(leaves.values()))))
    for kernel, plain in zip(*results, strict=True):
        torch.testing.assert_close(kernel, plain, rtol=1e-10, atol=1e-11)


def test_an_unknown_cell_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="no cell 'lsmt'; there are gru, .*lstm, .*tanh"):
        cells.load("lsmt")
