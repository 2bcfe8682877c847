"""A training's chosen trials' weights as a safetensors file: nothing is ever unpickled.

Each parameter is stacked over trials.
"""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save as safetensors
from torch import Tensor

from stages.plumbing.errors import InputError
from stages.plumbing.parameters import shortened
from stages.recurrent.layout import Layout


def serialised(layout: Layout, trials: list[tuple[int, int]], rows: list[Tensor]) -> bytes:
    """A file of rows [N], one per trial, from whatever devices; a trial is named by its repeat and candidate."""
    matrix = torch.stack([row.cpu() for row in rows]) if rows else torch.zeros(0, layout.size)
    tensors = {name: view.contiguous() for name, view in layout.views(matrix).items()}
    return safetensors(tensors, metadata={"trials": json.dumps(trials)})


def save(path: Path, layout: Layout, trials: list[tuple[int, int]], rows: list[Tensor]) -> None:
    """Writes what `serialised` says."""
    path.write_bytes(serialised(layout, trials, rows))


def load(path: Path, layout: Layout, device: torch.device) -> tuple[list[tuple[int, int]], dict[str, Tensor]]:
    """The trials in the file, as (repeat, candidate), and their parameters, each [R, *shape].

    Raises:
        InputError: the file is missing or damaged, or its tensors are not those of the net.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        trials = [(int(repeat), int(candidate)) for repeat, candidate in json.loads(metadata["trials"])]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `dvc repro` trains it") from None
    except Exception as error:  # whatever a damaged file holds
        said = shortened(f"{type(error).__name__}: {' '.join(str(error).split())}", 200)
        raise InputError(f"{path}: not a file of trained weights ({said}); delete it and `dvc repro`") from None
    if tensors.keys() != layout.parameters.keys():
        expected, found = (", ".join(sorted(names)) for names in (layout.parameters, tensors))
        raise InputError(f"{path}: expected the parameters {expected}, found {shortened(found, 300)}")
    for name, tensor in tensors.items():
        expected = (len(trials), *layout.parameters[name].shape)
        if tuple(tensor.shape) != expected:
            raise InputError(f"{path}: {name}: expected the shape {expected}, found {tuple(tensor.shape)}")
        if tensor.dtype != torch.float32 or not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {name}: expected finite float32 numbers, found others")
    return trials, {name: tensor.to(device) for name, tensor in tensors.items()}
