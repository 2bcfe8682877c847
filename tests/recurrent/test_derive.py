"""What is derived from a step against that step under autograd, in float64; and what cannot be derived says why."""

import random
import subprocess
import sys
from types import ModuleType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from own_cells import CELLS, by_autograd, by_passes, cell, gates, interpreted, line, random_weights, rows

from stages import cells
from stages.recurrent import derive, unroll

D, H = 3, 5
EVERY = [*(cells.load(name) for name in cells.names()), *CELLS]


def names(of: ModuleType) -> str:
    return of.__name__.rpartition(".")[2]


def compare(of: ModuleType, lengths: list[int], seed: int = 0, D: int = D, H: int = H) -> None:
    """The compiled passes' source, as Python, on a ragged batch."""
    generator = torch.Generator().manual_seed(seed)
    weights = random_weights(of, D, H, generator)
    lengths = sorted(lengths, reverse=True)
    inputs, upstream = (
        [torch.randn(length, size, generator=generator, dtype=torch.float64) for length in lengths] for size in (D, H)
    )
    passes, blocks = interpreted(derive.compiled(of, D, H)), derive.equation(of, D, H).blocks
    expected, found = by_autograd(of, weights, inputs, upstream, H), None
    found = by_passes(passes, weights, blocks, inputs, upstream, H)
    for one, other in zip(expected[0], found[0], strict=True):
        torch.testing.assert_close(other, one, rtol=1e-8, atol=1e-10)
    for name in weights:
        torch.testing.assert_close(found[1][name], expected[1][name], rtol=1e-7, atol=1e-9)


def compare_in_torch(of: ModuleType, P: int, T: int, B: int, seed: int = 0) -> None:
    generator = torch.Generator().manual_seed(seed)
    models = [random_weights(of, D, H, generator) for _ in range(P)]
    weights = {name: torch.stack([model[name].detach() for model in models]).requires_grad_() for name in models[0]}
    inputs, upstream = (torch.randn(P, T, B, size, generator=generator, dtype=torch.float64) for size in (D, H))
    results = []
    for function in (derive.hidden_states(of, D, H), lambda w, x: unroll.hidden_states(of, H, w, x)):
        h = function(weights, inputs)
        loss = (h * upstream).sum() + 0 * sum(w.sum() for w in weights.values())  # which some do not depend on
        own = torch.autograd.grad(loss, [*weights.values()])
        results.append([h, *own])
        with torch.no_grad():
            torch.testing.assert_close(function(weights, inputs), h)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("of", EVERY, ids=names)
@pytest.mark.parametrize("lengths", [[1], [7], [1, 1, 1], [6, 1, 4, 4, 2]], ids=str)
def test_compiled_passes(of, lengths):
    compare(of, lengths)


@pytest.mark.parametrize("of", EVERY, ids=names)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 6, 2)], ids=str)
def test_passes_in_torch(of, shape):
    assert not hasattr(derive.hidden_states(of, D, H), "func") or derive.hidden_states(of, D, H).func is not (
        unroll.hidden_states
    )
    compare_in_torch(of, *shape)


# A step drawn at random: values are made from values, by numbers that choose operations and operands.

UNARY = [
    torch.sigmoid,
    torch.tanh,
    torch.relu,
    torch.square,
    lambda v: -v,
    lambda v: 1 - v,
    lambda v: v / 3,
    lambda v: 0.5 * v + 0.1,
    lambda v: torch.exp(-torch.square(v)),
]
BINARY = [torch.add, torch.sub, torch.mul, lambda v, w: v - w, lambda v, w: torch.lerp(v, w, torch.sigmoid(v))]
PRODUCT, TERNARY = len(UNARY) + len(BINARY), len(UNARY) + len(BINARY) + 3


def drawn(states: int, columns: int, program: list, ends: list) -> ModuleType:
    def step(weights, x, state):
        values = [*state, *(x @ weights["W"] + weights["b"]).chunk(columns, -1), *(x @ weights["W2"]).split(H, -1)]
        values += [value + weight for value, weight in zip(values, weights["V"].unbind(0), strict=False)]
        matrices = weights["U"].chunk(columns, -1)
        for operation, *chosen in program:
            one, two, three = (values[-1 - n % len(values)] for n in chosen)
            if operation < len(UNARY):
                values.append(UNARY[operation](one))
            elif operation < PRODUCT:
                values.append(BINARY[operation - len(UNARY)](one, two))
            elif operation < TERNARY:
                values.append(two + one @ matrices[chosen[2] % columns])
            else:
                values.append(torch.addcmul(one, two, weights["V"][chosen[2] % 2] * three))
        squashed = [(values[-1 - n % len(values)], how) for n, how in ends]
        return tuple(torch.tanh(v) if how == 0 else torch.sigmoid(v) if how == 1 else v.clone() for v, how in squashed)

    def shapes(D, H):
        return gates(columns, V=rows(2))(D, H) | {"W2": ((D, H), "input")}

    return cell("drawn", states, shapes, step)


NUMBERS = st.integers(0, 40)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, TERNARY), NUMBERS, NUMBERS, NUMBERS), min_size=2, max_size=14),
    st.lists(st.tuples(NUMBERS, st.integers(0, 2)), min_size=1, max_size=3),
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
)
def test_any_step_of_known_operations(columns, program, ends, lengths):
    of = drawn(len(ends), columns, program, ends)
    try:
        derive.compiled(of, D, H)
    except derive.Underivable as obstacle:  # a unit without weights may grow without bound
        assert "does not stay finite" in str(obstacle)
        return
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(max(lengths), D, generator=generator, dtype=torch.float64)]
    hidden, _ = by_autograd(of, random_weights(of, D, H, generator), inputs, [torch.zeros(max(lengths), H)], H)
    if hidden[0].abs().max() < 1e3:  # beyond, rounding is all that would be compared
        compare(of, lengths)
        compare_in_torch(of, 2, max(lengths), 2)


# What cannot be derived

SHAPES = gates(2, V=rows(2), leak=line(1))
OBSTACLES = {
    "the operation 'cos'": lambda w, x, s: (torch.cos(s[0]),),
    "the operation 'where'": lambda w, x, s: (torch.where(torch.ones(()) > 0, s[0], 2.0),),
    "the operation 'gt'": lambda w, x, s: (s[0] if (s[0] > 0).any() else -s[0],),
    "the operation 'eq'": lambda w, x, s: (s[0] if s[0] == 1 else -s[0],),
    "the operation 'dropout'": lambda w, x, s: (torch.nn.functional.dropout(s[0]),),
    "the operation 'detach'": lambda w, x, s: (s[0].detach(),),
    "the operation 'add_'": lambda w, x, s: (s[0].add_(1),),
    "the operation 'iadd'": lambda w, x, s: (s[0].__iadd__(1),),
    "the operation 'T'": lambda w, x, s: (s[0] @ w["U"].T,),
    "the operation 'mean'": lambda w, x, s: (s[0] - s[0].mean(-1, keepdim=True),),
    "the operation 'sum'": lambda w, x, s: (s[0] / torch.sum(s[0]),),
    "a power other than 2 or 3": lambda w, x, s: (s[0] ** 0.5,),
    "x outside a product with an input matrix": lambda w, x, s: (x + s[0],),
    "a matrix product other than x W or [B, H] U": lambda w, x, s: ((s[0] @ w["W"])[:, :H],),
    "a part of a gate": lambda w, x, s: ((x @ w["W"])[:, 1 : H + 1] + s[0],),
    "a number made from the batch's size": lambda w, x, s: (s[0] / x.shape[0],),
    "a cut across units or sequences": lambda w, x, s: (s[0].chunk(2)[0],),
    "an operation on elements of value and value": lambda w, x, s: ((x @ w["W"]) + s[0],),
    "an operation on elements of value and table": lambda w, x, s: (s[0] * w["V"],),
    "an operation on elements of recurrent matrix": lambda w, x, s: (s[0] @ (2 * w["U"])[:, :H],),
    "does not return 1 vectors": lambda w, x, s: (s[0], s[0]),
    "as it is called": lambda w, x, s: (torch.add(s[0], s[0], alpha=2),),
    "an operation with a Tensor": lambda w, x, s: (s[0] + torch.ones(H),),
    "other numbers than what was written down": lambda w, x, s: (s[0] * random.random(),),
    "does not stay finite": lambda w, x, s: (s[0] / w["leak"],),
    "switches gradients off": lambda w, x, s: without_gradients(s),
    "IndexError": lambda w, x, s: (s[1],),
}


@torch.no_grad()
def without_gradients(state):
    return (state[0] + 1,)


@pytest.mark.parametrize("words", OBSTACLES)
def test_what_cannot_be_derived_is_named(words):
    with pytest.raises(derive.Underivable) as refusal:
        derive.compiled(cell("other", 1, SHAPES, OBSTACLES[words]), H, H)
    assert words in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_cell_that_cannot_be_derived_runs_in_plain_torch():
    of = cell("cosine", 1, SHAPES, lambda w, x, s: (torch.cos(s[0] + (x @ w["W"])[:, :H]),))
    assert derive.hidden_states(of, D, H).func is unroll.hidden_states


def test_parameters_of_another_shape_are_refused():
    of = cell("scalar", 1, lambda D, H: gates(1)(D, H) | {"s": ((1,), "bias")}, lambda w, x, s: (s[0] * w["s"],))
    with pytest.raises(derive.Underivable, match=r"a parameter 'bias' of shape \(1,\)"):
        derive.compiled(of, D, H)


def test_constants_that_depend_on_the_sizes_are_right():
    of = cell("scaled", 1, gates(1), lambda w, x, s: (torch.tanh((x @ w["W"] + s[0] @ w["U"]) / s[0].shape[1] ** 0.5),))
    compare(of, [4, 2], H=5)
    compare(of, [4, 2], H=8)


def test_the_source_can_be_read():
    shown = subprocess.run([sys.executable, "-m", "stages.recurrent.derive", "gru"], capture_output=True, text=True)
    assert "z = sigmoid(a0[line])" in shown.stdout and "# r * h times its 1 column of U" in shown.stdout
    assert shown.stdout == derive.compiled(cells.load("gru"), 20, 7)
