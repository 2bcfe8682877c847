"""Cells that nobody tuned anything for, and what a cell's derived passes must give: `step` under autograd."""

import re
from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from stages.recurrent.parameters import Parameter


def cell(name: str, states: int, shapes: Callable, step: Callable) -> ModuleType:
    """A cell as its file would define it; `shapes` gives (shape, role) by name for D and H."""
    made = ModuleType(f"own.{name}")
    made.STATES, made.step = states, step
    made.parameters = lambda D, H: {key: Parameter(*value) for key, value in shapes(D, H).items()}
    return made


def gates(count: int, **further: Callable) -> Callable:
    def shapes(D: int, H: int) -> dict:
        own = {"W": ((D, count * H), "input"), "U": ((H, count * H), "recurrent"), "b": ((count * H,), "bias")}
        return own | {name: of(H) for name, of in further.items()}

    return shapes


def minimal(weights, x, state):
    (h,) = state
    units = h.shape[-1]
    gate, candidate = (x @ weights["W"] + weights["b"]).split(units, dim=-1)
    f = torch.sigmoid(gate + h @ weights["U"][:, :units])
    candidate = torch.tanh(candidate + (f * h) @ weights["U"][:, units:])
    return ((1 - f) * h + f * candidate,)


def coupled(weights, x, state):
    """An LSTM whose input gate is what its forget gate leaves, the product first and scaled output."""
    h, c = state
    f, candidate, o = (h @ weights["U"] + x @ weights["W"] + weights["b"]).chunk(3, dim=-1)
    f = (f + weights["V"][0] * c).sigmoid()
    c = torch.lerp(torch.tanh(candidate), c, f)
    return torch.sigmoid(o + c * weights["V"][1]) * c.tanh() / 1.5, c


def reset_after(weights, x, state):
    """The usual library GRU: the reset after the product, with the product's own bias; z weighs the old state."""
    (h,) = state
    r, z, n = (x @ weights["W"] + weights["b"]).chunk(3, -1)
    own = h @ weights["U"] + weights["d"]
    own_r, own_z, own_n = own.chunk(3, -1)
    r, z = torch.sigmoid(r + own_r), torch.sigmoid(z + own_z)
    n = torch.tanh(n + r * own_n)
    return (n - z * n + z * h,)


def leaky(weights, x, state):
    """A tanh unit that leaks at a learned rate of its own."""
    (h,) = state
    leak = torch.sigmoid(weights["leak"])
    return ((1.0 - leak) * h + leak * torch.tanh(x @ weights["W"] + h @ weights["U"] + weights["b"]),)


def two_speeds(weights, x, state):
    """A fast state that reads the slow one through a matrix of its own, in the same step and after it has moved."""
    fast, slow = state
    units = fast.shape[-1]
    a, gate = torch.split(x @ weights["W"], units, dim=1)
    slow = slow + 0.25 * (torch.relu(a + fast @ weights["U"][:, :units] + weights["b"][:units]) - slow)
    g = 1 / (1 + torch.exp(-gate - weights["k"]))
    fast = g * torch.square(fast) - -(slow @ weights["U"][:, units:]) * (1 - g) + weights["b"][units:]
    return torch.tanh(fast), slow


def rows(count: int, role: str = "peephole") -> Callable:
    return lambda H: ((count, H), role)


def line(count: int, role: str = "bias") -> Callable:
    return lambda H: ((count * H,), role)


CELLS = [
    cell("minimal", 1, gates(2), minimal),
    cell("coupled", 2, gates(3, V=rows(2)), coupled),
    cell("reset_after", 1, gates(3, d=line(3)), reset_after),
    cell("leaky", 1, gates(1, leak=line(1, "peephole")), leaky),
    cell("two_speeds", 2, gates(2, k=line(1)), two_speeds),
]


# Derived passes without a compiler: their source is Python, and these stand for the kernels, in float64.


def _multiply(c: np.ndarray, a: np.ndarray, b: np.ndarray, add: bool) -> None:
    c[:] = a[: c.shape[0], : b.shape[0]] @ b + (c if add else 0)


def _panels(matrix: np.ndarray) -> np.ndarray:
    return np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % 8)))


def _copied(size: int, target: np.ndarray, source: np.ndarray) -> None:
    target[:size] = source[:size]


def interpreted(source: str) -> dict:
    """The passes as plain Python."""
    text = re.sub(r"^(from|import) .*", "", source, flags=re.M).replace("np.float32", "np.float64")
    names = {"np": np, "float32": np.float64, "uint64": int, "njit": lambda **_: lambda f: f, "loop": lambda f: f}
    names |= {"multiply": _multiply, "multiply_panels": _multiply, "panels": _panels}
    names |= {"copied": _copied, "exp": np.exp, "tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x))}
    exec(text, names)
    return names


def random_weights(of: ModuleType, D: int, H: int, generator: torch.Generator, scale: float = 0.7) -> dict[str, Tensor]:
    return {
        name: (scale * torch.randn(p.shape, generator=generator, dtype=torch.float64)).requires_grad_()
        for name, p in of.parameters(D, H).items()
    }


def by_autograd(of: ModuleType, weights: dict, inputs: list[Tensor], upstream: list[Tensor], H: int) -> tuple:
    """Hidden states [T, H] of each sequence, and the gradients of Σ h · upstream at the weights."""
    hidden = []
    for x in inputs:
        state, own = tuple(x.new_zeros(1, H) for _ in range(of.STATES)), []
        for frame in x:
            state = of.step(weights, frame[None], state)
            own.append(state[0][0])
        hidden.append(torch.stack(own))
    loss = sum((h * up).sum() for h, up in zip(hidden, upstream, strict=True))
    loss += 0 * sum(w.sum() for w in weights.values())  # which some do not depend on
    found = torch.autograd.grad(loss, list(weights.values()))
    return [h.detach() for h in hidden], dict(zip(weights, found, strict=True))


def by_passes(passes: dict, weights: dict, blocks: list, inputs: list[Tensor], upstream: list[Tensor], H: int) -> tuple:
    """The same by the derived passes over the packed batch, the sequences longest first; as `row.py` calls them."""
    width, lengths = H + -H % 8, [len(x) for x in inputs]
    active = [sum(length > t for length in lengths) for t in range(lengths[0])]
    steps = np.cumsum([0, *active])

    def packed(parts: list[Tensor]) -> np.ndarray:
        return np.stack([parts[i][t].numpy() for t in range(lengths[0]) for i in range(active[t])])

    def planes(block) -> np.ndarray:
        whole = weights[block.name].detach().numpy().reshape(*([-1] if block.matrix != "V" else []), block.count, H)
        return np.pad(whole, [(0, 0)] * (whole.ndim - 1) + [(0, width - H)]).reshape(*whole.shape[:-2], -1)

    D = inputs[0].shape[1]
    whole = {"W": np.zeros((D, 0)), "U": np.zeros((H, 0)), "V": np.zeros((0, width))}
    for block in blocks:
        part = planes(block)
        whole[block.matrix] = (
            np.concatenate([whole["V"], part.reshape(-1, width)])
            if block.matrix == "V"
            else np.concatenate([whole[block.matrix], part], axis=1)
        )
    W, U, V = whole["W"], whole["U"], whole["V"]
    x, S = packed(inputs), steps[-1]
    a = np.full((S, passes["COLUMNS"] * width), np.nan)
    columns, biases = W.shape[1], passes["BIASES"]
    a[:, :columns] = x @ W + np.concatenate([V[k] if k >= 0 else np.zeros(width) for k in biases])
    saved = np.full((passes["SAVED"], S, width), np.nan)
    passes["forward"](a, saved, U, V, steps)
    hidden = saved[0, :, :H].copy()
    dh, dU, dV = np.pad(packed(upstream), ((0, 0), (0, width - H))), np.zeros_like(U), np.zeros_like(V)
    passes["backward"](a, saved, dh, U, V, dU, dV, steps)
    for column, k in enumerate(biases):
        if k >= 0:
            dV[k] = a[:, column * width : (column + 1) * width].sum(0)
    gradient = {"W": x.T @ a[:, :columns], "U": dU, "V": dV.reshape(1, -1)}
    found = {}
    for block in blocks:
        lines = gradient[block.matrix].reshape(len(gradient[block.matrix]), -1, width)
        part = lines[:, block.first : block.first + block.count, :H]
        found[block.name] = torch.from_numpy(part.reshape(weights[block.name].shape).copy())
    unpacked = [torch.from_numpy(np.stack([hidden[steps[t] + i] for t in range(n)])) for i, n in enumerate(lengths)]
    return unpacked, found
