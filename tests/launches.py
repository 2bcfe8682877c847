"""What an update launches, counted on the meta device, which computes nothing; kernels are left out there."""

from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from stages.population.population import Population
from stages.population.trials import Trial
from stages.protocol.protocol import Protocol
from stages.recurrent.layout import Layout


class Launches(TorchDispatchMode):
    """Counts operations that compute, copies between devices, and what asks for a number on the host."""

    VIEWS = "view _unsafe_view unbind split split_with_sizes select slice expand transpose t permute detach alias "
    VIEWS += "unsqueeze squeeze as_strided _reshape_alias unflatten empty new_empty empty_like empty_strided lift_fresh"

    def __init__(self):
        super().__init__()
        self.operations, self.copies, self.asked = Counter(), 0, Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function._schema.name.removeprefix("aten::")
        if name in ("_local_scalar_dense", "is_nonzero", "item", "nonzero", "equal"):
            self.asked[name] += 1
        source = args[1] if name == "copy_" else args[0] if name == "_to_copy" else None
        if source is not None and source.device != result.device:
            self.copies += 1
        elif name not in self.VIEWS.split():
            self.operations[name] += 1
        return result


class Kernel:
    """In a kernel's place: its launches are counted by name."""

    def __init__(self, name: str, launched: Counter):
        self.name, self.launched = name, launched

    def __getitem__(self, grid):
        return lambda *args, **options: self.launched.update([self.name])


def on_meta(layout: Layout, rules: Protocol, grid: list[Trial]) -> Population:
    """A population on the meta device."""
    weights = torch.empty(len(grid), layout.size, device="meta")
    return Population.of(layout, rules, grid, weights)
