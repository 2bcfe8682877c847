"""The backward pass of an equation, as expressions: the gradient at whatever a step depends on.

From the last node to the first, each hands its gradient on to its arguments by the chain rule; what comes the shortest
way from the new state is added first. What is multiplied with recurrent matrices gets Σ δ_g U_gᵀ back, once all δ_g are
known.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from stages.recurrent.derive import expressions as ex
from stages.recurrent.derive.expressions import ONE, ZERO, Node


@dataclass(frozen=True)
class Product:
    """e U_u, summed into column `column` of the activations; `alone` if nothing else is in that column."""

    factor: Node
    u: int
    column: int
    alone: bool


@dataclass(frozen=True)
class Adjoints:
    """Attributes:
    products: all of a step, by column.
    columns: δ, the gradient at each column of the activations: those of x W, then products that stand alone. It is
        zero where a column is not used.
    states: that at each vector of the old state, without what comes back through its own products.
    vectors: that at each row of V that is not a `pre`'s, an element's share.
    """

    products: list[Product]
    columns: dict[int, Node]
    states: list[Node]
    vectors: dict[int, Node]
    places: dict[Node, int] = field(default_factory=dict)

    def of(self, factor: Node) -> list[Product]:
        """The products of one factor."""
        return [product for product in self.products if product.factor is factor]


def differentiate(outs: list[Node], inputs: int) -> Adjoints:
    """The adjoints of a step with `inputs` columns of x W."""
    nodes = ex.below(outs)
    pres = [node for node in nodes if node.op == "pre"]
    summed = {product for pre in pres for product in pre.nodes}
    places = {node: node.args[0] for node in pres}
    read = {*outs, *(arg for node in nodes if node.op != "pre" for arg in node.nodes)}
    alone = sorted((node for node in nodes if node.op == "product" and node in read), key=lambda n: n.args[1])
    places |= {node: inputs + at for at, node in enumerate(alone)}
    products = [Product(*product.args, places[pre], False) for pre in pres for product in pre.nodes]
    products += [Product(*product.args, places[product], True) for product in alone]
    products.sort(key=lambda product: product.column)
    unused = dict.fromkeys(range(inputs + len(alone)), ZERO)
    found = Adjoints(products, unused, [ZERO] * len(outs), {}, places)
    way = _steps_from(outs)
    shares: dict[Node, list[tuple[int, Node]]] = {node: [] for node in nodes}
    for i, out in enumerate(outs):
        shares[out].append((-1, Node("seed", i)))
    for node in reversed(nodes):
        deltas = [found.columns[product.column] for product in found.of(node)]
        d, args = ZERO, node.args
        for _, share in sorted(shares[node], key=lambda each: each[0]):
            d = ex.add(d, share)
        if deltas and node.op != "state":
            d = ex.add(d, Node("back", node, *deltas))
        if node in places:
            found.columns[places[node]] = d
        elif node.op == "state":
            found.states[args[0]] = d
        elif node.op == "vector":
            found.vectors[args[0]] = d
        elif node not in summed:
            for arg, share in zip(node.nodes, _shares(node, d), strict=True):
                shares[arg].append((way[node], share))
    return found


def _steps_from(outs: list[Node]) -> dict[Node, int]:
    """How far each node is below the roots, on its shortest way."""
    way = dict.fromkeys(outs, 0)
    for node in (waiting := list(outs)):  # grows while it is read
        for arg in node.nodes:
            if arg not in way:
                way[arg] = way[node] + 1
                waiting.append(arg)
    return way


def _shares(node: Node, d: Node) -> list[Node]:
    """What the gradient d at a node is at each of its arguments."""
    a, b = (*node.args, None, None)[:2]
    match node.op:
        case "add":
            return [d, d]
        case "sub":
            return [d, ex.neg(d)]
        case "neg":
            return [ex.neg(d)]
        case "mul":
            return [ex.mul(d, b), ex.mul(d, a)]
        case "div":
            return [ex.div(d, b), ex.neg(ex.div(ex.mul(d, node), b))]
        case "sigmoid":
            return [ex.mul(ex.mul(d, node), ex.sub(ONE, node))]
        case "tanh":
            return [ex.mul(d, ex.sub(ONE, ex.mul(node, node)))]
        case "exp":
            return [ex.mul(d, node)]
        case "relu":
            return [ZERO if d is ZERO else Node("mask", d, node)]
    return []


def leaves(roots: list[Node], there: set[Node]) -> list[Node]:
    """What of the forward pass has to be kept to compute these without it: products and functions.

    `there` is what else is at hand; so are learned vectors.
    """
    found, seen = {}, {*there}

    def visit(node: Node) -> None:
        if node in seen or ex.of_vectors(node):
            return
        seen.add(node)
        if node.op in (*ex.FUNCTIONS, "pre", "product"):
            found[node] = None
        else:
            for arg in node.nodes[node.op == "back" :]:  # what a gradient comes back to need not be known
                visit(arg)

    for root in roots:
        visit(root)
    return list(found)


def neighbours(products: list[Product], apart: bool = True) -> list[list[Product]]:
    """Products of one factor whose columns lie side by side, in U and in `a`: they are one product."""
    groups: list[list[Product]] = []
    for last, product in pairwise([None, *products]):
        same = last is not None and last.factor is product.factor and (last.alone == product.alone or not apart)
        if same and (product.u, product.column) == (last.u + 1, last.column + 1):
            groups[-1].append(product)
        else:
            groups.append([product])
    return groups
