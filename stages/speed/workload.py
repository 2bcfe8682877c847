"""What is trained in a measurement: a net, real sequences, their batches, and the arithmetic that they need."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stages.corpora.split import Split
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Name, mapping, section
from stages.population.batches import epoch_batches
from stages.protocol.protocol import Protocol
from stages.recurrent.matching import Matching
from stages.recurrent.net import Net


@dataclass(frozen=True)
class Workload:
    """One epoch: batches of sequence numbers [1, B] of a split, for a net."""

    net: Net
    inputs: np.ndarray
    targets: np.ndarray
    lengths: np.ndarray
    batches: list[np.ndarray]

    @property
    def cell(self) -> str:
        """The name of the net's cell."""
        return self.net.cell.__name__.rpartition(".")[2]

    @property
    def steps(self) -> int:
        """Time steps of all sequences visited, padding not counted."""
        return int(sum(self.lengths[batch].sum() for batch in self.batches))

    @property
    def arithmetic(self) -> float:
        """Floating-point operations of the epoch's matrix products for one trial, a multiply-add being two.

        Forward, back to the layer below, and to the weights: three products each for the recurrent and the output
        matrix; two for the input's, whose gradient nobody needs, and there zeros of the input are not counted.
        Squashing, losses, noise and the optimiser are not counted.
        """
        units, gates = self.net.recurrent["U"].shape[0], self.net.recurrent["U"].shape[1]
        ones = (self.inputs != 0).sum(1)
        starts = np.cumsum(self.lengths) - self.lengths
        visited = [starts[n] + np.arange(self.lengths[n]) for batch in self.batches for n in batch[0]]
        inputs = ones[np.concatenate(visited)].sum()
        return 2.0 * (3 * self.steps * units * (gates + self.net.output_size) + 2 * inputs * gates)

    def padded(self, sequences: np.ndarray, multiple: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """inputs [T, B, D], targets [T, B, K] and mask [T, B] of some sequences, float32, T such a multiple."""
        starts, lengths = np.cumsum(self.lengths) - self.lengths, self.lengths[sequences]
        steps = -(-int(lengths.max()) // multiple) * multiple
        inputs, targets = (
            np.zeros((steps, len(sequences), side.shape[1]), np.float32) for side in (self.inputs, self.targets)
        )
        for column, (start, length) in enumerate(zip(starts[sequences], lengths, strict=True)):
            inputs[:length, column] = self.inputs[start : start + length]
            targets[:length, column] = self.targets[start : start + length]
        return inputs, targets, (np.arange(steps)[:, None] < lengths).astype(np.float32)

    def packed(self) -> tuple:
        """What another process needs to make the same: modules do not travel, their names do."""
        net, settings = self.net, vars(self.net.settings)
        of = (self.cell, net.output.__name__.rpartition(".")[2], net.inputs, net.units, net.targets, settings)
        return of, self.inputs, self.targets, self.lengths, self.batches

    @classmethod
    def unpacked(cls, packed: tuple) -> "Workload":
        of, *rest = packed
        return cls(Net.build(*of), *rest)


def names() -> list[str]:
    """The cells of params.yaml that the library has too."""
    return [name for name in section("cells", list[Name]) if name in ("tanh", "lstm", "gru")]


def load(dataset: str, cell: str, batch_size: int, sequences: int | None = None) -> Workload:
    """One epoch of a dataset's training split, or of its first sequences, in the study's own batches.

    Raises:
        InputError: the dataset is not prepared.
    """
    path = Path("data/prepared") / dataset / "train.npz"
    if not path.exists():
        raise InputError(f"{path}: no such file; `dvc repro prepare@{dataset}` makes it")
    split, protocol = Split.load(path), section("train", Protocol)
    lengths = split.lengths[:sequences]
    frames = int(lengths.sum())
    settings = dict(mapping("outputs").get(split.output, {}))
    units = section("matching", Matching).units(cell, split.output, settings)
    net = Net.build(cell, split.output, split.inputs.shape[1], units, split.targets.shape[1], settings)
    batches = epoch_batches(lengths, batch_size, protocol.length_jitter, 1, protocol.seed, [1])
    return Workload(net, split.inputs[:frames], split.targets[:frames], lengths, batches)


def cut(workload: Workload, steps: int, batch_size: int, updates: int) -> Workload:
    """The same frames cut into sequences of equal length: `updates` batches of `batch_size` of `steps` each."""
    count = updates * batch_size
    frames = np.arange(count * steps) % len(workload.inputs)
    batches = [row[None] for row in np.arange(count).reshape(updates, batch_size)]
    lengths = np.full(count, steps)
    return Workload(workload.net, workload.inputs[frames], workload.targets[frames], lengths, batches)


def with_units(workload: Workload, units: int) -> Workload:
    """The same with another number of units."""
    return replace(workload, net=replace(workload.net, units=units))
