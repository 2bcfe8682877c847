"""Expressions of one element: a number of one unit, of one sequence, at one step. Equal expressions are one object.

    state i                     the i-th vector of the state before the step
    vector k                    learned numbers, one a unit: peepholes, biases, a leak; row k of V
    input g                     column g of x W; of the paper's GRU z, r, h̃ are columns 0, 1, 2
    product e u                 e U_u: of all units' e, with column u of the recurrent matrices
    pre g k products…           input g, vector k (−1: none) and products, summed where x W lies
    add sub mul div neg sigmoid tanh relu exp     as their names say
and in a backward pass, of a loss ℓ, ∂ℓ/∂(state i after the step) as `seed i`, Σ δ_g U_gᵀ of those products that e is
the factor of as `back e δ…`, and `mask d e`: d where e > 0.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable
from typing import Any

FUNCTIONS = ("sigmoid", "tanh", "relu", "exp")


class Node:
    """`op` of `args`: nodes and numbers."""

    __slots__ = ("op", "args")
    _known: dict[tuple, "Node"] = {}

    def __new__(cls, op: str, *args: Any) -> "Node":
        node = cls._known.get((op, *args))
        if node is None:
            node = cls._known[op, *args] = object.__new__(cls)
            node.op, node.args = op, args
        return node

    @property
    def nodes(self) -> list["Node"]:
        return [arg for arg in self.args if isinstance(arg, Node)]

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(repr, self.args))})"


def const(value: float) -> Node:
    return Node("const", float(value))


ZERO, ONE = const(0), const(1)


def number(node: Node) -> float | None:
    """The value of a constant, None of all else."""
    return node.args[0] if node.op == "const" else None


def neg(a: Node) -> Node:
    if a.op == "const":
        return const(-a.args[0])
    return a.args[0] if a.op == "neg" else sub(a.args[1], a.args[0]) if a.op == "sub" else Node("neg", a)


def add(a: Node, b: Node) -> Node:
    if a is ZERO or b is ZERO:
        return b if a is ZERO else a
    if a.op == b.op == "const":
        return const(a.args[0] + b.args[0])
    if b.op == "neg" and b.args[0].op == "mul" and b.args[0].args[0] is a:  # d − d z
        return mul(a, sub(ONE, b.args[0].args[1]))
    return sub(a, b.args[0]) if b.op == "neg" else sub(b, a.args[0]) if a.op == "neg" else Node("add", a, b)


def sub(a: Node, b: Node) -> Node:
    if a is ZERO or b is ZERO:
        return a if b is ZERO else neg(b)
    if a.op == b.op == "const":
        return const(a.args[0] - b.args[0])
    return Node("add", a, b.args[0]) if b.op == "neg" else Node("sub", a, b)


def mul(a: Node, b: Node) -> Node:
    if a is ZERO or b is ZERO:
        return ZERO
    if a is ONE or b is ONE:
        return b if a is ONE else a
    if a.op == b.op == "const":
        return const(a.args[0] * b.args[0])
    if "neg" in (a.op, b.op):
        return neg(mul(a.args[0], b)) if a.op == "neg" else neg(mul(a, b.args[0]))
    return Node("mul", a, b)


def div(a: Node, b: Node) -> Node:
    return a if a is ZERO or b is ONE else neg(div(a.args[0], b)) if a.op == "neg" else Node("div", a, b)


def function(op: str, a: Node) -> Node:
    return ZERO if a is ZERO and op in ("tanh", "relu") else Node(op, a)


def lerp(a: Node, b: Node, weight: Node) -> Node:
    return add(a, mul(weight, sub(b, a)))


def below(roots: Iterable[Node]) -> list[Node]:
    """The roots and all nodes below them, each after its arguments."""
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in found:
            for arg in node.nodes:
                visit(arg)
            found[node] = None

    for root in roots:
        visit(root)
    return list(found)


def uses(roots: Iterable[Node]) -> Counter:
    """How often each node stands in another or among the roots."""
    roots = list(roots)
    return Counter([*roots, *(arg for node in below(roots) for arg in node.nodes)])


def of_vectors(node: Node) -> bool:
    """Whether a value is the same for all sequences and steps."""
    return {part.op for part in below([node])}.isdisjoint(("state", "input", "pre", "product", "seed", "back"))


def squashed(node: Node, places: Container[Node]) -> list[Node]:
    """What a function is applied to of those with a place, not through another function: a gate's own columns."""
    if node.op not in FUNCTIONS:
        return []

    def within(part: Node) -> list[Node]:
        if part in places:
            return [part]
        return [] if part.op in FUNCTIONS else [found for arg in part.nodes for found in within(arg)]

    return within(node.args[0])


BUILD: dict[str, Callable[..., Node]] = {"add": add, "sub": sub, "mul": mul, "div": div, "neg": neg}
BUILD |= {op: (lambda a, op=op: function(op, a)) for op in FUNCTIONS}
BUILD["product"] = lambda a, column: ZERO if a is ZERO else Node("product", a, column)


def replaced(node: Node, change: Callable[[Node], Node | None], memo: dict[Node, Node]) -> Node:
    """The expression anew, simplified, with `change(part)` in place of a part where that is not None."""
    if node not in memo:
        changed = change(node)
        if changed is None and node.nodes:
            args = [replaced(arg, change, memo) if isinstance(arg, Node) else arg for arg in node.args]
            changed = BUILD.get(node.op, lambda *args, op=node.op: Node(op, *args))(*args)
        memo[node] = changed or node
    return memo[node]


def vanishes_at_rest(node: Node) -> bool:
    """Whether it is zero whenever the state before the step is, as it is at the first step."""
    return replaced(node, lambda n: ZERO if n.op == "state" else None, {}) is ZERO
