"""A population on a GPU: recurrence, losses, noise, dropout and optimiser as kernels, a launch each.

How many launches an update takes does not depend on its steps, and nothing is copied or waited for within it. What the
kernels give a sequence is the same to the bit in any company; torch's batched products around them may sum in another
order for another number of rows.
"""

from importlib.metadata import version
from importlib.util import find_spec
from os import environ

import torch
from torch import Tensor

from stages.population.engines import agreement
from stages.population.engines.torch import Torch
from stages.population.population import Population
from stages.protocol.protocol import Protocol
from stages.recurrent import derive
from stages.recurrent.net import Net
from stages.recurrent.network import Network

OLDEST = 8, 0  # compute capability of an A100, for which every kernel is known to compile


class Cuda(Torch):
    """The whole population at once, in as few parts as the device's memory allows."""

    @staticmethod
    def obstacle(net: Net, protocol: Protocol, device: torch.device) -> str | None:
        """Why the net cannot be computed there, or None; the kernels are tried out first."""
        if without := lacking(device):
            return without
        if device.type != "cuda" and environ.get("TRITON_INTERPRET") != "1":
            return f"its kernels are for GPUs, the device is {device} (TRITON_INTERPRET=1 computes them there, slowly)"
        return agreement.refusal(Cuda, "kernels", distance, net, protocol, device)

    def perturbed(self, population: Population, update: int) -> Tensor:
        from stages.population.engines.fused_noise import add_noise  # Triton is an extra, and its import takes a second

        perturbed = population.weights.clone()
        if any(trial.weight_noise for trial in population.trials):
            seeds, deviations = (population.column(name)[:, 0] for name in ("seed", "weight_noise"))
            add_noise(perturbed, population.layout.noisy(self.protocol.noise_on), seeds, deviations, update)
        return perturbed

    def kept(self, seeds: Tensor, update: int, frames: Tensor, shares: Tensor, units: int) -> Tensor:
        from stages.population.engines.fused_noise import kept

        return kept(seeds, update, frames, shares, units)

    def move(self, population: Population, gradient: Tensor, loss: Tensor, rates: Tensor, update: int) -> None:
        from stages.population.engines.fused_updating import move

        move(population, gradient, loss, rates, update, self.protocol)

    def _network(self, net: Net) -> Network:
        return network(net)

    def _name(self) -> str:
        return f"cuda (Triton {version('triton')})"


def lacking(device: torch.device) -> str | None:
    """What no kernel can do without, or None."""
    if find_spec("triton") is None:
        return "Triton is not installed: .venv/bin/pip install -e '.[gpu]'"
    if device.type == "cuda" and (capability := torch.cuda.get_device_capability(device)) < OLDEST:
        return f"{device} has compute capability {capability[0]}.{capability[1]}, and 8.0 is asked for"
    return None


def network(net: Net) -> Network:
    """The net by kernels.

    Raises:
        Underivable: there are none for it.
        ImportError: Triton is not installed.
    """
    from stages.population.engines.fused_losses import losses

    return Network(net, derive.fused(net.cell, net.inputs, net.units), losses(net))


def distance(net: Net, device: torch.device) -> float:
    """How far apart the kernels' losses and gradients are from those of torch on a small batch, relatively.

    Raises:
        Underivable: there are no kernels for the net.
    """
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(device)

    lengths = torch.tensor([[2, 1], [1, 2]], dtype=torch.int32, device=device)
    weights = {name: draw(2, *parameter.shape) / 8 for name, parameter in net.parameters.items()}
    inputs, targets = draw(2, 2, 2, net.inputs), (draw(2, 2, 2, net.targets) > 0).float()
    inside, found = torch.arange(2, device=device)[:, None] < lengths[:, None], []
    for own in (network(net), Network.of(net)):
        leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
        nll = own.negative_log_likelihood(leaves, inputs, targets, None, lengths) * inside
        found.append([nll.detach(), *torch.autograd.grad(nll.sum(), list(leaves.values()), allow_unused=True)])
    pairs = [(one, other) for one, other in zip(*found, strict=True) if one is not None and other is not None]
    return agreement.relative(*zip(*pairs, strict=True))
