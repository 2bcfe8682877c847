"""Expressions as lines of code: what the emitters of compiled passes and of GPU kernels share.

Both languages are Python's syntax with functions called `sigmoid`, `tanh` and so on.
"""

from collections.abc import Callable

from stages.recurrent.derive.expressions import Node

FORMS = {"add": "{} + {}", "sub": "{} - {}", "neg": "-{}", "mul": "{} * {}", "div": "{} / {}"}
LOOSE = ("add", "sub", "neg")  # to be put in parentheses inside another operation


class Lines:
    """Values, each as text; what is used more than once, or has a name, gets a line of its own.

    Attributes:
        lines: those so far.
    """

    forms = FORMS
    reserved: frozenset[str] = frozenset()  # what else the code around calls something

    def __init__(self, found: Callable[[Node], str | None], names: dict[Node, str], roots: list[Node]):
        """`found` tells where a value lies already, `names` what `step` calls it; `roots` will be asked for."""
        self.found, self.names = found, names
        self.lines: list[str] = []
        self.known: dict[Node, str] = {}
        self.used: dict[Node, int] = {}
        for root in roots:
            self._use(root)

    def parts(self, node: Node) -> list[Node]:
        """What a value is made of here."""
        return node.nodes

    def element(self, place: str) -> str:
        """What stands for a value that lies somewhere."""
        return place

    def constant(self, number: float) -> str:
        return repr(number)

    def operation(self, node: Node, parts: list[str]) -> str:
        return self.forms[node.op].format(*parts) if node.op in self.forms else f"{node.op}({', '.join(parts)})"

    def value(self, node: Node, inside: bool = False) -> str:
        """The text of a value; `inside` another operation it is put in parentheses where that needs them."""
        if node in self.known:
            return self.known[node]
        if node.op == "const":
            return self.constant(node.args[0])
        place = self.found(node)
        if place:
            text = self.element(place)
        else:
            text = self.operation(node, [self.value(arg, node.op in self.forms) for arg in self.parts(node)])
        if self.used[node] > 1 or (node in self.names and not place):
            name = self.names.get(node, "")
            if name in self.reserved or name[-1:].isdigit() or name in self.known.values():
                name = f"{name}_"
            name = name.strip("_") and name or f"v{len(self.known)}"
            self.known[node] = name
            self.lines.append(f"{name} = {text}")
            return name
        return f"({text})" if inside and not place and node.op in (*LOOSE, "mul", "div") else text

    def _use(self, node: Node) -> None:
        self.used[node] = self.used.get(node, 0) + 1
        if self.used[node] == 1 and not self.found(node):
            for arg in self.parts(node):
                self._use(arg)
