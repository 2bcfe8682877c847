"""A population in torch: every cell, every device. Gradients by autograd, through the cell's kernel or its `step`."""

import sys
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from stages.plumbing.errors import InputError
from stages.population import noise
from stages.population.optimisers import rescale
from stages.population.population import Population
from stages.protocol.protocol import Protocol
from stages.recurrent import likelihood
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net
from stages.recurrent.network import Network
from stages.recurrent.sequences import Batch, Sequences


class Torch:
    """The whole population at once, in as few parts as the device's memory allows."""

    def __init__(self, net: Net, protocol: Protocol | None, device: torch.device):
        self.network, self.protocol, self.device = self._network(net), protocol, device
        self.name = self._name()
        self._parts = 1

    def _network(self, net: Net) -> Network:
        return Network.of(net)

    def _name(self) -> str:
        return "torch" if self.device.type != "cpu" else f"torch, {torch.get_num_threads()} threads"

    def load(self, inputs: np.ndarray, targets: np.ndarray, lengths: np.ndarray) -> Sequences:
        return Sequences(inputs, targets, lengths, self.device)

    def train(
        self,
        population: Population,
        split: Sequences,
        batches: list[np.ndarray],
        update: int,
        share: float | np.ndarray = 1.0,
    ) -> None:
        """One update of every row a batch.

        The loss of a row is the mean over its sequences of the NLL summed over steps (the authors' loss, whose batch
        is one sequence), at weights with fresh noise; its gradient moves the clean weights. A row whose loss or
        gradient is not finite is left as it is, and cannot touch another; or it shrinks, if the protocol says so.
        """
        shares, sent = np.broadcast_to(share, len(batches)), split.sent(batches)
        rates = [[trial.rate * share for trial in population.trials] for share in shares]
        rates = torch.tensor(rates, dtype=torch.float32, device=self.device)
        for number, sequences in enumerate(batches):  # nothing is copied from or to the device in here
            batch = split.gather(sequences, sent[number])
            gradient, loss = self.gradient(population, batch, update + number)
            self.move(population, gradient, loss, rates[number], update + number)
        if self.device.type == "cuda":  # whoever takes the time waits
            torch.cuda.synchronize(self.device)

    def gradient(self, population: Population, batch: Batch, update: int) -> tuple[Tensor, Tensor]:
        """The gradient [P, N] and the loss [P] of every row at its noisy weights."""
        perturbed, places = self.perturbed(population, update), population.places()
        dropout = population.column("dropout") if any(trial.dropout for trial in population.trials) else None
        seeds = population.column("seed")[:, 0]

        def part(rows: slice) -> tuple[Tensor, Tensor]:
            inputs, targets, mask, lengths = (
                each.expand(len(places[rows]), *each.shape[1:]) if len(each) == 1 else each[places[rows]]
                for each in (batch.inputs, batch.targets, batch.mask, batch.lengths)
            )
            kept = None
            if dropout is not None:
                frames = batch.frames[places[rows]]
                kept = self.kept(seeds[rows], update, frames, dropout[rows, 0], self.network.net.units)
            return self.differentiate(population.layout, perturbed[rows], inputs, targets, mask, lengths, kept)

        gradients, losses = zip(*self._in_parts(part, len(places)), strict=True)
        return torch.cat(gradients), torch.cat(losses)

    def differentiate(
        self,
        layout: Layout,
        weights: Tensor,
        inputs: Tensor,
        targets: Tensor,
        mask: Tensor,
        lengths: Tensor,
        kept: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """The gradient [P, N] and the loss [P] at weights [P, N]; the others as in a `Batch` and for a `Network`."""
        leaves = {name: view.detach().requires_grad_() for name, view in layout.views(weights).items()}
        nll = self.network.negative_log_likelihood(leaves, inputs, targets, kept, lengths)
        loss = (nll * mask).sum((1, 2)) / mask.shape[2]
        gradients = torch.autograd.grad(loss.sum(), list(leaves.values()))
        return torch.cat([each.flatten(1) for each in gradients], dim=1), loss.detach()

    def move(self, population: Population, gradient: Tensor, loss: Tensor, rates: Tensor, update: int) -> None:
        """From every row's gradient [P, N] and loss [P] to its new weights, at rates [P]."""
        norm = rescale(gradient, self.protocol.gradient_norm)
        if self.protocol.not_finite == "shrink":  # the authors' rule: not rescaled
            broken = ~torch.isfinite(norm)[:, None]
            gradient = torch.where(broken, 0.1 * population.weights, gradient)
            population.finite &= torch.isfinite(torch.linalg.vector_norm(gradient, dim=1, dtype=torch.float64))
        else:
            population.finite &= torch.isfinite(norm) & torch.isfinite(loss)
        finite, zero = population.finite[:, None], gradient.new_zeros(())
        gradient = gradient.where(finite, zero)
        step = population.optimiser.step(population.weights, gradient, rates, update)
        if self.protocol.step_norm is not None:
            rescale(step, self.protocol.step_norm)
        population.weights.add_(step.where(finite, zero))

    def perturbed(self, population: Population, update: int) -> Tensor:
        """The weights with fresh Gaussian noise on the recurrent layer's matrices, or those of its inputs."""
        perturbed = population.weights.clone()
        if any(trial.weight_noise for trial in population.trials):
            matrices = perturbed[:, : population.layout.noisy(self.protocol.noise_on)]
            drawn = noise.normals(population.column("seed")[:, 0], update, matrices.shape[1])
            matrices.addcmul_(drawn, population.column("weight_noise"))
        return perturbed

    kept = staticmethod(noise.kept)

    def score(self, layout: Layout, weights: Tensor, split: Sequences, stop: Callable[[], bool]) -> np.ndarray:
        def part(rows: slice) -> np.ndarray:
            return likelihood.sequence_sums(self.network, layout.views(weights[rows]), split, stop)

        return np.concatenate(list(self._in_parts(part, len(weights))))

    def _in_parts(self, compute: Callable[[slice], object], rows: int) -> Iterator:
        """The results of `compute` for slices of the rows, smaller ones from where the device's memory runs out."""
        start = 0
        while start < rows:
            size = -(-rows // self._parts)
            try:
                result = compute(slice(start, start + size))
            except torch.OutOfMemoryError:
                if size == 1:
                    raise InputError(
                        f"out of memory on {self.device} with a single trial; use a smaller batch_size, or "
                        "STUDY_DEVICE=cpu"
                    ) from None
                self._parts *= 2
                torch.cuda.empty_cache()
                print(f"out of memory on {self.device}: the population goes on in {self._parts} parts", file=sys.stderr)
                continue
            yield result
            start += size
