"""Checkpoints: a training under way, whole or not at all, found again by the training it belongs to.

One safetensors file in `.checkpoints/`, written beside and renamed: the population's matrices, every record's best
weights, and as JSON in its header where the training is and all curves. The file's name and header carry a key made
from everything that shapes the result, the program's own files included, and the header a digest of the content.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import NonNegativeInt, TypeAdapter
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from stages.plumbing.environment import seconds
from stages.plumbing.errors import InputError
from stages.plumbing.files import whole
from stages.plumbing.parameters import shortened
from stages.population.population import Population
from stages.population.trials import Trial
from stages.protocol.protocol import Protocol
from stages.recurrent.layout import Layout

if TYPE_CHECKING:
    from stages.population.trainer import Training

FOLDER = Path(".checkpoints")
STAGES = Path(__file__).resolve().parent.parent
SECONDS = 30.0  # between two checkpoints; STUDY_CHECKPOINT_SECONDS changes it


def key(facts: dict[str, Any], arrays: list[np.ndarray], files: list[Path]) -> str:
    """A digest of all that shapes a training to the bit.

    Args:
        facts: what can be said as JSON: parameters, trials, engine, device.
        arrays: the data.
        files: the sources that lie outside the rooms named here: the cell's, and the command's own, which under
            `python -m` is a module of another name.
    """
    digest = sha256(json.dumps(facts, sort_keys=True).encode())
    for array in arrays:
        digest.update(str((array.shape, array.dtype)).encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    rooms = (STAGES / room for room in ("population", "recurrent", "protocol"))
    for file in sorted({file.resolve() for file in files} | {file for room in rooms for file in room.rglob("*.py")}):
        digest.update(file.read_bytes())
    return digest.hexdigest()


class Checkpoint:
    """The place of one training's checkpoint.

    Args:
        title: the training's name, such as jsb_chorales-gru.
        key: from `key`.
        confirm: called before it is written, to raise if this process is no longer the one to write it.
    """

    def __init__(self, title: str, key: str, confirm: Callable[[], None] = lambda: None):
        self._confirm = confirm
        self.key, self.path = key, FOLDER / f"{title}-{key[:12]}.safetensors"
        self._every = seconds("STUDY_CHECKPOINT_SECONDS", SECONDS, least=0)
        self._written = time.monotonic()
        strangers = sorted(set(FOLDER.glob(f"{title}-*.safetensors")) - {self.path})
        if strangers:
            size = sum(file.stat().st_size for file in strangers) / 1e6
            print(
                f"{title}: {FOLDER} holds {len(strangers)} checkpoint(s) made with other parameters, data or code "
                f"({size:.0f} MB), not used: {', '.join(file.name for file in strangers)}",
                file=sys.stderr,
            )

    def due(self) -> bool:
        return time.monotonic() - self._written >= self._every

    def save(self, training: "Training") -> None:
        """Replaces the checkpoint; on an error the one before is left.

        Raises:
            InputError: the folder cannot be written, or the disk is full. What `confirm` raises.
        """
        population = training.population
        tensors = {"weights": population.weights, "finite": population.finite}
        tensors |= {f"optimiser.{name}": state for name, state in population.optimiser.state.items()}
        tensors |= {f"best.{n}": r.weights for n, r in enumerate(training.records) if r.weights is not None}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        state = {
            "epoch": training.epoch,
            "updates": training.updates,
            "seconds": training.seconds,
            "records": [
                {
                    "trial": asdict(record.trial),
                    "status": record.status,
                    "halved_at": record.halved_at,
                    "curve": [list(asdict(point).values()) for point in record.curve],
                }
                for record in training.records
            ],
        }
        text = json.dumps(state)
        self._confirm()
        with whole(self.path) as path:
            path.write_bytes(save(tensors, {"key": self.key, "digest": _digest(tensors, text), "state": text}))
        self._written = time.monotonic()

    def load(self, layout: Layout, protocol: Protocol, device: torch.device) -> "Training | None":
        """The training as it was saved, or None where there is none; another or a damaged file is set aside."""
        try:
            with safe_open(self.path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}
            text = metadata["state"]
            if metadata["key"] != self.key:
                raise ValueError("it belongs to a training with other parameters, data or code")
            if metadata["digest"] != _digest(tensors, text):
                raise ValueError("its content is not what was written")
            return _training(json.loads(text), tensors, layout, protocol, device)
        except FileNotFoundError:
            return None
        except Exception as error:  # whatever a damaged file holds
            aside, said = self._set_aside(), shortened(" ".join(str(error).split()), 200)
            print(
                f"{self.path}: not usable as a checkpoint ({said}); set aside as {aside}, training starts over",
                file=sys.stderr,
            )
            return None

    def _set_aside(self) -> Path:
        number = 1
        while (aside := self.path.with_suffix(f".aside{number}")).exists():
            number += 1
        try:
            self.path.rename(aside)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be renamed ({error.strerror}); remove it") from None
        return aside

    def remove(self) -> None:
        """After the training's results have been written."""
        self.path.unlink(missing_ok=True)


def _digest(tensors: dict[str, Tensor], text: str) -> str:
    digest = sha256(text.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _training(
    state: dict[str, Any], tensors: dict[str, Tensor], layout: Layout, protocol: Protocol, device: torch.device
) -> "Training":
    from stages.population.trainer import Point, Record, Status, Training  # the trainer saves here: it is loaded first

    def tensor(name: str, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        found = tensors[name]
        if found.shape != shape or found.dtype != dtype:
            raise ValueError(f"{name}: expected {dtype} {shape}, found {found.dtype} {tuple(found.shape)}")
        return found.to(device)

    counted, rung_of = TypeAdapter(NonNegativeInt), TypeAdapter(int | None)
    trial_of, point_of, status_of = TypeAdapter(Trial), TypeAdapter(Point), TypeAdapter(Status)
    names = [field.name for field in fields(Point)]
    records = []
    for number, entry in enumerate(state["records"]):
        points = [dict(zip(names, values, strict=True)) for values in entry["curve"]]
        curve = [point_of.validate_python(point) for point in points]
        better = [point for point in curve if isfinite(point.valid_nll)]
        best = min(better, key=lambda point: point.valid_nll, default=None)  # the first of equals, as in training
        weights = tensor(f"best.{number}", layout.size) if best else None
        trial, status = trial_of.validate_python(entry["trial"]), status_of.validate_python(entry["status"])
        halved_at = rung_of.validate_python(entry["halved_at"])
        records.append(Record(trial, status, curve, best, weights, halved_at))
    running = [record.trial for record in records if record.status == "running"]
    population = Population.of(layout, protocol, running, tensor("weights", len(running), layout.size))
    kept = {name: tensor(f"optimiser.{name}", *own.shape) for name, own in population.optimiser.state.items()}
    population.optimiser.restore(kept)
    population.finite = tensor("finite", len(running), dtype=torch.bool)
    epoch, updates = counted.validate_python(state["epoch"]), counted.validate_python(state["updates"])
    return Training(population, records, epoch, updates, TypeAdapter(float).validate_python(state["seconds"]))
