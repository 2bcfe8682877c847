"""A population on a CPU's threads: rows are handed to threads, which compute them in machine code (`kernels`).

Torch's own threads are not used: two pools that both wait by spinning would take each other's cores.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stages.console.device import threads
from stages.population.population import Population
from stages.protocol.protocol import Protocol
from stages.recurrent import derive
from stages.recurrent.layout import Layout
from stages.recurrent.likelihood import Stopped
from stages.recurrent.net import Net
from stages.recurrent.sequences import scoring_batches

OUTPUTS = ("bernoulli", "gaussian_mixture")  # in the order of their numbers
PIECES = 4  # a row's updates are handed out in so many pieces, so that no thread is idle for long at the end
SCORED_STEPS, SCORED_SEQUENCES = 1024, 8  # a batch to score: as many sequences as fit into the steps, but at least 8


@dataclass(frozen=True)
class Packed:
    """A split as the kernels read it."""

    data: Any  # kernels.row.Data
    lengths: np.ndarray


class Compiled:
    """Rows on threads."""

    device = torch.device("cpu")

    @staticmethod
    def obstacle(net: Net, device: torch.device) -> str | None:
        """Why the net cannot be computed here, or None."""
        cell, output = (module.__name__.rpartition(".")[2] for module in (net.cell, net.output))
        if device.type != "cpu":
            return f"the compiled kernels are for CPUs, the device is {device}"
        if output not in OUTPUTS:
            return f"no compiled kernel for the output layer '{output}'"
        try:
            derive.compiled(net.cell, net.inputs, net.units)
        except derive.Underivable as obstacle:
            return f"no fast path can be derived for the cell '{cell}': {obstacle}"
        return None if find_spec("numba") else "Numba is not installed"

    def __init__(self, net: Net, protocol: Protocol):
        from stages.population.kernels import loading  # Numba's import takes a second that others need not wait

        self.row = loading.load(derive.compiled(net.cell, net.inputs, net.units))
        self.threads = threads()
        self.name = f"compiled (Numba {version('numba')})"
        settings = net.settings
        self._shape = self.row.Shape(
            OUTPUTS.index(net.output.__name__.rpartition(".")[2]),
            net.inputs,
            net.units,
            net.output_size,
            getattr(settings, "components", 0),
            np.float32(getattr(settings, "variance_floor", 0)),
            Layout.of(net).noisy(protocol.noise_on),
        )
        rules = self.row.updating
        self._rules = rules.Rules(
            rules.OPTIMISERS.index(protocol.optimiser.name),
            np.inf if protocol.gradient_norm is None else protocol.gradient_norm,
            np.inf if protocol.step_norm is None else protocol.step_norm,
            protocol.not_finite == "shrink",
        )
        self._pool = ThreadPoolExecutor(self.threads)

    def load(self, inputs: np.ndarray, targets: np.ndarray, lengths: np.ndarray) -> Packed:
        lengths = lengths.astype(np.int64)
        music = OUTPUTS[self._shape.output] == "bernoulli"
        sides = _ones_or_values(inputs, sparse=_is_sparse(inputs)), _ones_or_values(targets, sparse=music)
        return Packed(self.row.Data(np.cumsum(lengths) - lengths, lengths, *sides[0], *sides[1]), lengths)

    def train(
        self,
        population: Population,
        split: Packed,
        batches: list[np.ndarray],
        update: int,
        share: float | np.ndarray = 1.0,
    ) -> None:
        """As `Torch.train`; each row's updates one after another by whichever thread is free."""
        slices, finite = population.slices(), population.finite.numpy()
        weights, states = population.weights.numpy(), population.optimiser.rows.numpy()
        numbers = np.array([population.optimiser.numbers(update + n) for n in range(len(batches))])
        share = np.broadcast_to(share, len(batches))
        piece = max(1, -(-len(batches) // PIECES))
        ready: SimpleQueue[tuple[int, int]] = SimpleQueue()
        for row in range(len(slices)):
            ready.put((row, 0))

        def work() -> None:
            while True:
                try:
                    row, start = ready.get_nowait()
                except Empty:
                    return
                if not finite[row]:
                    continue
                trial, now = population.trials[row], slice(start, start + piece)
                own = [batch[slices[row]] for batch in batches[now]]
                finite[row] = self.row.train(
                    self._shape,
                    self._rules,
                    split.data,
                    *_joined(own),
                    update + start,
                    trial.seed,
                    np.float32(trial.weight_noise),
                    np.float32(trial.dropout),
                    np.float32(trial.rate * share[now]),
                    numbers[now],
                    weights[row],
                    states[row],
                )
                if start + piece < len(batches):
                    ready.put((row, start + piece))

        for done in [self._pool.submit(work) for _ in range(self.threads)]:
            done.result()

    def score(self, layout: Layout, weights: Tensor, split: Packed, stop: Callable[[], bool]) -> np.ndarray:
        rows = weights.numpy()
        sums = np.empty((len(rows), len(split.lengths)))
        batches = scoring_batches(split.lengths, SCORED_STEPS, SCORED_SEQUENCES)
        groups = [
            _joined(batches[start : start + SCORED_SEQUENCES]) for start in range(0, len(batches), SCORED_SEQUENCES)
        ]

        def one(task: tuple[int, int]) -> None:
            row, group = task
            if stop():
                raise Stopped
            self.row.score(self._shape, split.data, *groups[group], rows[row], sums[row])

        tasks = [(row, group) for row in range(len(rows)) for group in range(len(groups))]
        list(self._pool.map(one, tasks))
        return sums


def _joined(batches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Batches of sequence numbers end to end, and where each begins and the last ends."""
    cuts = np.cumsum([0, *(len(batch) for batch in batches)])
    return np.concatenate(batches).astype(np.int64), cuts.astype(np.int64)


def _is_sparse(inputs: np.ndarray) -> bool:
    """Zeros and ones, few of them ones: rows of W are then added, not multiplied."""
    return bool(np.isin(inputs, (0, 1)).all()) and inputs.mean() < 0.25


def _ones_or_values(frames: np.ndarray, sparse: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(values [F, K], numbers of the ones, where each frame's begin and end), the unused side empty."""
    if not sparse:
        return np.ascontiguousarray(frames, np.float32), np.zeros(0, np.int32), np.zeros(1, np.int64)
    which, notes = np.nonzero(frames)
    ends = np.cumsum(np.bincount(which + 1, minlength=len(frames) + 1))
    return np.zeros((0, 0), np.float32), notes.astype(np.int32), ends.astype(np.int64)
