"""A cell's two passes over all time steps of a population in torch, from the same equation as the compiled ones.

Few operations a step are what counts here. Forward, neighbouring columns are multiplied, and where they can squashed,
together. Backward, each gradient is a sum of others times factors that are known after the forward pass, so these
factors are computed for all steps at once.
"""

import operator
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from stages.recurrent.derive import expressions as ex
from stages.recurrent.derive import matrices
from stages.recurrent.derive.adjoints import differentiate, leaves, neighbours
from stages.recurrent.derive.expressions import FUNCTIONS, ONE, ZERO, Node
from stages.recurrent.derive.tracing import Equation

COMPUTE: dict[str, Callable] = {op: getattr(torch, op) for op in FUNCTIONS}
COMPUTE |= {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg}
COMPUTE["mask"] = lambda d, e: d * (e > 0).to(e.dtype)
OF_TENSORS = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "neg": torch.neg}
INTO = {*OF_TENSORS.values(), torch.sigmoid, torch.tanh, torch.exp, torch.lerp, torch.addcmul, torch.bmm, torch.baddbmm}


def evaluate(node: Node, known: dict[Node, Any]) -> Any:
    """The value of an expression, a tensor or a number, from those that are known, which it is added to."""
    if node not in known:
        parts = [evaluate(arg, known) for arg in node.nodes]
        known[node] = node.args[0] if node.op == "const" else COMPUTE[node.op](*parts)
    return known[node]


def of_a_step(equation: Equation, weights: dict[str, Tensor], x: Tensor, state: tuple[Tensor, ...]) -> dict[Node, Any]:
    """The values of one model's step, x [B, D] and each state vector [B, H], up to what can be evaluated from them."""
    known = {Node("state", i): vector for i, vector in enumerate(state)}
    known |= {Node("vector", k): equation.plane(weights, "V", k) for k in range(equation.width("V"))}
    for node in ex.below(equation.outs):
        if node.op == "product":
            known[node] = evaluate(node.args[0], known) @ equation.plane(weights, "U", node.args[1])
        elif node.op == "pre":
            bias = [known[Node("vector", node.args[1])]] if node.args[1] >= 0 else []
            known[node] = sum([x @ equation.plane(weights, "W", node.args[0]), *(known[p] for p in node.nodes), *bias])
    return known


def rests(equation: Equation) -> bool:
    """Whether all values of a unit without weights stay finite: matrices are padded with such units, and what is not
    finite there would spread when it is multiplied by their zeros."""
    leaves = {node: torch.zeros(()) for node in ex.below(equation.outs) if node.op in ("pre", "product", "vector")}
    adjoints = differentiate(equation.outs, equation.width("W"))
    gradients = [*adjoints.columns.values(), *adjoints.states, *adjoints.vectors.values()]
    state = [torch.zeros(()) for _ in equation.outs]
    for _ in range(1000):
        known = leaves | {Node("state", i): value for i, value in enumerate(state)}
        new = [torch.as_tensor(evaluate(out, known)) for out in equation.outs]
        known |= {node: torch.zeros(()) for node in ex.below(gradients) if node.op in ("seed", "back")}
        values = [torch.as_tensor(evaluate(gradient, known)) for gradient in gradients]
        if not all(torch.as_tensor(value).isfinite() for value in [*known.values(), *values]):
            return False
        if new == state:
            return True
        state = new
    return True


class Do(NamedTuple):
    """An operation of a step: its arguments, and its result or results."""

    function: Callable
    inputs: list[Node]
    outputs: list[Node]

    def run(self, env: dict[Node, Any], places: dict[Node, Tensor]) -> None:
        """Reads from and writes to `env`; a result with a place is written there."""
        inputs, (first, *more) = [env[node] for node in self.inputs], self.outputs
        if more:
            env.update(zip(self.outputs, self.function(*inputs), strict=True))
        elif first not in places:
            env[first] = self.function(*inputs)
        elif self.function in INTO:
            env[first] = self.function(*inputs, out=places[first])
        else:
            env[first] = places[first].copy_(self.function(*inputs))


class Passes:
    """The passes of one equation; a step of each is a list of operations."""

    together = True  # neighbouring columns are squashed in one operation

    def __init__(self, equation: Equation):
        self.equation, self.outs = equation, equation.outs
        self.nodes = ex.below(equation.outs)
        self.adjoints = differentiate(equation.outs, equation.width("W"))
        self.columns = {column: node for node, column in self.adjoints.places.items()}
        self.states = [Node("state", i) for i in range(len(self.outs))]
        self.groups = neighbours(self.adjoints.products)
        self.factors: dict[Node, None] = {}  # of the backward pass's sums
        self.totals: dict[Node, None] = {}  # gradients that are needed for all steps
        self.forward, self.backward = self._forward(), self._backward()
        # What the backward pass reads, and the result it is a part of: [(node, which part)] of each result.
        splits = [do for do in self.forward if len(do.outputs) > 1]
        parts = {node: (do.inputs[0], n) for do in splits for n, node in enumerate(do.outputs)}
        self.saved: dict[Node, list[tuple[Node, int]]] = {}
        for node in dict.fromkeys(
            [*(p.factor for p in self.adjoints.products), *leaves([*self.factors], {*self.states, *self.outs})]
        ):
            if node not in self.states and node not in self.outs:
                whole, part = parts.get(node, (node, 0))
                self.saved.setdefault(whole, []).append((node, part))
        self.widths = {do.inputs[0]: len(do.outputs) for do in splits}
        self.made = {do.outputs[0] for do in self.forward if len(do.outputs) == 1}

    # Forward

    def _forward(self) -> list[Do]:
        """Products give all their columns, anything else one plane."""
        plan, done, used = [], {*self.states}, ex.uses(self.outs)
        summed = {product for node in self.columns.values() if node.op == "pre" for product in node.nodes}
        for node in self.nodes:
            if node in done or ex.of_vectors(node) or (node in summed and node not in self.adjoints.places):
                continue
            if node in self.adjoints.places:
                plan += self._products_of(node, done)
            elif (fused := _fused(node, used)) is not None:
                plan.append(fused)
            else:
                known = COMPUTE if any(arg.op == "const" for arg in node.nodes) else COMPUTE | OF_TENSORS
                plan.append(Do(known[node.op], node.nodes, [node]))
            done.add(node)
        wanted = {*self.outs, *self.adjoints.places, *summed}
        while True:  # without what nobody reads
            read = wanted | {node for do in plan for node in do.inputs}
            left = [do for do in plan if read & {*do.outputs}]
            if len(left) == len(plan):
                return plan
            plan = left

    def _products_of(self, node: Node, done: set[Node]) -> list[Do]:
        """A column of the activations, and with it those that the same product gives."""
        column = self.adjoints.places[node]
        own = [n for n, group in enumerate(self.groups) if any(product.column == column for product in group)]
        nodes = [self.columns[product.column] for product in self.groups[own[0]]] if own else []
        if len(own) == 1 and all(len(each.nodes) == 1 for each in nodes):
            n, group, joint = own[0], self.groups[own[0]], Node("joint", own[0])
            done.update(nodes)
            operands = [group[0].factor, Node("U", n)]
            if group[0].alone:
                plan = [Do(torch.bmm, operands, [joint])]
            else:
                plan = [Do(torch.baddbmm, [Node("x", group[0].column, len(group)), *operands], [joint])]
            for op in FUNCTIONS if self.together else ():
                squashed = [Node(op, each) for each in nodes]
                if len(nodes) > 1 and {*squashed} <= {*self.nodes}:
                    done.update(squashed)
                    plan.append(Do(COMPUTE[op], [joint], [Node(op, joint)]))
                    plan.append(Do(_split(len(nodes)), [Node(op, joint)], squashed))
            return [*plan, Do(_split(len(nodes)), [joint], nodes)]
        plan, total = [], Node("x", column, 1)
        for product in node.nodes:
            factor, u = product.args
            n = next(n for n in own if self.groups[n][0].factor is factor and u in [p.u for p in self.groups[n]])
            plan.append(Do(partial(_column, u - self.groups[n][0].u), [factor, Node("U", n)], [product]))
            plan.append(Do(torch.add, [total, product], [total := Node("sum", total, product)]))
        return [*plan, Do(_same, [total], [node])]

    def run(self, projected: Tensor, U: Tensor, V: Tensor, keep: bool) -> tuple[list[Tensor], list[Tensor]]:
        """Each state's vectors [P, T + 1, B, H], from before the first step on, and if `keep` what is `saved`."""
        (P, T, B, _), H = projected.shape, U.shape[1]
        fixed = {Node("vector", k): row[:, None] for k, row in enumerate(V.unbind(1))}
        for node in self.nodes:
            if ex.of_vectors(node):
                evaluate(node, fixed)
        fixed |= {Node("U", n): matrix for n, matrix in enumerate(self._matrices(U))}
        slices = self._slices(self.forward, "x", projected, H)
        states = [projected.new_zeros(P, T + 1, B, H) for _ in self.states]
        saved = [projected.new_empty(P, T, B, self.widths.get(node, 1) * H) for node in self.saved if keep]
        kept = [(node, every.unbind(1)) for node, every in zip(self.saved, saved, strict=keep)]
        moments = [every.unbind(1) for every in states]
        for t in range(T):
            env = fixed | {node: every[t] for node, every in slices.items()}
            env |= {state: every[t] for state, every in zip(self.states, moments, strict=True)}
            news = [(out, every[t + 1]) for out, every in zip(self.outs, moments, strict=True)]
            places = {node: every[t] for node, every in kept if node in self.made}
            places |= {node: place for node, place in news if node in self.made}
            for do in self.forward:
                do.run(env, places)
            for node, place in news:
                if places.get(node) is not place:
                    place.copy_(env[node]) if isinstance(env[node], Tensor) else place.fill_(env[node])
            for node, every in kept:
                if node not in places:
                    every[t].copy_(env[node])
        return states, saved

    @staticmethod
    def _slices(plan: list[Do], name: str, whole: Tensor, H: int) -> dict[Node, tuple[Tensor, ...]]:
        """The columns that a plan reads together, as a view a step."""
        nodes = {node for do in plan for node in do.inputs if node.op == name}
        return {node: whole[..., node.args[0] * H : sum(node.args) * H].unbind(1) for node in nodes}

    def _matrices(self, U: Tensor) -> list[Tensor]:
        H = U.shape[1]
        return [U[..., group[0].u * H : (group[-1].u + 1) * H].contiguous() for group in self.groups]

    # Backward

    def _backward(self) -> list[Do]:
        adjoints = self.adjoints
        roots = [*adjoints.columns.values(), *adjoints.states, *adjoints.vectors.values()]
        order, used = ex.below(roots), ex.uses(roots)
        self.later: set[Node] = set()  # what depends on later steps
        for node in order:
            if node.op in ("seed", "back") or self.later & {*node.nodes}:
                self.later.add(node)
        self.shared = {node for node in self.later if used[node] > 1 or node in adjoints.columns.values()}
        self.plan: list[Do] = []
        self.places: dict[Node, int] = {}  # the column of each δ
        self.again: dict[int, Node] = {}
        self.known = {Node("seed", i) for i in range(len(self.states))}
        for column, delta in sorted(adjoints.columns.items(), key=lambda item: order.index(item[1])):
            self._sum(delta, column)
        for share in adjoints.vectors.values():
            self.totals |= {self._sum(gradient): None for gradient in self._terms(share)}
        for i, share in enumerate(adjoints.states):
            self._back(Node("next", i), self.states[i], [] if share is ZERO else [self._sum(share)])
        return self.plan

    def _terms(self, node: Node, inside: bool = False) -> dict[Node, Node]:
        """A gradient as a sum: gradients with a name of their own, and what each is multiplied with."""
        if node.op in ("seed", "back") or (inside and node in self.shared):
            return {node: ONE}
        if node.op in ("add", "sub"):
            sides = [self._terms(arg, True) for arg in node.nodes]
            join = ex.add if node.op == "add" else ex.sub
            return {key: join(sides[0].get(key, ZERO), sides[1].get(key, ZERO)) for key in sides[0] | sides[1]}
        if node is ZERO or node not in self.later:
            return {}
        gradient = next(arg for arg in node.nodes if arg in self.later)
        build = ex.BUILD.get(node.op, partial(Node, node.op))
        others = [arg for arg in node.nodes if arg is not gradient]
        return {key: build(factor, *others) for key, factor in self._terms(gradient, True).items()}

    def _sum(self, node: Node, column: int | None = None) -> Node:
        """Adds the operations for a gradient to the plan, after those for what it is made of."""
        if node is ZERO:
            return node
        if column is not None and (node.op == "seed" or self.places.setdefault(node, column) != column):
            if column not in self.again:  # what has a place already is copied
                self.again[column] = Node("again", column)
                self.plan.append(Do(_same, [self._sum(node)], [self.again[column]]))
        if node in self.known:
            return node
        self.known.add(node)
        if node.op == "back":
            self._back(node, node.args[0], [])
            return node
        terms = list(self._terms(node).items())
        total: list[Node] = []
        for n, (gradient, factor) in enumerate(terms):
            self._sum(gradient)
            inputs = [*total, gradient] if factor is ONE else [*total, gradient, factor]
            one, other = (torch.add, _add_product) if total else (_same, torch.mul)
            function = one if factor is ONE else other
            last = n == len(terms) - 1
            total = [node if last else Node("sum", node, n)]
            self.plan.append(Do(function, inputs, total))
            self.factors |= {factor: None} if factor is not ONE else {}
        return node

    def _back(self, output: Node, factor: Node, start: list[Node]) -> None:
        """The gradient at what is multiplied with recurrent matrices, added to what it has otherwise."""
        for n, group in enumerate(self.groups):
            if group[0].factor is factor:
                for product in group:
                    self._sum(self.adjoints.columns[product.column], product.column)
                inputs = [*start, Node("d", group[0].column, len(group)), Node("UT", n)]
                self.plan.append(Do(torch.baddbmm if start else torch.bmm, inputs, [output]))
                start = [output]
        if start != [output]:
            self.plan.append(Do(_same, start or [Node("zero")], [output]))

    def gradients(
        self, dh: Tensor, U: Tensor, V: Tensor, states: list[Tensor], saved: list[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Those at x W + b, U and V, from δh [P, T, B, H], the states [P, T + 1, B, H] and what `run` saved."""
        P, T, B, H = dh.shape
        known = {Node("vector", k): row[:, None, None] for k, row in enumerate(V.unbind(1))}
        known |= {state: every[:, :-1] for state, every in zip(self.states, states, strict=True)}
        for out, every in zip(self.outs, states, strict=True):
            known.setdefault(out, every[:, 1:])
        for (whole, parts), every in zip(self.saved.items(), saved, strict=True):
            planes = every.chunk(self.widths.get(whole, 1), dim=-1)
            known |= {node: planes[part] for node, part in parts}
        factors = {factor: _steps(evaluate(factor, known), T) for factor in self.factors}
        count = len(self.adjoints.columns)
        delta = (dh.new_empty if len(self.places) + len(self.again) == count else dh.new_zeros)(P, T, B, H * count)
        slices = factors | self._slices(self.backward, "d", delta, H)
        columns = [*self.places.items(), *((node, column) for column, node in self.again.items())]
        columns = [(node, delta[..., column * H : (column + 1) * H].unbind(1)) for node, column in columns]
        fixed = {Node("UT", n): matrix.mT.contiguous() for n, matrix in enumerate(self._matrices(U))}
        env = fixed | {Node("next", i): dh.new_zeros(P, B, H) for i in range(len(self.states))}
        env[Node("zero")] = dh.new_zeros(P, B, H)
        totals: dict[Node, list[Tensor]] = {node: [] for node in self.totals if node not in self.places}
        upstream = dh.unbind(1)
        for t in reversed(range(T)):
            env |= {Node("seed", i): env[Node("next", i)] for i in range(len(self.states))}
            env[Node("seed", 0)] = env[Node("seed", 0)] + upstream[t]
            env |= {node: every[t] for node, every in slices.items()}
            places = {node: every[t] for node, every in columns}
            for do in self.backward:
                do.run(env, places)
            for node, values in totals.items():
                values.append(env[node])
        dV = torch.zeros_like(V)
        multiplied = [evaluate(group[0].factor, known) for group in self.groups]
        dU = matrices.recurrent_gradient(self.equation, self.adjoints, multiplied, delta, U)
        every = {node: torch.stack(values[::-1], dim=1) for node, values in totals.items()}
        every |= {node: delta[..., column * H : (column + 1) * H] for node, column in self.places.items()}
        for k, share in self.adjoints.vectors.items():
            for gradient, factor in self._terms(share).items():
                dV[:, k] += (every[gradient] * evaluate(factor, known)).sum((1, 2))
        return delta[..., : self.equation.width("W") * H], dU, dV


def _fused(node: Node, used: Counter) -> Do | None:
    """a + w (b − a) as one operation, or a + b c. What they stand for is read by nobody then."""
    for a, product in (node.args, node.args[::-1]) if node.op == "add" else ():
        if product.op == "mul" and used[product] == 1 and "const" not in (a.op, *(arg.op for arg in product.nodes)):
            w, other = product.args
            if other.op == "sub" and other.args[1] is a and used[other] == 1 and other.args[0].op != "const":
                return Do(torch.lerp, [a, other.args[0], w], [node])
            return Do(torch.addcmul, [a, w, other], [node])
    return None


def _same(value: Tensor) -> Tensor:
    return value


def _column(which: int, factor: Tensor, U: Tensor) -> Tensor:
    H = factor.shape[-1]
    return torch.bmm(factor, U[..., which * H : (which + 1) * H])


def _split(parts: int) -> Callable:
    return (lambda joint: joint) if parts == 1 else (lambda joint: joint.chunk(parts, dim=-1))


def _add_product(total: Tensor, gradient: Tensor, factor: Any, out: Tensor | None = None) -> Tensor:
    if isinstance(factor, Tensor):
        return torch.addcmul(total, gradient, factor, out=out)
    return torch.add(total, gradient, alpha=factor, out=out)


INTO.add(_add_product)


def _steps(value: Any, T: int) -> Any:
    """A factor at each step: [P, B, H], or the same [P, 1, H] or number at all."""
    each = value.unbind(1) if isinstance(value, Tensor) else [value]
    return each if len(each) == T else [*each] * T


class _Unrolled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor, U: Tensor, V: Tensor, passes: Passes) -> Tensor:
        states, saved = passes.run(projected, U, V, True)
        ctx.passes = passes
        ctx.save_for_backward(U, V, *states, *saved)
        return states[0][:, 1:]

    @staticmethod
    def backward(ctx: Any, dh: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        U, V, *rest = ctx.saved_tensors
        states = len(ctx.passes.states)
        return *ctx.passes.gradients(dh, U, V, rest[:states], rest[states:]), None


def hidden_states(passes: Passes, weights: dict[str, Tensor], inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
    """A population's hidden states: weights each [P, *shape], inputs [P, T, B, D] → h_1 … h_T [P, T, B, H].

    `lengths` is not looked at: padding is computed like all else.
    """
    projected, U, V = matrices.gathered(passes.equation, passes.adjoints, weights, inputs)
    if torch.is_grad_enabled() and any(weight.requires_grad for weight in weights.values()):
        return _Unrolled.apply(projected, U, V, passes)
    return passes.run(projected, U, V, False)[0][0][:, 1:]
