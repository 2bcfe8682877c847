"""Hands blocks to a Ray cluster, and again where a machine went away; enters trainings that are complete.

A block that ended for a reason of the user's is told and not tried again; one that was killed, preempted or lost with
its machine is, from its last checkpoint on. A machine that differs is named and gets no more blocks.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import ray
from ray import cloudpickle
from ray.exceptions import RayError

from stages.cluster import planning, workers
from stages.cluster.planning import Block
from stages.cluster.workers import Outcome, Versions
from stages.console.interruption import Interruption
from stages.console.progress import clock
from stages.plumbing.errors import InputError, Interrupted
from stages.population.checkpoints import FOLDER

ATTEMPTS = 5  # of a block in a row that come no further than the one before
SILENT = 300.0  # seconds after which something is said although nothing has ended
LEAVE = 60.0  # seconds that trainings have to save where they are
ENTER = [sys.executable, "-m", "stages.repro", "--single-item"]


class Driver:
    """The blocks of one start of `train_all`.

    Args:
        stages: all that are out of date; one without a block is complete.
        cpus, gpus: that a block takes.
    """

    def __init__(self, blocks: list[Block], stages: list[str], versions: dict[str, Versions], cpus: int, gpus: float):
        cloudpickle.register_pickle_by_value(workers)
        self._work = ray.remote(workers.work)
        self._blocks, self._versions, self._cpus, self._gpus = blocks, versions, cpus, gpus
        given = {name: value for name, value in os.environ.items() if name.startswith("STUDY_")}
        self._variables = given | {"STUDY_THREADS": str(cpus)}  # Ray hands none of them on
        self._left = Counter(block.stage for block in blocks)
        self._complete = [stage for stage in stages if not self._left[stage]]
        self._running: dict[ray.ObjectRef, Block] = {}
        self._refused: dict[str, str] = {}
        self._vain: Counter[str] = Counter()
        self._saved: dict[str, int] = {}
        self._done: dict[str, float] = {}
        self._failed: list[str] = []
        self._entering: tuple[subprocess.Popen, Path] | None = None
        self._begun = self._told = time.monotonic()

    def run(self) -> None:
        """Until every block has ended and every complete training is entered into dvc.lock.

        Raises:
            InputError: a training failed, or no machine can train; what the others have done is kept.
            Interrupted: on request; every training has had time to save where it is.
        """
        with Interruption() as interruption:
            for block in self._blocks:
                self._submit(block)
            while self._running or self._complete or self._entering:
                ready = ray.wait(list(self._running), timeout=0.5)[0] if self._running else time.sleep(0.2) or []
                for ref in ready:
                    self._settle(ref, self._running.pop(ref))
                self._enter()
                if interruption.requested:
                    self._stop()
                if time.monotonic() - self._told > SILENT:
                    self._tell("going on")
        if self._failed:
            others = f" ({len(self._failed)} blocks failed, see above)" if len(self._failed) > 1 else ""
            raise InputError(f"{self._failed[0]}{others}; the same command goes on with what is left")

    def _submit(self, block: Block) -> None:
        """Hands a block to any machine that is not refused."""
        self._saved[block.title] = planning.checkpoint(FOLDER, block.title)
        selector = {"ray.io/node-id": f"!in({','.join(self._refused)})"} if self._refused else {}
        task = self._work.options(
            num_cpus=self._cpus, num_gpus=self._gpus, max_retries=0, label_selector=selector, name=block.title
        )
        ref = task.remote(os.getcwd(), block.arguments, self._versions[block.dataset], self._variables)
        self._running[ref] = block

    def _settle(self, ref: ray.ObjectRef, block: Block) -> None:
        """What follows from how a block ended."""
        try:
            outcome = ray.get(ref)
        except RayError as error:
            self._again(block, f"its machine or worker is gone ({type(error).__name__})")
            return
        if outcome.refused:
            self._refuse(outcome)
            self._submit(block)
        elif outcome.status == 0:
            self._done[block.title] = block.seconds
            self._left[block.stage] -= 1
            if not self._left[block.stage]:
                self._complete.append(block.stage)
            self._tell(f"{block.title} done on {outcome.host}")
        elif outcome.status < 0 or outcome.status == 130:
            self._again(block, f"it was stopped on {outcome.host} (status {outcome.status})")
        else:
            self._fail(block, outcome.said.strip().splitlines()[-1:] or [f"exit status {outcome.status}"])

    def _again(self, block: Block, reason: str) -> None:
        """Another attempt, unless the last ones came no further."""
        further = planning.checkpoint(FOLDER, block.title) > self._saved[block.title]
        self._vain[block.title] = 0 if further else self._vain[block.title] + 1
        if self._vain[block.title] >= ATTEMPTS:
            self._fail(block, [f"given up after {ATTEMPTS} attempts that came no further: {reason}"])
            return
        self._tell(f"{block.title} goes on elsewhere: {reason}")
        self._submit(block)

    def _fail(self, block: Block, lines: list[str]) -> None:
        self._failed.append(f"{block.title}: {lines[0].removeprefix('error: ')}")
        print(f"failed: {self._failed[-1]}", file=sys.stderr, flush=True)

    def _refuse(self, outcome: Outcome) -> None:
        """Raises InputError: there is no other machine."""
        node = outcome.node
        if node not in self._refused:
            more = f" and {len(outcome.refused) - 3} more" if len(outcome.refused) > 3 else ""
            self._refused[node] = f"{outcome.host} differs: {', '.join(outcome.refused[:3])}{more}"
            print(f"refused: {self._refused[node]}", file=sys.stderr, flush=True)
        if not self._machines():
            raise InputError(f"no machine can train: {'; '.join(dict.fromkeys(self._refused.values()))}")

    def _machines(self) -> list[dict[str, float]]:
        """What the machines have that can train."""
        alive = [node for node in ray.nodes() if node["Alive"] and node["NodeID"] not in self._refused]
        return [node["Resources"] for node in alive if node["Resources"].get("CPU", 0) >= self._cpus]

    def _places(self) -> int:
        """How many blocks run at once."""
        return sum(
            int(min(m["CPU"] / self._cpus, m.get("GPU", 0) / self._gpus if self._gpus else m["CPU"]))
            for m in self._machines()
        )

    def _tell(self, what: str) -> None:
        """A line with how far all is and, once something has ended, the time left."""
        self._told = now = time.monotonic()
        places, done = max(self._places(), 1), sum(self._done.values())
        left = ""
        if done and self._running:
            pace = (now - self._begun) * min(places, len(self._blocks)) / done
            rest = [block.seconds for block in self._running.values()]
            left = f", about {clock(pace * max(sum(rest) / places, max(rest)))} left"
        print(f"== {len(self._done)} of {len(self._blocks)} blocks done{left}: {what}", flush=True)

    def _enter(self) -> None:
        """Has DVC run the commands of complete trainings, which join their shards, and enter them into dvc.lock.

        One DVC at a time, while others train: what completes meanwhile goes into the next.

        Raises:
            InputError: it failed.
        """
        if self._entering is not None:
            process, output = self._entering
            if process.poll() is None:
                return
            self._entering, said = None, output.read_text(errors="replace")
            output.unlink()
            if process.returncode:
                raise InputError(f"dvc repro failed; its last lines:\n{said[-2000:]}")
        if self._complete:
            descriptor, name = tempfile.mkstemp(suffix=".txt")
            with open(descriptor, "w") as file:
                process = subprocess.Popen([*ENTER, *self._complete], stdout=file, stderr=subprocess.STDOUT)
            self._entering, self._complete = (process, Path(name)), []

    def _stop(self) -> None:
        """Asks all to stop, and waits for them."""
        running = list(self._running)
        for ref in running:
            ray.cancel(ref)
        ray.wait(running, num_returns=len(running), timeout=LEAVE) if running else None
        if self._entering is not None:
            self._entering[0].terminate()
            self._entering[0].wait()
        raise Interrupted(
            f"{len(self._done)} of {len(self._blocks)} blocks are done, the others are saved where they are; the same "
            "command goes on from there"
        )
