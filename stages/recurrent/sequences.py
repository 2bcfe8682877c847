"""Sequences on a device: padded batches of them, and the batches in which a split is scored."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Padded sequences, one set per repeat.

    Attributes:
        inputs: [R, T, B, D] float32.
        targets: [R, T, B, K] float32.
        mask: [R, T, B] float32, 1 where a step is scored and 0 in the padding after a sequence's end.
        frames: [R, T, B] int64, each step's number in the split, 0 in the padding.
        lengths: [R, B] int32.
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor
    frames: Tensor
    lengths: Tensor


class Sequences:
    """One split on a device.

    Args:
        inputs: [F, D], all sequences one after another.
        targets: [F, K].
        lengths: [N], steps a sequence, F together.
    """

    def __init__(self, inputs: np.ndarray, targets: np.ndarray, lengths: np.ndarray, device: torch.device):
        self.inputs = torch.from_numpy(inputs).to(device)
        self.targets = torch.from_numpy(targets).to(device)
        self.lengths, self.device = lengths, device
        self._lengths = torch.from_numpy(lengths).to(device)
        self._starts = torch.from_numpy(np.cumsum(lengths) - lengths).to(device)

    @property
    def count(self) -> int:
        return len(self.lengths)

    def sent(self, batches: list[np.ndarray]) -> list[Tensor]:
        """Batches of sequence numbers on the device, in one copy."""
        numbers = torch.from_numpy(np.concatenate([batch.ravel() for batch in batches])).to(self.device)
        parts = numbers.split([batch.size for batch in batches])
        return [part.view(batch.shape) for part, batch in zip(parts, batches, strict=True)]

    def gather(self, sequences: np.ndarray, sent: Tensor | None = None) -> Batch:
        """The sequences with the numbers [R, B], padded to the longest of them; `sent` if they are on the device."""
        chosen = self.sent([sequences])[0] if sent is None else sent
        time = torch.arange(int(self.lengths[sequences].max()), device=chosen.device)[:, None]
        lengths = self._lengths[chosen]
        inside = time < lengths[:, None]  # [R, T, B]
        frames = (self._starts[chosen][:, None] + time) * inside
        inputs, targets = (
            side[frames].float().masked_fill_(~inside[..., None], 0) for side in (self.inputs, self.targets)
        )
        return Batch(inputs, targets, inside.float(), frames, lengths.int())


def scoring_batches(lengths: np.ndarray, steps: int, least: int = 1) -> list[np.ndarray]:
    """Sequence numbers [B] in order of length: what fits into `steps` padded steps, but at least `least`."""
    batches: list[list[int]] = []
    for number in np.argsort(-lengths, kind="stable"):
        if batches and len(batches[-1]) < max(least, steps // lengths[batches[-1][0]]):
            batches[-1].append(int(number))
        else:
            batches.append([int(number)])
    return [np.array(batch) for batch in batches]
