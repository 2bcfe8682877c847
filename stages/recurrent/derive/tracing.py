"""A cell's `step`, run once on stand-ins for tensors that write down what is done to them.

A tensor whose last axis is k·H long is k planes of H units, each an expression of one unit. What a stand-in does not
know is refused by name: an equation is derived as it is written or not at all.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from types import ModuleType
from typing import Any

import torch

from stages.recurrent.derive import expressions as ex
from stages.recurrent.derive.expressions import Node


class Underivable(Exception):
    """What cannot be derived, in a few words that name the operation."""


@dataclass(frozen=True)
class Block:
    """A parameter as planes: `count` of them from column or row `first` of the matrix W, U or V."""

    name: str
    matrix: str
    first: int
    count: int


@dataclass(frozen=True)
class Equation:
    """What a step computes.

    Attributes:
        outs: the new state's vectors, h first.
        blocks: the cell's parameters, as `Layout` orders them.
        names: the variables of `step`, for who reads the derived code.
    """

    outs: list[Node]
    blocks: list[Block]
    names: dict[Node, str]

    def width(self, matrix: str) -> int:
        """How many planes W, U or V has."""
        return sum(block.count for block in self.blocks if block.matrix == matrix)

    def plane(self, weights: dict[str, torch.Tensor], matrix: str, at: int) -> torch.Tensor:
        """A column [D, H] of W or [H, H] of U, or a row [H] of V, of one model's weights."""
        block = next(b for b in self.blocks if b.matrix == matrix and b.first <= at < b.first + b.count)
        whole = weights[block.name]
        planes = whole.reshape(block.count, -1).unbind(0) if matrix == "V" else whole.chunk(block.count, dim=-1)
        return planes[at - block.first]


def trace(cell: ModuleType, inputs: int, units: int) -> Equation:
    """The equation of a cell with D inputs and H units.

    Raises:
        Underivable: with the operation that is not known.
    """
    blocks, weights = [], {}
    parameters = cell.parameters(inputs, units)
    for name, parameter in sorted(parameters.items(), key=lambda each: each[1].role not in ("input", "recurrent")):
        matrix = {"input": "W", "recurrent": "U", "peephole": "V", "bias": "V"}.get(parameter.role)
        *rows, columns = parameter.shape
        count = math.prod(rows) * columns // units if matrix == "V" else columns // units
        of_whole_gates = columns % units == 0 and (
            rows == [{"W": inputs, "U": units}[matrix]] if matrix in ("W", "U") else len(rows) < 2
        )
        if matrix is None or not of_whole_gates or (rows and matrix == "V" and columns != units):
            raise Underivable(f"a parameter '{parameter.role}' of shape {parameter.shape}")
        first = sum(block.count for block in blocks if block.matrix == matrix)
        blocks.append(Block(name, matrix, first, count))
        planes = [Node("vector", k) if matrix == "V" else k for k in range(first, first + count)]
        kind = {"W": "input matrix", "U": "recurrent matrix", "V": "table" if rows else "vector"}[matrix]
        weights[name] = Planes(planes, kind, inputs, units)
    state = tuple(Planes([Node("state", i)], "value", inputs, units) for i in range(cell.STATES))
    new, variables = _run(cell.step, weights, Planes([None], "x", inputs, units), state)
    if not isinstance(new, tuple | list) or [getattr(s, "shape", None) for s in new] != [s.shape for s in state]:
        raise Underivable(f"a step that does not return {cell.STATES} vectors of H units for each sequence")
    outs, memo = _summed_in_place([s.planes[0] for s in new])
    names = {memo.get(planes.planes[0], planes.planes[0]): name for name, planes in variables.items()}
    return Equation(outs, blocks, names)


def _run(step: Callable, *arguments: Any) -> tuple[Any, dict[str, "Planes"]]:
    """What the step returns, and which of its variables are one plane at its end."""
    variables: dict[str, Any] = {}

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is getattr(step, "__code__", None):
            variables.update(frame.f_locals)

    watched = sys.getprofile()
    sys.setprofile(watch)
    try:
        with torch.enable_grad():  # whatever the caller does: a step that switches them off itself is noticed
            new = step(*arguments)
    finally:
        sys.setprofile(watched)
    planes = {name: v for name, v in variables.items() if isinstance(v, Planes) and v.kind in ("value", "vector")}
    return new, {name: value for name, value in planes.items() if len(value.planes) == 1}


class _BatchSize:
    """B is another from step to step: it may be passed on, not computed with."""

    def _refuse(self, *_: Any) -> Any:
        raise Underivable("a number made from the batch's size")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __floordiv__ = __rfloordiv__ = __pow__ = __int__ = __float__ = __index__ = __bool__ = __lt__ = __gt__ = _refuse


BATCH = _BatchSize()


class Planes:
    """Stands for a tensor while `step` is traced.

    Attributes:
        planes: expressions; of a matrix the columns' numbers.
        kind: `value` [B, kH], `vector` [kH], `table` [k, H], `x` [B, D], `input matrix` [D, kH], `recurrent matrix`
            [H, kH].
    """

    __array_ufunc__ = None  # a NumPy number on the left leaves the operation to us

    def __init__(self, planes: list, kind: str, inputs: int, units: int):
        self.planes, self.kind, self.sizes = planes, kind, (inputs, units)

    def like(self, planes: list, kind: str | None = None) -> "Planes":
        return Planes(planes, kind or self.kind, *self.sizes)

    @property
    def shape(self) -> tuple:
        inputs, units = self.sizes
        if self.kind == "table":
            return len(self.planes), units
        rows = {"value": (BATCH,), "vector": (), "x": (BATCH,), "input matrix": (inputs,), "recurrent matrix": (units,)}
        return *rows[self.kind], inputs if self.kind == "x" else units * len(self.planes)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def dim(self) -> int:
        return self.ndim

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def cut(self, sizes: list[int]) -> list["Planes"]:
        """Parts of these lengths along the planes' axis."""
        unit = 1 if self.kind == "table" else self.sizes[1]
        if self.kind == "x" or any(size % unit for size in sizes) or sum(sizes) != unit * len(self.planes):
            raise Underivable("a part of a gate")
        ends = [sum(sizes[: n + 1]) // unit for n in range(len(sizes))]
        return [self.like(self.planes[end - size // unit : end]) for end, size in zip(ends, sizes, strict=True)]

    def __getitem__(self, key: Any) -> "Planes":
        if self.kind == "table" and isinstance(key, int):
            return self.like([self.planes[key]], "vector")
        everything = self.ndim == 1 or (isinstance(key, tuple) and len(key) == 2 and key[0] in (..., slice(None)))
        last = key[-1] if isinstance(key, tuple) else key
        if not isinstance(last, slice) or last.step is not None or not everything or self.kind in ("x", "table"):
            raise Underivable(f"an index {key}")
        total = self.shape[-1]
        start, stop, _ = last.indices(total)
        return self.cut([start, max(stop - start, 0), total - max(start, stop)])[1]

    def __iter__(self) -> Any:
        return iter(_unbind(self))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in OPERATIONS:
            raise Underivable(f"the operation '{name}'")
        return lambda *args, **kwargs: operate(name, (self, *args), kwargs)

    @classmethod
    def __torch_function__(cls, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return operate(function.__name__, args, kwargs or {})

    __hash__ = object.__hash__


def operate(name: str, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Does what torch's function or method of that name does."""
    plain = name.strip("_") if name.startswith("__") else name
    if plain not in OPERATIONS:
        raise Underivable(f"the operation '{plain}'")
    if not torch.is_grad_enabled():
        raise Underivable("a step that switches gradients off")
    try:
        return OPERATIONS[plain](*args, **kwargs)
    except (TypeError, ValueError, AttributeError) as error:
        raise Underivable(f"the operation '{plain}' as it is called ({error})") from None


def _each(build: Callable[..., Node]) -> Callable[..., Planes]:
    """An operation on elements."""

    def of(*args: Any) -> Planes:
        tensors = [arg for arg in args if isinstance(arg, Planes)]
        kinds, counts = {each.kind for each in tensors}, {len(each.planes) for each in tensors}
        if "x" in kinds:
            raise Underivable("x outside a product with an input matrix")
        if len(counts) > 1 or not (kinds <= {"value", "vector"} or kinds == {"table"}):
            raise Underivable(f"an operation on elements of {' and '.join(str(each.kind) for each in tensors)}")
        columns = [arg.planes if isinstance(arg, Planes) else [_constant(arg)] * max(counts) for arg in args]
        kind = "value" if "value" in kinds else tensors[0].kind
        return tensors[0].like([build(*planes) for planes in zip(*columns, strict=True)], kind)

    return of


def _constant(value: Any) -> Node:
    if isinstance(value, torch.Tensor) and value.dim() == 0 and not value.requires_grad:
        value = value.item()
    if value is BATCH:
        float(value)
    if not isinstance(value, Real):
        raise Underivable(f"an operation with a {type(value).__name__}")
    return ex.const(value)


def _matmul(left: Any, right: Any) -> Planes:
    kinds = getattr(left, "kind", None), getattr(right, "kind", None)
    if kinds == ("x", "input matrix"):
        return left.like([Node("input", column) for column in right.planes], "value")
    if kinds == ("value", "recurrent matrix") and len(left.planes) == 1 and not ex.of_vectors(left.planes[0]):
        return left.like([Node("product", left.planes[0], column) for column in right.planes])
    raise Underivable("a matrix product other than x W or [B, H] U")


def _split(tensor: Planes, split_size: Any, dim: int = 0) -> list[Planes]:
    total = _axis(tensor, dim)
    if isinstance(split_size, int):
        split_size = [min(split_size, total - start) for start in range(0, total, split_size)]
    return tensor.cut(list(split_size))


def _chunk(tensor: Planes, chunks: int, dim: int = 0) -> list[Planes]:
    return _split(tensor, -(-_axis(tensor, dim) // chunks), dim)


def _axis(tensor: Planes, dim: int) -> int:
    """The length of the axis that planes lie along, if it is the one meant."""
    along = 0 if tensor.kind == "table" else tensor.ndim - 1
    if dim % tensor.ndim != along:
        raise Underivable("a cut across units or sequences")
    return tensor.shape[along]


def _unbind(tensor: Planes, dim: int = 0) -> list[Planes]:
    if tensor.kind != "table" or dim % 2:
        raise Underivable("a loop over units or sequences")
    return [tensor.like([plane], "vector") for plane in tensor.planes]


def _cat(tensors: Any, dim: int = 0) -> Planes:
    if any(_axis(each, dim) and each.kind != tensors[0].kind for each in tensors) or tensors[0].kind == "x":
        raise Underivable("the operation 'cat' of unlike tensors")
    return tensors[0].like([plane for each in tensors for plane in each.planes])


def _power(a: Node, exponent: Node) -> Node:
    if ex.number(exponent) not in (2.0, 3.0):
        raise Underivable("a power other than 2 or 3")
    return ex.mul(a, a) if ex.number(exponent) == 2 else ex.mul(ex.mul(a, a), a)


OPERATIONS: dict[str, Callable] = {name: _each(build) for name, build in ex.BUILD.items() if name != "product"}
OPERATIONS |= {
    "rsub": _each(lambda a, b: ex.sub(b, a)),
    "subtract": OPERATIONS["sub"],
    "multiply": OPERATIONS["mul"],
    "negative": OPERATIONS["neg"],
    "pos": _each(lambda a: a),
    "true_divide": OPERATIONS["div"],
    "truediv": OPERATIONS["div"],
    "rtruediv": _each(lambda a, b: ex.div(b, a)),
    "square": _each(lambda a: ex.mul(a, a)),
    "pow": _each(_power),
    "silu": _each(lambda a: ex.mul(a, ex.function("sigmoid", a))),
    "lerp": _each(ex.lerp),
    "addcmul": _each(lambda a, b, c: ex.add(a, ex.mul(b, c))),
    "zeros_like": _each(lambda a: ex.ZERO),
    "ones_like": _each(lambda a: ex.ONE),
    "clone": _each(lambda a: a),
    "matmul": _matmul,
    "mm": _matmul,
    "addmm": lambda bias, left, right: OPERATIONS["add"](bias, _matmul(left, right)),
    "split": _split,
    "chunk": _chunk,
    "unbind": _unbind,
    "cat": _cat,
}


def _dunder(name: str) -> Callable:
    return lambda self, *args: operate(name, (self, *args), {})


for _name in "add sub mul truediv rsub rtruediv neg pos pow matmul".split():  # what Python calls for + − · / and so on
    setattr(Planes, f"__{_name}__", _dunder(_name))
Planes.__radd__, Planes.__rmul__ = Planes.__add__, lambda self, other: operate("mul", (other, self), {})
for _name in "eq ne lt le gt ge abs bool len int float index setitem contains rpow iadd isub imul itruediv".split():
    setattr(Planes, f"__{_name}__", _dunder(_name))  # not known, and refused by name


def _summed_in_place(outs: list[Node]) -> tuple[list[Node], dict[Node, Node]]:
    """The expressions with every column of x W as a `pre`, into which what is added to it alone is summed."""
    used, memo = ex.uses(outs), {}

    def terms(node: Node) -> list[Node]:
        if node.op != "add":
            return [node]
        return [term for arg in node.nodes for term in (terms(arg) if used[arg] == 1 else [arg])]

    def change(node: Node) -> Node | None:
        if node.op == "input":
            return Node("pre", node.args[0], -1)
        parts = terms(node)
        own = [part for part in parts if part.op in ("input", "product", "vector") and used[part] == 1]
        column = next((part for part in own if part.op == "input"), None)
        if node.op != "add" or column is None:
            return None
        bias = next((part for part in own if part.op == "vector"), None)
        summed = [part for part in own if part.op == "product"]
        total = Node("pre", column.args[0], bias.args[0] if bias else -1, *(rebuilt(part) for part in summed))
        for part in parts:
            if part not in (column, bias, *summed):
                total = ex.add(total, rebuilt(part))
        return total

    def rebuilt(node: Node) -> Node:
        return ex.replaced(node, change, memo)

    return [rebuilt(out) for out in outs], memo
