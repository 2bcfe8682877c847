"""The derived Triton kernels against `step` under autograd, in Triton's interpreter, which needs no GPU."""

from collections import Counter
from types import ModuleType

import pytest
import torch
from launches import Kernel, Launches
from own_cells import CELLS, random_weights
from torch import Tensor

from stages import cells
from stages.recurrent import derive, unroll
from stages.recurrent.derive import __main__, matrices, torch_passes

pytest.importorskip("triton", reason="Triton is an extra: .venv/bin/pip install -e '.[gpu]'")
from stages.recurrent.derive import triton_steps  # noqa: E402  (it imports Triton)

P, T, B, D, H = 2, 5, 2, 3, 5
LENGTHS = torch.tensor([[5, 2], [1, 4]], dtype=torch.int32)
EVERY = [*(cells.load(name) for name in cells.names()), *CELLS]


def names(of: ModuleType) -> str:
    return of.__name__.rpartition(".")[2]


def population(of: ModuleType, units: int = H) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Weights, inputs and the gradient from above, float64."""
    generator = torch.Generator().manual_seed(1)
    models = [random_weights(of, D, units, generator) for _ in range(P)]
    weights = {name: torch.stack([model[name].detach() for model in models]) for name in models[0]}
    inputs, upstream = (torch.randn(P, T, B, size, generator=generator, dtype=torch.float64) for size in (D, units))
    inside = torch.arange(T)[:, None] < LENGTHS[:, None]
    return weights, inputs, upstream * inside[..., None]


def ran(function, weights: dict[str, Tensor], inputs: Tensor, upstream: Tensor, *lengths: Tensor) -> list[Tensor]:
    """Hidden states, where they count, and the gradients at the weights."""
    weights = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
    h = function(weights, inputs, *lengths)
    loss = (h * upstream).sum() + 0 * sum(weight.sum() for weight in weights.values())  # some are not used
    return [(h * (upstream != 0)).detach(), *torch.autograd.grad(loss, [*weights.values()])]


@pytest.mark.parametrize("of", EVERY, ids=names)
@pytest.mark.parametrize("kind", ["a kernel a pass", "a kernel between two products"])
def test_kernels_equal_autograd_through_the_step(of, kind):
    weights, inputs, upstream = population(of)
    expected = ran(lambda w, x: unroll.hidden_states(of, H, w, x), weights, inputs, upstream)
    kernels = (derive.fused if kind == "a kernel a pass" else derive.stepped)(of, D, H)
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        own = {name: weight.to(dtype) for name, weight in weights.items()}
        found = ran(kernels, own, inputs.to(dtype), upstream.to(dtype), LENGTHS)
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == dtype
            torch.testing.assert_close(one.double(), other, rtol=tolerance, atol=tolerance * other.abs().max().item())


@pytest.mark.parametrize("cell, in_torch, fused", [("tanh", 5, 5), ("lstm", 23, 5), ("gru", 14, 9)])
def test_a_step_is_few_launches(cell, in_torch, fused):
    """Of both passes: products, a kernel before each, and the sum with what comes from above."""
    of, meta = cells.load(cell), torch.device("meta")
    shapes = {name: (P, *parameter.shape) for name, parameter in of.parameters(D, H).items()}
    counted = {}
    for passes in (torch_passes.Passes(derive.equation(of, D, H)), triton_steps.Passes(derive.equation(of, D, H))):
        launched = Counter()
        for do in (*passes.forward, *passes.backward):
            if isinstance(do, triton_steps.Between):
                do.kernel = Kernel("between", launched)
        totals = []
        for steps in (4, 5):
            weights = {name: torch.empty(shape, device=meta, requires_grad=True) for name, shape in shapes.items()}
            launched.clear()
            with Launches() as counts:
                h = torch_passes.hidden_states(passes, weights, torch.empty(P, steps, B, D, device=meta))
                torch.autograd.grad(h.sum(), [*weights.values()])
            totals.append(counts.operations.total() + launched.total())
        counted[type(passes)] = totals[1] - totals[0]
    assert counted == {torch_passes.Passes: in_torch, triton_steps.Passes: fused}


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_a_row_alone_equals_the_row_in_company_to_the_bit(cell):
    """So does a sequence without the others of its batch, padded or not: what comes from the kernels themselves."""
    of = cells.load(cell)
    weights, inputs, upstream = (
        each.float() if isinstance(each, Tensor) else {name: weight.float() for name, weight in each.items()}
        for each in population(of)
    )
    passes = derive.fused(of, D, H).__self__

    def deltas(rows: slice, sequences: slice, steps: int) -> tuple[Tensor, ...]:
        own = {name: weight[rows] for name, weight in weights.items()}
        x, lengths = inputs[rows, :steps, sequences], LENGTHS[rows, sequences].contiguous()
        _, U, V = matrices.gathered(passes.kernels.equation, passes.kernels.adjoints, own, x)
        projected = projections[rows, :steps, sequences].contiguous()
        states, saved = passes.run(projected, U.contiguous(), V, lengths)
        above = upstream[rows, :steps, sequences].contiguous()
        delta, _, _ = passes.gradients(above, U.contiguous(), V, lengths, states, saved)
        return states[:, :, : steps + 1], delta

    projections = matrices.gathered(passes.kernels.equation, passes.kernels.adjoints, weights, inputs)[0]
    states, delta = deltas(slice(None), slice(None), T)
    for row, sequence in ((0, 0), (0, 1), (1, 1)):
        steps = int(LENGTHS[row, sequence])
        at = slice(row, row + 1), slice(sequence, sequence + 1)
        alone, own = deltas(*at, steps)
        assert torch.equal(states[:, at[0], : steps + 1, at[1]], alone)
        assert torch.equal(delta[at[0], :steps, at[1]], own)


def test_nothing_is_written_beyond_a_sequences_end():
    weights, inputs, upstream = population(of := cells.load("lstm"))
    h = derive.fused(of, D, H)(weights, inputs, LENGTHS)
    assert not h[0, 2:, 1].any() and not h[1, 1:, 0].any() and h[0, :2, 1].all()


def test_the_source_can_be_read(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["derive", "gru", "--gpu"])
    __main__.main()
    shown = capsys.readouterr().out
    assert "z = sigmoid(x0 + times(h, U0))" in shown and shown == derive.kernels(cells.load("gru"), 20, 7).text


def test_what_does_not_fit_into_registers_is_refused_in_words():
    with pytest.raises(derive.Underivable, match="4 recurrent matrices of 128 units do not fit into registers"):
        derive.fused(cells.load("lstm"), D, 128)
    with pytest.raises(derive.Underivable, match="does not stay finite"):
        of = ModuleType("own.broken")
        of.STATES, of.parameters = 1, cells.load("tanh").parameters
        of.step = lambda w, x, s: (torch.tanh(x @ w["W"] + s[0] @ w["U"]) / w["b"],)
        derive.fused(of, D, H)
