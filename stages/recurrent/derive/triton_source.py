"""The source of a cell's Triton kernels: a program runs one sequence of one trial over all its steps.

    projected [P, T, B, columns·H]       x W + b
    states [states, P, T + 1, B, H]      before the first step and after each; zero at first
    saved [saved, P, T, B, H]            what else the backward pass and the products need
    lengths [P, B] int32                 steps of each sequence: its own, and nothing is written beyond them
    dh [P, T, B, H]                      the gradient at h_t from above
    delta [P, T, B, columns·H]           the gradient at x W + b, then at products that stand alone
    dV [P, B, rows, H]                   a sequence's share of the gradient at V

The recurrent matrices are loaded once and stay in registers. What a step reads is fetched one step ahead.
"""

from collections.abc import Iterator

from stages.recurrent.derive import expressions as ex
from stages.recurrent.derive.adjoints import differentiate, leaves
from stages.recurrent.derive.expressions import ZERO, Node
from stages.recurrent.derive.lines import Lines
from stages.recurrent.derive.tracing import Equation

HEAD = '''"""The kernels of the cell `{name}`, derived from its `step`; not written by hand."""

import triton
import triton.language as tl

from stages.recurrent.derive.triton_functions import exp, mask, matrix, relu, sigmoid, spread, tanh, times, vector
'''
START = """    trial, sequence = tl.program_id(0).to(tl.int64), tl.program_id(1)
    j = tl.arange(0, WIDTH)
    unit = j < H
    row, step = trial * T * B + sequence, B * H  # a step's place, and from one to the next
    trials = tl.num_programs(0).to(tl.int64)
    every_state, every_saved = trials * (T + 1) * step, trials * T * step
    zero = tl.zeros([WIDTH], {of}.dtype.element_ty)
    steps = tl.load(lengths + trial * B + sequence)""".splitlines()
LAUNCHED = [
    "# T and B differ from batch to batch: one compilation is for all",
    '@triton.jit(do_not_specialize=["T", "B"])',
]
RESERVED = frozenset(
    """projected states saved lengths dh delta dV U V T B H WIDTH trial trials sequence j unit row step every_state
    every_saved zero steps line now kept seeds above further t tl triton exp mask matrix relu sigmoid spread tanh times
    vector""".split()
)


class Kernels:
    """What the kernels of an equation leave for what is computed around them.

    Attributes:
        saved: the values of `saved`.
        text: their module.
    """

    def __init__(self, name: str, equation: Equation):
        self.equation, self.outs = equation, equation.outs
        self.adjoints = differentiate(equation.outs, equation.width("W"))
        self.states = [Node("state", i) for i in range(len(self.outs))]
        carried = [ex.add(self.adjoints.states[i], self._back(state)) for i, state in enumerate(self.states)]
        self.gradients = [*self.adjoints.columns.values(), *carried, *self.adjoints.vectors.values()]
        there = {*self.states, *self.outs}
        factors = [product.factor for product in self.adjoints.products]
        needed = [*factors, *leaves(self.gradients, there)]
        self.saved = [node for node in dict.fromkeys(needed) if node not in there]
        self.carried = carried
        passes = [*self._forward(), "", "", *self._backward()]
        self.text = "\n".join([HEAD.format(name=name), "", *passes, ""])

    def _back(self, factor: Node) -> Node:
        """What comes back to a factor through its products."""
        own = self.adjoints.of(factor)
        return Node("back", factor, *(self.adjoints.columns[product.column] for product in own)) if own else ZERO

    def _forward(self) -> Iterator[str]:
        columns, roots = self.equation.width("W"), [*self.outs, *self.saved]
        fixed = self._fixed(roots)
        body = _Body(self, {**fixed, **{state: f"old{i}" for i, state in enumerate(self.states)}}, roots)
        texts = [body.vector(root) for root in roots]
        stores = [f"tl.store(now + {i} * every_state, new{i}, mask=unit)" for i in range(len(self.outs))]
        new = [f"new{i} = {text}" for i, text in enumerate(texts[: len(self.outs)])]
        kept = texts[len(self.outs) :]
        stores += [f"tl.store(kept + {n} * every_saved, {text}, mask=unit)" for n, text in enumerate(kept)]
        yield from LAUNCHED
        yield "def forward(projected, U, V, lengths, states, saved, T, B, H: tl.constexpr, WIDTH: tl.constexpr):"
        yield from self._start("projected", body, fixed)
        yield f"    line = projected + row * ({columns} * H) + j"
        yield "    now = states + (row + trial * B) * H + j"
        yield "    kept = saved + row * H + j"
        yield from (f"    old{i} = zero" for i in range(len(self.states)))
        yield from (f"    x{g} = tl.load(line + {g} * H, mask=unit, other=0.0)" for g in range(columns))
        yield "    t = steps * 0"
        yield "    while t < steps:"
        yield f"        line += tl.where(t + 1 < steps, {columns} * step, 0)"
        yield from (f"        next{g} = tl.load(line + {g} * H, mask=unit, other=0.0)" for g in range(columns))
        yield from (f"        {line}" for line in [*body.lines, *new])
        yield "        now += step"
        yield from (f"        {line}" for line in stores)
        yield "        kept += step"
        yield from (f"        old{i} = new{i}" for i in range(len(self.states)))
        yield from (f"        x{g} = next{g}" for g in range(columns))
        yield "        t += 1"

    def _backward(self) -> Iterator[str]:
        adjoints, fixed = self.adjoints, self._fixed(self.gradients)
        places = {**fixed, **{node: f"s{n}" for n, node in enumerate(self.saved)}}
        places |= {out: f"new{i}" for i, out in enumerate(self.outs)}
        places |= {state: f"old{i}" for i, state in enumerate(self.states)}
        places |= {Node("seed", i): f"seed{i}" for i in range(len(self.states))}
        body = _Body(self, places, self.gradients)
        deltas = {g: body.vector(node) for g, node in sorted(adjoints.columns.items()) if node is not ZERO}
        carried = [body.vector(node) for node in self.carried]
        shares = {k: body.vector(node) for k, node in adjoints.vectors.items()}
        count, states, rows = len(adjoints.columns), range(len(self.states)), self.equation.width("V")
        streams = {f"old{i}": f"now + {i} * every_state" for i in states if {f"old{i}", f"new{i}"} & body.read}
        streams |= {f"s{n}": f"kept + {n} * every_saved" for n in range(len(self.saved)) if f"s{n}" in body.read}
        streams["above"] = "seeds"
        new = [i for i in states if f"new{i}" in body.read]
        yield from LAUNCHED
        yield "def backward(states, saved, U, V, lengths, dh, delta, dV, T, B, H: tl.constexpr, WIDTH: tl.constexpr):"
        yield from self._start("dh", body, fixed)
        yield "    row += (steps - 1).to(tl.int64) * B"
        yield "    now = states + (row + trial * B) * H + j"
        yield "    kept = saved + row * H + j"
        yield "    seeds = dh + row * H + j"
        yield f"    line = delta + row * ({count} * H) + j"
        yield from (f"    new{i} = tl.load(now + step + {i} * every_state, mask=unit, other=0.0)" for i in new)
        yield from (f"    {name} = tl.load({place}, mask=unit, other=0.0)" for name, place in streams.items())
        yield from (f"    carry{i} = zero" for i in states)
        yield from (f"    gradient{k} = zero" for k in shares)
        yield "    t = steps - 1"
        yield "    while t >= 0:"
        yield "        further = tl.where(t > 0, step, 0)"
        yield "        now -= further"
        yield "        kept -= further"
        yield "        seeds -= further"
        yield from (f"        next_{name} = tl.load({place}, mask=unit, other=0.0)" for name, place in streams.items())
        yield "        seed0 = carry0 + above"
        yield from (f"        seed{i} = carry{i}" for i in states[1:])
        yield from (f"        {line}" for line in body.lines)
        yield from (f"        tl.store(line + {g} * H, {text}, mask=unit)" for g, text in deltas.items())
        yield from (f"        carry{i} = {text}" for i, text in enumerate(carried))
        yield from (f"        gradient{k} += {text}" for k, text in shares.items())
        yield from (f"        new{i} = old{i}" for i in new)
        yield from (f"        {name} = next_{name}" for name in streams)
        yield f"        line -= {count} * step"
        yield "        t -= 1"
        if shares:
            yield f"    dV += (trial * B + sequence) * ({rows} * H) + j"
        yield from (f"    tl.store(dV + {k} * H, gradient{k}, mask=unit)" for k in shares)

    def _start(self, of: str, body: "_Body", fixed: dict[Node, str]) -> Iterator[str]:
        """A program's place, its learned numbers and what is made of these alone."""
        yield from (line.format(of=of) for line in START)
        for name in sorted(name for name in body.read if name[0] == "U"):
            yield f"    {name} = matrix(U, trial, {self.equation.width('U')}, {name[1:]}, H, WIDTH)"
        once = _Body(self, {}, list(fixed))
        texts = [(name, once.value(node)) for node, name in fixed.items()]
        for name in sorted(name for name in once.read | body.read if name.startswith("vector")):
            yield f"    {name} = vector(V, trial, {self.equation.width('V')}, {name[6:]}, H, WIDTH)"
        yield from (f"    {line}" for line in once.lines)
        yield from (f"    {name} = {text}" for name, text in texts)

    @staticmethod
    def _fixed(roots: list[Node]) -> dict[Node, str]:
        """The largest values made of learned vectors alone: computed once."""
        found: dict[Node, str] = {}
        nodes = [node for node in ex.below(roots) if ex.of_vectors(node) and node.op not in ("const", "vector")]
        inside = {arg for node in nodes for arg in node.nodes}
        for node in nodes:
            if node not in inside or any(node in other.nodes for other in ex.below(roots) if other not in nodes):
                found[node] = f"fixed{len(found)}"
        return found


class _Body(Lines):
    """A step's values; `read` names what the lines take from around them."""

    reserved = RESERVED

    def __init__(self, kernels: Kernels, places: dict[Node, str], roots: list[Node]):
        self.kernels, self.read = kernels, set()
        vectors = {Node("vector", k): f"vector{k}" for k in range(kernels.equation.width("V"))}
        names = {} if not places else kernels.equation.names
        super().__init__((vectors | places).get, names, roots)

    def element(self, place: str) -> str:
        self.read.add(place)
        return place

    def parts(self, node: Node) -> list[Node]:
        return [part for part in node.nodes[1:] if part is not ZERO] if node.op == "back" else node.nodes

    def operation(self, node: Node, parts: list[str]) -> str:
        match node.op:
            case "pre":
                return " + ".join([f"x{node.args[0]}", *parts])
            case "product":
                return f"times({parts[0]}, {self.element(f'U{node.args[1]}')})"
            case "back":
                own = self.kernels.adjoints.of(node.args[0])
                used = [product.u for product, delta in zip(own, node.args[1:], strict=True) if delta is not ZERO]
                terms = [f"spread({d}, {self.element(f'U{u}')})" for d, u in zip(parts, used, strict=True)]
                return f"tl.sum({' + '.join(terms)}, 1)" if terms else "zero"
        return super().operation(node, parts)

    def vector(self, node: Node) -> str:
        """A value as [WIDTH], whatever it is."""
        return f"zero + {self.value(node)}" if node.op == "const" else self.value(node)
