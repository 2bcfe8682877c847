"""Which value is computed in which loop over a step's elements, and where it lies between two loops.

A pass over one step is: loop 0, products, loop 1, products, … A value belongs to the loop after the last product below
it (its level). Each loop reads values from arrays (a value's `home`), and stores some. A store takes a home's place:
what a later loop still needs of the earlier value is kept in a scratch array.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from stages.recurrent.derive.expressions import Node


@dataclass(frozen=True)
class Store:
    """`place` = value, or += value."""

    place: str
    how: str
    node: Node


class Schedule:
    """The loops of a pass."""

    def __init__(self, products: tuple[str, ...], at_hand: Callable[[Node], bool], scratch: str):
        """Values for which `at_hand` says so are there from the start; `products` are the operations that are products.

        Scratch arrays are called `scratch` and a number.
        """
        self.products, self.at_hand, self.scratch = products, at_hand, scratch
        self.homes: dict[Node, list[tuple[str, int]]] = defaultdict(list)
        self.stores: dict[int, list[Store]] = defaultdict(list)
        self.kept: list[str] = []
        self._levels: dict[Node, int] = {}

    def level(self, node: Node) -> int:
        """How many products lie below a value, one below the other."""
        if node not in self._levels:
            beneath = max((self.level(arg) for arg in node.nodes), default=0)
            product = node.op in self.products and bool(node.nodes)
            self._levels[node] = 0 if self.at_hand(node) else beneath + product
        return self._levels[node]

    def store(self, place: str, how: str, node: Node) -> None:
        self.stores[self.level(node)].append(Store(place, how, node))

    def home(self, node: Node, place: str, since: int = 0) -> None:
        """Says that a value lies at a place from a loop on, until something else is stored there."""
        self.homes[node].append((place, since))

    def found(self, node: Node, loop: int) -> str | None:
        """Where a loop finds a value, or None."""
        before = [store for k in range(loop) for store in self.stores[k] if store.how == "=" and store.node is not node]
        gone = {store.place for store in before}
        return next((place for place, since in self.homes.get(node, ()) if since <= loop and place not in gone), None)

    def keep_what_is_needed(self) -> None:
        """Adds the scratch arrays; after this the loops are complete."""
        for loop in range(max(self.stores, default=0), 0, -1):
            for store in list(self.stores[loop]):
                self._keep(store.node, loop)

    def _keep(self, node: Node, loop: int) -> None:
        if node.op == "const" or self.found(node, loop):
            return
        if self.level(node) < loop and not self._cheap(node, loop):
            place = f"{self.scratch}{len(self.kept)}"
            self.kept.append(place)
            self.home(node, place, self.level(node) + 1)
            self.stores[self.level(node)].append(Store(place, "=", node))
            return
        for arg in node.nodes:
            self._keep(arg, loop)

    def _cheap(self, node: Node, loop: int) -> bool:
        """Whether a loop can compute a value anew from what it finds, without a function."""
        if node.op == "const" or self.found(node, loop):
            return True
        return node.op in ("add", "sub", "mul", "neg") and all(self._cheap(arg, loop) for arg in node.nodes)
