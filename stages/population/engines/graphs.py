"""A population on a GPU whose nets are too large for a kernel a pass, as those of speech: CUDA graphs.

A step is a few launches, products and a kernel before each, which take the host longer than the device. So what a batch
launches is recorded and played again. A graph is of one shape: batches are padded to one of a few lengths. What comes
once is not recorded.
"""

import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from stages.population.engines import agreement
from stages.population.engines.cuda import Cuda, lacking
from stages.population.engines.torch import Torch
from stages.protocol.protocol import Protocol
from stages.recurrent import derive
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net
from stages.recurrent.network import Network

MOST = 32  # graphs that are kept, the last made

Results = tuple[Tensor, Tensor]


def padded(steps: int) -> int:
    """The least length that is recorded and holds so many steps: an eighth more at most."""
    grain = 1 << max(0, steps.bit_length() - 4)
    return -(-steps // grain) * grain


def record(run: Callable[[], Results], pool: Any) -> Callable[[], Results]:
    """What plays all that `run` launches, into the same tensors each time; graphs of one pool share their memory."""
    aside = torch.cuda.Stream()  # a recording is to begin when all libraries have made what they need
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        run()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        results = run()

    def play() -> Results:
        graph.replay()
        return results

    return play


class Graphs(Cuda):
    """As `Cuda`, with a kernel between two products of a step instead of one a pass; gradients are played."""

    @staticmethod
    def obstacle(net: Net, protocol: Protocol, device: torch.device) -> str | None:
        """Why it cannot be used there, or None; a graph is tried out first."""
        if device.type != "cuda":
            return f"CUDA graphs are for GPUs, the device is {device}"
        if without := lacking(device):
            return without
        return agreement.refusal(Graphs, "CUDA graphs", distance, net, protocol, device)

    def __init__(self, net: Net, protocol: Protocol | None, device: torch.device):
        super().__init__(net, protocol, device)
        self._pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None
        self._given_up = False
        self._seen: set[tuple] = set()
        self._records: dict[tuple, tuple[list[Tensor | None], Callable[[], Results]]] = {}

    def _network(self, net: Net) -> Network:
        from stages.population.engines.fused_losses import losses

        return Network(net, derive.stepped(net.cell, net.inputs, net.units), losses(net))

    def _name(self) -> str:
        return f"graphs (Triton {version('triton')})"

    def differentiate(self, layout: Layout, *given: Tensor | None) -> Results:
        """As `Torch.differentiate`: computed the first time, then played, of batches padded alike.

        So a training that goes on after a stop, with nothing recorded, goes on with the same numbers.
        """
        key = _key(*given)
        if key in self._seen and not self._given_up:
            try:
                return self.played(layout, *given)
            except torch.OutOfMemoryError:
                self._records.clear()  # they hold what the parts that follow need
                raise
            except RuntimeError as error:  # of a driver, in the middle of a training
                reason = agreement.first_line(error)
                print(f"{self.device}: no CUDA graph any more: {reason}; it goes on without", file=sys.stderr)
                self._given_up = True
                self._records.clear()
        self._seen.add(key)
        return super().differentiate(layout, *_filled(_room(*given), given))

    def played(self, layout: Layout, *given: Tensor | None) -> Results:
        """The same from a graph, which is recorded where there is none of this shape."""
        key = _key(*given)
        if key not in self._records:
            if len(self._records) == MOST:
                del self._records[next(iter(self._records))]
            held = _filled(_room(*given), given)
            self._records[key] = held, record(lambda: super(Graphs, self).differentiate(layout, *held), self._pool)
        held, play = self._records[key]
        _filled(held, given)
        return tuple(result.clone() for result in play())  # the next graph may use their memory


def _key(weights: Tensor, inputs: Tensor, targets: Tensor, mask: Tensor, lengths: Tensor, kept: Tensor | None) -> tuple:
    """What a graph depends on: P, the length, B, and whether there is dropout."""
    return len(weights), padded(inputs.shape[1]), inputs.shape[2], kept is None


def _room(weights: Tensor, *batch: Tensor | None) -> list[Tensor | None]:
    """Tensors for what is given, with room for as many steps as are recorded."""
    inputs, targets, mask, lengths, kept = batch
    steps = padded(inputs.shape[1])
    timed = [t if t is None else t.new_empty(len(t), steps, *t.shape[2:]) for t in (inputs, targets, mask, kept)]
    return [weights.new_empty(weights.shape), *timed[:3], lengths.new_empty(lengths.shape), timed[3]]


def _filled(held: list[Tensor | None], given: tuple[Tensor | None, ...]) -> list[Tensor | None]:
    """With what is given; steps beyond it are zero."""
    for own, new in zip(held, given, strict=True):
        if own is None:
            continue
        if own.shape == new.shape:
            own.copy_(new)
        else:
            own[:, : new.shape[1]].copy_(new)
            own[:, new.shape[1] :].zero_()
    return held


def distance(net: Net, device: torch.device) -> float:
    """How far apart a gradient and loss that are played are from those that are computed, relatively.

    The graph is recorded with one batch and played with another, which is shorter.
    """
    generator, layout, engine = torch.Generator().manual_seed(0), Layout.of(net), Graphs(net, None, device)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(device)

    def batch(steps: int) -> list[Tensor | None]:
        lengths = torch.tensor([[steps, 1], [1, steps]], dtype=torch.int32, device=device)
        mask = (torch.arange(steps, device=device)[:, None] < lengths[:, None]).float()
        targets = (draw(2, steps, 2, net.targets) > 0).float()
        return [draw(2, layout.size) / 16, draw(2, steps, 2, net.inputs), targets, mask, lengths, None]

    engine.played(layout, *batch(20))
    given = batch(19)
    played = engine.played(layout, *given)
    computed = Torch(net, None, device).differentiate(layout, *given)
    return agreement.relative(played, computed)
