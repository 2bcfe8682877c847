"""The source of a cell's compiled passes: loops over elements between matrix products, as Numba compiles them.

Arrays of the passes, with S rows (one a sequence and step) and planes of `width` columns, the padded number of units:
    a [S, columns·width]       x W + b; products are summed into it, what they are squashed to takes its place, and δ at
                               last. Columns of x W come first, then products that stand alone.
    saved [SAVED, S, width]    what the backward pass needs besides, h_t first
    dh [S, width]              the gradient at h_t from above; that through time is added to it
"""

from collections.abc import Iterator

from stages.recurrent.derive import expressions as ex
from stages.recurrent.derive.adjoints import Product, differentiate, neighbours
from stages.recurrent.derive.expressions import FUNCTIONS, ZERO, Node
from stages.recurrent.derive.lines import FORMS, Lines
from stages.recurrent.derive.schedule import Schedule, Store
from stages.recurrent.derive.tracing import Equation

HEAD = '''"""The compiled passes of the cell `{name}`, derived from its `step`; not written by hand.

{slots}
"""

import numpy as np
from numba import float32, njit, uint64

from .elementary import copied, exp, loop, sigmoid, tanh
from .products import multiply, multiply_panels, panels

# In a loop, [at] and [line] are the same element of arrays one plane wide and of `a`; a loop's arrays do not overlap.
INPUTS, RECURRENT, VECTORS = {inputs}, {recurrent}, {vectors}  # columns of W and U, rows of V
COLUMNS, SAVED = {columns}, {saved}  # of `a`; arrays of `saved`
BIASES = np.array({biases}, np.int64)  # the row of V that is each column's bias, or -1
# The parameters in a row of the population matrix: 0, 1, 2 for W, U, V; their first column or row there; how many.
BLOCKS = np.array({blocks}, np.int64)


'''
GUARDED = {"relu": "(float32(0) if {0} < float32(0) else {0})", "mask": "(float32(0) if {1} <= float32(0) else {0})"}
RESERVED = frozenset("at j line row rows width stride dh previous float32 sigmoid tanh exp".split())
SAID = {"previous": "  # δh of the step before, but for products", "carry": "  # likewise of another state"}


def source(name: str, equation: Equation) -> str:
    """The module of a cell's compiled passes."""
    return _Writer(name, equation).text()


class _Writer:
    def __init__(self, name: str, equation: Equation):
        self.name, self.equation, self.outs = name, equation, equation.outs
        self.adjoints = differentiate(equation.outs, equation.width("W"))
        self.nodes = ex.below(equation.outs)
        self.states = [Node("state", i) for i in range(len(self.outs))]
        self.forward = Schedule(("product",), lambda n: n.op == "state", "kept")
        self.backward = Schedule(("back",), self._is_forward, "kept")
        self._forward_only: dict[Node, bool] = {}
        self.slots: list[tuple[Node, str]] = []  # the arrays of `saved`: the value, and what it is
        self._choose_homes()

    def _is_forward(self, node: Node) -> bool:
        if node not in self._forward_only:
            gradient = node.op in ("seed", "back")
            self._forward_only[node] = not gradient and all(self._is_forward(arg) for arg in node.nodes)
        return self._forward_only[node]

    def _slot(self, node: Node, what: str) -> str:
        self.slots.append((node, what))
        return f"saved[{len(self.slots) - 1}]"

    def _choose_homes(self) -> None:
        """Where each value lies that the backward pass or a product needs."""
        forward, backward = self.forward, self.backward
        at_end: dict[Node, str] = {}  # where the backward pass finds what the forward pass leaves
        for i, (out, old) in enumerate(zip(self.outs, self.states, strict=True)):
            place, before = (
                self._slot(out, f"{self.text_of(out)}, the new state {i}"),
                self._slot(old, f"the old state {i}"),
            )
            forward.store(place, "=", out)
            at_end.setdefault(out, place)
            forward.home(old, before)
            at_end[old] = before
        for factor in dict.fromkeys(product.factor for product in self.adjoints.products):
            if factor not in at_end:
                at_end[factor] = self._slot(factor, f"{self.text_of(factor)}, before a product")
                forward.store(at_end[factor], "=", factor)
        columns = {node: f"a[{column}]" for node, column in self.adjoints.places.items()}
        for node, place in columns.items():
            forward.home(node, place, forward.level(node))
        wanted = self._wanted(at_end)
        taken = {columns[node] for node in wanted if node in columns}
        for node in wanted:
            free = [columns[part] for part in ex.squashed(node, columns) if columns[part] not in taken]
            at_end[node] = columns.get(node) or (free[0] if free else self._slot(node, self.text_of(node)))
            taken.add(at_end[node])
            if node not in columns:
                forward.store(at_end[node], "=", node)
        for node, place in at_end.items():
            forward.home(node, place, forward.level(node) + 1)
            backward.home(node, place)
        for k in range(self.equation.width("V")):
            forward.home(Node("vector", k), f"V[{k}]")
            backward.home(Node("vector", k), f"V[{k}]")
        forward.keep_what_is_needed()
        self._store_gradients()

    def _wanted(self, there: dict[Node, str]) -> list[Node]:
        """Of the forward pass's values those that the backward pass cannot compute anew from what is there."""
        found: dict[Node, None] = {}

        def visit(node: Node) -> None:
            if self._is_forward(node) and (node in there or ex.of_vectors(node)):
                return
            if node.op in (*FUNCTIONS, "pre", "product", "div") and self._is_forward(node):
                found[node] = None
                return
            for arg in node.nodes:
                if not (node.op == "back" and arg is node.args[0]):
                    visit(arg)

        adjoints = self.adjoints
        for root in [*adjoints.columns.values(), *adjoints.states, *adjoints.vectors.values()]:
            visit(root)
        return sorted(found, key=self.nodes.index)

    def _store_gradients(self) -> None:
        backward, adjoints = self.backward, self.adjoints
        for i in range(len(self.outs)):
            backward.home(Node("seed", i), f"carry[{i}]" if i else "dh")
        for node in ex.below([*adjoints.columns.values(), *adjoints.states, *adjoints.vectors.values()]):
            if node.op == "back":
                backward.home(node, f"back[{self._factors().index(node.args[0])}]", backward.level(node))
        for column, delta in sorted(adjoints.columns.items()):
            backward.store(f"a[{column}]", "=", delta)
            backward.home(delta, f"a[{column}]", backward.level(delta) + 1)
        for k, share in adjoints.vectors.items():
            backward.store(f"dV[{k}]", "+=", share)
        for i, share in enumerate(adjoints.states):
            if i or share is not ZERO:
                backward.store(f"carry[{i}]" if i else "previous", "=" if i else "+=", share)
        backward.keep_what_is_needed()

    def _factors(self) -> list[Node]:
        """What is multiplied by recurrent matrices and is no state."""
        factors = dict.fromkeys(product.factor for product in self.adjoints.products)
        return [factor for factor in factors if factor.op != "state"]

    # Text

    def text_of(self, node: Node, inside: bool = False) -> str:
        """A value as one would write it, its parts by their names in `step`."""
        if inside and node in self.equation.names:
            return self.equation.names[node]
        parts = [self.text_of(arg, True) for arg in node.nodes]
        match node.op:
            case "state":
                return self.equation.names.get(node, f"state {node.args[0]}")
            case "const":
                return f"{node.args[0]:g}"
            case "pre" | "product":
                return f"column {self.adjoints.places.get(node, '?')}"
            case op if op in FORMS:
                text = FORMS[op].format(*parts)
                return f"({text})" if inside else text
        return f"{node.op}({', '.join(map(str, [*parts] or node.args))})"

    def text(self) -> str:
        equation, matrices = self.equation, "WUV"
        biases = {pre.args[0]: pre.args[1] for pre in self.nodes if pre.op == "pre"}
        slots = [f"    saved[{k}]    {what}" for k, (_, what) in enumerate(self.slots)]
        head = HEAD.format(
            name=self.name,
            slots="\n".join(slots),
            inputs=equation.width("W"),
            recurrent=equation.width("U"),
            vectors=equation.width("V"),
            columns=len(self.adjoints.columns),
            saved=len(self.slots),
            biases=[biases.get(column, -1) for column in range(equation.width("W"))],
            blocks=[[matrices.index(block.matrix), block.first, block.count] for block in equation.blocks],
        )
        text = []
        for lines in (self._forward_pass(), self._backward_pass()):
            self.functions: list[str] = []
            whole = list(lines)
            text += [*self.functions, "", "", *whole]
        return head + "\n".join(text[2:]) + "\n"

    def _forward_pass(self) -> Iterator[str]:
        groups = neighbours(self.adjoints.products)
        yield '@njit(error_model="numpy", fastmath={"contract"})'
        yield "def forward(a, saved, U, V, steps):"
        yield "    width, stride = saved.shape[2], a.shape[1]"
        for n, group in enumerate(groups):
            yield f"    U{n} = panels(U[:, {_columns(group, 'u')}])"
        yield from self._fixed(self.forward)
        yield from self._scratch([f"kept{n}" for n in range(len(self.forward.kept))], "steps[1]")
        yield from self._flat()
        yield "    for t in range(steps.size - 1):"
        yield "        now, end = steps[t], steps[t + 1]"
        yield "        rows, at, line = end - now, now * width, now * stride"
        yield "        if t > 0:"
        slots = range(0, 2 * len(self.outs), 2)
        yield "            last = steps[t - 1] * width"
        yield from (f"            copied(rows * width, saved{i + 1}[at:], saved{i}[last:])" for i in slots)
        yield "        else:"
        yield from (f"            saved{i + 1}[: rows * width] = float32(0)" for i in slots)
        for loop in range(max(self.forward.stores) + 1):
            for n, group in enumerate(groups):
                if self.forward.level(group[0].factor) == loop - 1:
                    yield from self._product(n, group)
            yield from self._loop("forward", self.forward, loop)

    def _flat(self) -> Iterator[str]:
        yield "    activations = a.reshape(-1)"
        yield from (f"    saved{k} = saved[{k}].reshape(-1)" for k in range(len(self.slots)))

    @staticmethod
    def _scratch(names: list[str], rows: str) -> Iterator[str]:
        """Arrays of a step, and their numbers one after another."""
        for name in names:
            yield f"    {name}_rows = np.zeros(({rows}, width), np.float32)"
            yield f"    {name} = {name}_rows.reshape(-1)"

    def _product(self, n: int, group: list[Product]) -> Iterator[str]:
        factor, columns = group[0].factor, f"a[now:end, {_columns(group, 'column')}]"
        rest = ex.vanishes_at_rest(factor)
        yield f"        # {self.text_of(factor)} times its {len(group)} column{'s' * (len(group) > 1)} of U"
        if rest:
            yield "        if t > 0:"
        call = f"multiply_panels({columns}, saved[{self._array(factor)}, now:end], U{n}, {not group[0].alone})"
        yield f"        {'    ' * rest}{call}"
        if rest and group[0].alone:
            yield "        else:"
            yield f"            {columns} = float32(0)"

    def _array(self, node: Node) -> int:
        """Which of the arrays of `saved` holds a product's factor."""
        return next(k for k, (value, _) in enumerate(self.slots) if value is node)

    def _backward_pass(self) -> Iterator[str]:
        groups = neighbours(self.adjoints.products, apart=False)
        factors, schedule = self._factors(), self.backward
        yield '@njit(error_model="numpy", fastmath={"contract"})'
        yield "def backward(a, saved, dh, U, V, dU, dV, steps):"
        yield "    width, stride = saved.shape[2], a.shape[1]"
        for n, group in enumerate(groups):
            yield f"    U{n} = panels(U[:, {_columns(group, 'u')}].T)"
        yield from self._fixed(schedule)
        names = [f"carry{i}" for i in range(1, len(self.outs))] + [f"back{n}" for n in range(len(factors))]
        yield from self._scratch([*names, *(f"kept{n}" for n in range(len(schedule.kept))), "unused"], "steps[1]")
        yield from self._flat()
        yield "    gradient = dh.reshape(-1)"
        if self.adjoints.vectors:
            yield "    dV[:] = float32(0)"
        yield "    for t in range(steps.size - 2, -1, -1):"
        yield "        now, end = steps[t], steps[t + 1]"
        yield "        rows, at, line = end - now, now * width, now * stride"
        yield "        last = steps[t - 1] if t > 0 else 0"
        yield "        previous = gradient[last * width :] if t > 0 else unused"
        for loop in range(max(schedule.stores) + 1):
            for n, factor in enumerate(factors):
                home = next(node for node in schedule.homes if node.op == "back" and node.args[0] is factor)
                if schedule.level(home) == loop:
                    yield from self._product_back(f"back{n}_rows[:rows]", factor, groups, False)
            yield from self._loop("backward", schedule, loop)
        for i, state in enumerate(self.states):
            rows = f"carry{i}_rows[:rows]" if i else "dh[last : last + rows]"
            yield from self._product_back(rows, state, groups, True)
        yield "    count = steps[-1]"
        written: set[int] = set()
        for group in groups:
            add = any(product.u in written for product in group)
            written |= {product.u for product in group}
            operands = f"saved[{self._array(group[0].factor)}].T, a[:count, {_columns(group, 'column')}]"
            yield f"    multiply(dU[:, {_columns(group, 'u')}], {operands}, {add})"

    def _product_back(self, target: str, factor: Node, groups: list[list[Product]], add: bool) -> Iterator[str]:
        own = [(n, group) for n, group in enumerate(groups) if group[0].factor is factor]
        if not own:
            return
        yield f"        # the gradient at {self.text_of(factor)}, from its product{'s' * (len(own) > 1)}"
        rest = ex.vanishes_at_rest(factor)  # so is its gradient at the first step
        if rest:
            yield "        if t > 0:"
        for n, group in own:
            columns = f"a[now:end, {_columns(group, 'column')}]"
            yield f"        {'    ' * rest}multiply_panels({target}, {columns}, U{n}, {add})"
            add = True
        if rest and factor.op != "state":
            yield "        else:"
            yield f"            {target} = float32(0)"

    def _fixed(self, schedule: Schedule) -> Iterator[str]:
        """Values made of learned vectors alone, computed once."""
        found: dict[Node, None] = {}

        def visit(node: Node) -> None:
            if ex.of_vectors(node):
                if node.nodes:
                    found[node] = None
            elif schedule is self.forward or not (self._is_forward(node) and node in schedule.homes):
                for arg in node.nodes:
                    visit(arg)

        for stores in schedule.stores.values():
            for store in stores:
                visit(store.node)
        lines = _Loop(schedule, 0, [Store(f"fixed[{n}]", "=", node) for n, node in enumerate(found)], {})
        body = list(lines.text())
        yield from (f"    fixed{n} = np.empty(width, np.float32)" for n in range(len(found)))
        yield from (f"    {array} = V[{array[1:]}]" for array in lines.rows if array[0] == "V")
        if found:
            yield "    for j in range(width):"
            yield from (f"        {line}" for line in body)
        for n, node in enumerate(found):
            schedule.home(node, f"fixed[{n}]")

    def _loop(self, name: str, schedule: Schedule, at: int) -> Iterator[str]:
        """The call of a loop, whose function is written beside the pass."""
        if not schedule.stores[at]:
            return
        lines = _Loop(schedule, at, schedule.stores[at], self.equation.names, schedule is self.backward)
        body = list(lines.text())
        self.functions += [
            "",
            "",
            "@loop",
            f"def {name}_{at}(rows, width, stride, {', '.join(lines.rows)}):",
            "    for row in range(rows):",
            "        for j in range(width):",
            "            at, line = row * width + j, row * stride + j",
            *(f"            {line}" for line in body),
        ]
        yield f"        {name}_{at}("
        yield "            uint64(rows), uint64(width), uint64(stride),"
        yield from (f"            {self._whole(array)}," for array in lines.rows)
        yield "        )"

    @staticmethod
    def _whole(array: str) -> str:
        """What a loop is given as one of its arrays, from the step's first element on."""
        kind, number = array.rstrip("0123456789"), array[len(array.rstrip("0123456789")) :]
        given = {"a": f"activations[line + {number} * width :]", "saved": f"{array}[at:]", "dh": "gradient[at:]"}
        given |= {"V": f"V[{number}]", "dV": f"dV[{number}]"}
        return given.get(kind, array)


class _Loop(Lines):
    """What one loop does for each element."""

    forms = FORMS | GUARDED
    reserved = RESERVED

    def __init__(self, schedule: Schedule, at: int, stores: list[Store], names: dict[Node, str], back: bool = False):
        super().__init__(lambda node: schedule.found(node, at), names, [store.node for store in stores])
        self.stores, self.back = stores, back
        self.rows: dict[str, None] = {}  # the arrays, in the order they come up

    def constant(self, number: float) -> str:
        return f"float32({number!r})"

    def element(self, place: str) -> str:
        array = place.replace("[", "").replace("]", "")
        self.rows[array] = None
        kind = array.rstrip("0123456789")
        return f"{array}[{'line' if kind == 'a' else 'j' if kind in ('V', 'dV', 'fixed') else 'at'}]"

    def text(self) -> Iterator[str]:
        targets, ends = [self.element(store.place) for store in self.stores], []
        for n, store in enumerate(self.stores):
            text = self.value(store.node)
            if any(target in text for target in targets[:n]):  # read it before it is written
                self.lines.append(f"w{n} = {text}")
                text = f"w{n}"
            kind, _, at = store.place.rstrip("]").partition("[")
            said = f"  # δ of column {at}" if self.back and kind == "a" else SAID.get(kind, "")
            ends.append(f"{targets[n]} {store.how} {text}{said}")
        yield from [*self.lines, *ends]


def _columns(group: list[Product], of: str) -> str:
    return f"{getattr(group[0], of)} * width : {getattr(group[-1], of) + 1} * width"
