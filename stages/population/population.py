"""The population: the matrix of weights with everything a row needs to go on training, and one update of all rows."""

from dataclasses import dataclass

import torch
from torch import Tensor

from stages.population.batches import Batch
from stages.population.matrix import Layout
from stages.population.network import Network
from stages.population.protocol import Protocol
from stages.population.rmsprop import RMSProp, rescale
from stages.population.trials import Trial


@dataclass
class Population:
    """P trials in training, row p of every tensor belonging to trials[p]."""

    network: Network
    protocol: Protocol
    layout: Layout
    trials: list[Trial]
    weights: Tensor  # [P, N]
    optimiser: RMSProp
    noise: list[torch.Generator]

    @classmethod
    def initial(cls, network: Network, protocol: Protocol, trials: list[Trial], device: torch.device) -> "Population":
        layout = Layout.of(network.net)
        weights = layout.initial(trials, protocol.initial_range).to(device)
        rates = torch.tensor([trial.learning_rate for trial in trials], device=device)
        optimiser = RMSProp.zero(weights, rates, protocol.rmsprop_decay, protocol.rmsprop_floor, protocol.momentum)
        noise = [torch.Generator(device).manual_seed(trial.seed) for trial in trials]
        return cls(network, protocol, layout, trials, weights, optimiser, noise)

    def repeats(self) -> list[int]:
        """The repeats that still have a trial, in order: one slice of a batch each."""
        return sorted({trial.repeat for trial in self.trials})

    def update(self, batch: Batch) -> Tensor:
        """One update of every row on its repeat's slice of the batch.

        The loss of a row is the mean over its sequences of the NLL summed over steps (the authors' loss, whose batch
        is one sequence), at weights with fresh noise; its gradient moves the clean weights. A row whose loss or
        gradient is not finite is left as it is, and cannot touch another.

        Returns:
            [P] bool, False where a row turned non-finite.
        """
        leaves = {name: view.detach().requires_grad_() for name, view in self.layout.views(self._perturbed()).items()}
        inputs, targets, mask = (self._rows(part) for part in (batch.inputs, batch.targets, batch.mask))
        nll = self.network.negative_log_likelihood(leaves, inputs, targets)
        loss = (nll * mask).sum((1, 2)) / batch.mask.shape[2]
        gradients = torch.autograd.grad(loss.sum(), list(leaves.values()))
        gradient = torch.cat([part.flatten(1) for part in gradients], dim=1)
        norm = rescale(gradient, self.protocol.gradient_norm)
        finite = torch.isfinite(norm) & torch.isfinite(loss.detach())
        self.optimiser.step(self.weights, gradient.where(finite[:, None], gradient.new_zeros(())))
        return finite

    def keep(self, alive: list[int]) -> None:
        """Removes every row not named; the others' trajectories are their own and go on."""
        rows = torch.tensor(alive, device=self.weights.device)
        self.trials = [self.trials[row] for row in alive]
        self.noise = [self.noise[row] for row in alive]
        self.weights = self.weights[rows]
        self.optimiser.keep(rows)

    def _perturbed(self) -> Tensor:
        """The weights with fresh Gaussian noise on the recurrent layer's matrices, each row from its own generator."""
        perturbed = self.weights.clone()
        if self.protocol.weight_noise:
            draw = perturbed.new_empty(len(self.trials), self.layout.noisy)
            for row, generator in zip(draw, self.noise, strict=True):
                row.normal_(generator=generator)
            perturbed[:, : self.layout.noisy].add_(draw, alpha=self.protocol.weight_noise)
        return perturbed

    def _rows(self, part: Tensor) -> Tensor:
        """[R, …] of a batch → [P, …]: each trial sees its repeat's slice."""
        order = self.repeats()
        if len(order) == 1:
            return part.expand(len(self.trials), *part.shape[1:])
        return part[torch.tensor([order.index(trial.repeat) for trial in self.trials], device=part.device)]
