"""A cell's passes for a GPU and many units: products are torch's, all between two of them is one Triton kernel.

For nets whose recurrent matrices do not fit into registers. A step, both ways, is 9 launches for the GRU, not 14, and 5
for the LSTM, not 23. A number's bits depend on its company through the products alone.
"""

from collections.abc import Iterator
from typing import Any

import torch
import triton
from torch import Tensor

from stages.recurrent.derive import torch_passes
from stages.recurrent.derive.expressions import FUNCTIONS, Node, below
from stages.recurrent.derive.torch_passes import COMPUTE, OF_TENSORS, Do, evaluate
from stages.recurrent.derive.tracing import Equation
from stages.recurrent.derive.triton_passes import module

BLOCK = 256  # numbers a program
SIGNS = {"add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "neg": "-{}", "mask": "mask({}, {})"}
SIGNS |= {name: f"{name}({{}})" for name in FUNCTIONS}
TEXTS = {compute[op]: sign for op, sign in SIGNS.items() for compute in (COMPUTE, OF_TENSORS) if op in compute}
TEXTS |= {torch.lerp: "{0} + {2} * ({1} - {0})", torch.addcmul: "{} + {} * {}"}
TEXTS |= {torch_passes._add_product: "{} + {} * {}", torch_passes._same: "{}"}

HEAD = '''"""All between two products of a step, derived from it; not written by hand."""

import triton
import triton.language as tl

from stages.recurrent.derive.triton_functions import exp, mask, relu, sigmoid, tanh


@triton.jit(do_not_specialize={strides})
def between({arguments}, B, H: tl.constexpr, BLOCK: tl.constexpr):
    trial, at = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    b, j = at // H, at % H
    inside = b < B
'''


class Passes(torch_passes.Passes):
    """The passes of one equation."""

    together = False  # a column a number, so that all that is computed of it has one shape

    def __init__(self, equation: Equation):
        super().__init__(equation)
        nexts = {Node("next", i) for i in range(len(self.states))}
        self.forward = [*_fused(self.forward, {*self.outs, *self.saved})]
        self.backward = [*_fused(self.backward, {*self.totals, *self.places, *self.again.values(), *nexts})]


class Between:
    """Operations on numbers as one kernel: a `Do` with several results.

    Args:
        read: results that others read.
    """

    def __init__(self, dos: list[Do], read: set[Node]):
        made = [node for do in dos for node in do.outputs]
        needed = dict.fromkeys(node for do in dos for node in do.inputs if node not in made)
        self.inputs = [node for node in needed if not _is_number(node)]
        self.outputs = [node for node in made if node in read]
        names = {node: repr(evaluate(node, {})) for node in needed if _is_number(node)}
        names |= {node: f"v{n}" for n, node in enumerate([*self.inputs, *made])}
        places = [f"t{n} + trial * p{n} + b * b{n} + j" for n in range(len(self.inputs) + len(self.outputs))]
        lines = [
            f"{names[n]} = tl.load({at}, mask=inside, other=0.0)" for n, at in zip(self.inputs, places, strict=False)
        ]
        for do in dos:
            lines.append(f"{names[do.outputs[0]]} = {TEXTS[do.function].format(*(names[node] for node in do.inputs))}")
        stores = zip(self.outputs, places[len(self.inputs) :], strict=True)
        lines += [f"tl.store({at}, {names[node]}, mask=inside)" for node, at in stores]
        strides = [name for n in range(len(places)) for name in (f"p{n}", f"b{n}")]
        arguments = ", ".join(f"t{n}, p{n}, b{n}" for n in range(len(places)))
        self.text = HEAD.format(strides=[*strides, "B"], arguments=arguments) + "\n".join(
            f"    {line}" for line in lines
        )
        self.kernel = module(self.text + "\n")["between"]

    def run(self, env: dict[Node, Any], places: dict[Node, Tensor]) -> None:
        """Reads from and writes to `env`; a result with a place is written there."""
        given = [env[node] for node in self.inputs]
        P, B, H = shape = torch.broadcast_shapes(*(tensor.shape for tensor in given))
        made = [places[node] if node in places else given[0].new_empty(shape) for node in self.outputs]
        tensors = [*(tensor.expand(shape) for tensor in given), *made]
        arguments = [each for tensor in tensors for each in (tensor, *tensor.stride()[:2])]
        self.kernel[P, triton.cdiv(B * H, BLOCK)](*arguments, B, H, BLOCK)
        env.update(zip(self.outputs, made, strict=True))


def _fused(plan: list[Do], kept: set[Node]) -> Iterator[Do | Between]:
    """The plan with products in their order, and before each all that can be computed then, as one."""
    left = list(plan)
    while left:
        ready: list[Do] = []
        for do in left:
            waiting = {node for other in left if other not in ready for node in other.outputs}
            if do.function in TEXTS and waiting.isdisjoint(do.inputs):
                ready.append(do)
        if len(ready) > 1:
            others = [do for do in plan if do not in ready]
            yield Between(ready, kept | {node for do in others for node in do.inputs})
        else:
            yield from ready
        left = [do for do in left if do not in ready]
        if left:
            yield left.pop(0)  # a product, or what it is cut into


def _is_number(node: Node) -> bool:
    return all(part.nodes or part.op == "const" for part in below([node]))
