"""The population: the matrix of weights with everything a row needs to go on training."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from stages.population.optimisers import Optimiser
from stages.population.trials import Trial
from stages.protocol.protocol import Protocol
from stages.recurrent.layout import Layout


@dataclass
class Population:
    """P trials in training, row p of every tensor belonging to trials[p]."""

    layout: Layout
    trials: list[Trial]
    weights: Tensor  # [P, N]
    optimiser: Optimiser
    finite: Tensor  # [P] bool, False once a loss or gradient of the row was not finite
    _sent: dict[str, Tensor] = field(default_factory=dict)  # what was copied to the device of these trials

    @classmethod
    def initial(cls, layout: Layout, protocol: Protocol, trials: list[Trial], device: torch.device) -> "Population":
        """Every row from its trial's seed, at rest."""
        weights = layout.initial([trial.seed for trial in trials], protocol.initial_range).to(device)
        return cls.of(layout, protocol, trials, weights)

    @classmethod
    def of(cls, layout: Layout, protocol: Protocol, trials: list[Trial], weights: Tensor) -> "Population":
        """A population at rest with these weights."""
        optimiser = Optimiser.at_rest(protocol.optimiser, weights)
        return cls(layout, trials, weights, optimiser, torch.ones(len(trials), dtype=torch.bool, device=weights.device))

    def column(self, name: str) -> Tensor:
        """A number of every trial, such as its `dropout`, [P, 1] float32, or int64 where it is whole."""
        return self._on_device(name, [[getattr(trial, name)] for trial in self.trials])

    def places(self) -> Tensor:
        """`slices` on the device, [P] int64."""
        return self._on_device("slices", self.slices())

    def _on_device(self, name: str, numbers: list) -> Tensor:
        if name not in self._sent:
            self._sent[name] = torch.tensor(numbers, device=self.weights.device)
        return self._sent[name]

    def repeats(self) -> list[int]:
        """The repeats that still have a trial, in order: one slice of a batch each."""
        return sorted({trial.repeat for trial in self.trials})

    def slices(self) -> list[int]:
        """The slice of a batch that each row trains on."""
        order = self.repeats()
        return [order.index(trial.repeat) for trial in self.trials]

    def keep(self, alive: list[int]) -> None:
        """Removes every row not named; the others' trajectories are their own and go on."""
        self._sent.clear()
        rows = torch.tensor(alive, dtype=torch.int64, device=self.weights.device)
        self.trials = [self.trials[row] for row in alive]
        self.weights, self.finite = self.weights[rows], self.finite[rows]
        self.optimiser.keep(rows)
