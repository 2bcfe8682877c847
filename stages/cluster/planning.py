"""What is left to train: the trainings that DVC holds for out of date, in blocks of repeats, the longest first."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from stages.plumbing.places import PAPER
from stages.population import shards
from stages.protocol import arms
from stages.train import Task

_STAGE = re.compile(r"train(_(?P<arm>[\w-]+))?@(?P<dataset>.+)")
PACE = 1e-6  # seconds a step of a candidate, where no training has told


@dataclass(frozen=True)
class Block:
    """Repeats that are trained together, on one machine.

    Attributes:
        stage: of dvc.yaml, which is complete with the last of its blocks.
        title: what the training calls itself.
        arguments: of `stages.train`.
        seconds: that it is expected to take.
    """

    stage: str
    title: str
    arguments: tuple[str, ...]
    dataset: str
    seconds: float


@dataclass(frozen=True)
class Training:
    """A training that is out of date, and which of its repeats are in no folder."""

    stage: str
    task: Task
    missing: list[int]

    @classmethod
    def of(cls, stage: str) -> "list[Training]":
        """The trainings of a stage: those of all cells of an arm.

        Raises:
            InputError: params.yaml or the prepared data cannot be used.
        """
        arm, dataset = _STAGE.fullmatch(stage).group("arm", "dataset")
        arm = arm or PAPER
        return [cls._of(stage, Task.load(arm, dataset, cell)) for cell in arms.cells(arm)]

    @classmethod
    def _of(cls, stage: str, task: Task) -> "Training":
        found, repeats = task.there(task.folder).repeats, task.arm.budget.repeats
        there = set(range(found))
        for shard in sorted(task.shards.glob("*-*")):
            begin = int(shard.name.partition("-")[0])
            there |= set(range(begin, task.there(shard, begin).repeats))
        return cls(stage, task, [repeat for repeat in range(repeats) if repeat not in there])

    def recorded(self) -> float | None:
        """Seconds a repeat, of those that models/ holds, whatever they were made from."""
        try:
            run = json.loads((self.task.folder / "run.json").read_text())
            return run["seconds"] / (run["made"][-1]["repeats"][1] + 1)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return None

    def steps(self) -> float:
        """Of all a repeat's candidates, at most."""
        budget = self.task.arm.budget
        return float(np.sum(self.task.splits["train"].lengths)) * budget.candidates * budget.max_epochs

    def blocks(self, size: int, pace: float) -> Iterator[Block]:
        """At most `size` repeats each; `pace` in seconds a step."""
        seconds, arm = self.recorded() or self.steps() * pace, self.task.arm
        start = 0
        while start < len(self.missing):
            end = start + 1
            while end < min(start + size, len(self.missing)) and self.missing[end] == self.missing[end - 1] + 1:
                end += 1
            repeats = range(self.missing[start], self.missing[end - 1] + 1)
            options = {"arm": arm.name, "dataset": arm.dataset, "cell": self.task.cell}
            arguments = [f"--{name}={value}" for name, value in options.items()]
            yield Block(
                self.stage,
                f"{self.task.title}.{shards.name(repeats)}",
                (*arguments, f"--repeats={repeats.start}:{repeats.stop}"),
                arm.dataset,
                seconds * len(repeats),
            )
            start = end


def outdated(status: str) -> list[str]:
    """The stages of trainings that `dvc status --json` names."""
    return [name for name in json.loads(status) if _STAGE.fullmatch(name)]


def plan(trainings: list[Training], size: int) -> list[Block]:
    """All blocks, the longest first: who comes last then keeps no machine waiting for long."""
    told = [seconds / training.steps() for training in trainings if (seconds := training.recorded())]
    pace = median(told) if told else PACE
    blocks = [block for training in trainings for block in training.blocks(size, pace)]
    return sorted(blocks, key=lambda block: -block.seconds)


def checkpoint(folder: Path, title: str) -> int:
    """When a training last saved where it is, in nanoseconds; 0: it never did."""
    return max((file.stat().st_mtime_ns for file in folder.glob(f"{title}-*.safetensors")), default=0)
