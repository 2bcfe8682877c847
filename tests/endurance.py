"""Kills the throw-away study on its way, again and again, and compares what it ends with with a run left in peace.

    make endurance                100 kills; what happened at each goes to reports/benchmarks/endurance.csv

A kill is a SIGKILL at a random moment; two of three wait for the next moment at which DVC rewrites dvc.lock, or its
list of readers and writers, and may tear it. It takes everything, or DVC alone (its stage goes on), or the stage alone.
After each the same command is given again, and nothing else is done.
"""

import csv
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import psutil
from pipeline_study import ROOT, Study, lay_out

KILLS = 100
FIGURES = ROOT / "reports/benchmarks/endurance.csv"
VICTIMS = ["all", "all", "dvc", "stage"]
AIMS = ["", "dvc.lock", ".dvc/tmp/rwlock"]  # the file whose writing is waited for


@dataclass
class Kill:
    """What a kill met; `mended` is what the next run said it mended."""

    kill: int
    victim: str
    aimed_at: str
    seconds: float
    stage: str
    mended: str = ""


def results(folder: Path) -> dict[str, str]:
    """The files that a run leaves, and what is in them."""
    files = [path for room in ("models", "measured", "reports", "data/prepared") for path in (folder / room).rglob("*")]
    return {str(f.relative_to(folder)): sha256(f.read_bytes()).hexdigest() for f in files if f.is_file()}


def same(first: dict[str, str], second: dict[str, str]) -> dict[str, str]:
    """What two runs have in common: all but the files that tell how long something took."""
    return {name: digest for name, digest in first.items() if second.get(name) == digest}


class Shaken:
    """A study that is killed on its way.

    Args:
        pristine: as laid out, nothing run.
        calm: what a run left in peace ends with.
        longest: seconds after which a run is killed at the latest.
        targets: of `dvc repro`; none: everything.
    """

    def __init__(self, pristine: Study, calm: dict[str, str], longest: float, seed: int, targets: tuple[str, ...] = ()):
        self.pristine, self.calm, self.longest, self.targets = pristine, calm, longest, targets
        self.random = random.Random(seed)
        self.study, self.output = pristine.copy(pristine.folder.parent / "shaken"), ""
        self.passes, self.leave = 0, 1.0

    def kills(self, count: int) -> Iterator[Kill]:
        """Kills so many times, and lets the last run go on to its end.

        Raises:
            AssertionError: a run failed that nobody killed, or one ended with other results than the calm one.
        """
        last, number = None, 0
        while number < count:
            number += 1
            aim = AIMS[number % len(AIMS)]
            kill = Kill(number, "all" if aim else self.random.choice(VICTIMS), aim, 0.0, "")
            killed = self._run(kill)
            # A stage that takes longer than any run is left alone would be killed for ever.
            self.leave = 1.3 * self.leave if killed and last and kill.stage == last.stage else 1.0
            if last:
                last.mended = "; ".join(re.findall(r"^mended: (.*)", self.output, re.MULTILINE))
                yield last
                last = None
            if killed:
                last = kill
            else:  # it had ended before the moment came: no kill to count
                number -= 1
                self._compare()
                shutil.rmtree(self.study.folder)
                self.study = self.pristine.copy(self.study.folder)
        self._run(None)
        if last:
            last.mended = "; ".join(re.findall(r"^mended: (.*)", self.output, re.MULTILINE))
            yield last
        self._compare()

    def _compare(self) -> None:
        found = results(self.study.folder)
        others = sorted(name for name, digest in self.calm.items() if found.get(name) != digest)
        left = [name for name in found if ".part" in name]
        assert not others and not left, f"not as in the calm run: {', '.join(others + left)}"
        self.passes += 1

    def _run(self, kill: Kill | None) -> bool:
        """One `make repro`; whether it was killed."""
        log = self.study.folder / "output.txt"
        begun = time.monotonic()
        with log.open("w") as file:
            command = [sys.executable, "-m", "stages.repro", *self.targets]
            how = {"cwd": self.study.folder, "env": self.study.environment(), "start_new_session": True}
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, **how)
            moment = begun + self.random.uniform(0, self.leave * self.longest)
            watched, killed, before = self.study.folder / (kill.aimed_at if kill else ""), False, None
            while process.poll() is None:
                if kill and not killed and time.monotonic() >= moment:
                    state = _state(watched)
                    if not kill.aimed_at or (before is not None and state != before):
                        killed = self._kill(kill, process)
                        kill.seconds = round(time.monotonic() - begun, 1)
                    before = state
                time.sleep(0.001 if kill and kill.aimed_at and not killed else 0.01)
        self.output = log.read_text()
        stages = re.findall(r"^Running stage '(.+)':", self.output, re.MULTILINE)
        if killed:
            kill.stage = stages[-1] if stages else "DVC's start"
        assert killed or process.returncode == 0, f"a run failed that was not killed:\n{self.output}"
        return killed

    def _kill(self, kill: Kill, process: subprocess.Popen) -> bool:
        children = []
        with suppress(psutil.Error):
            children = psutil.Process(process.pid).children(recursive=True)
        if kill.victim == "all" or len(children) < (1 if kill.victim == "dvc" else 2):
            kill.victim = "all"
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            with suppress(psutil.Error):
                (children[0] if kill.victim == "dvc" else children[-1]).kill()
        return True


def _state(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
        return stat.st_size, stat.st_mtime_ns
    except FileNotFoundError:
        return None


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        pristine = lay_out(Path(folder) / "pristine")
        pristine.commit()
        calm = []
        for name in ("calm", "calm too"):
            begun = time.monotonic()
            study = pristine.copy(Path(folder) / name)
            study.repro()
            calm.append(results(study.folder))
            print(f"left in peace: {time.monotonic() - begun:.0f} s", flush=True)
        shaken = Shaken(pristine, same(*calm), (time.monotonic() - begun) / 8, 0)
        rows = []
        for kill in shaken.kills(KILLS):
            rows.append(asdict(kill))
            print(", ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
        FIGURES.parent.mkdir(parents=True, exist_ok=True)
        with FIGURES.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    mended = sum(bool(row["mended"]) for row in rows)
    print(f"{len(rows)} kills, {mended} left a torn file of DVC's that was mended; {shaken.passes} runs ended the same")


if __name__ == "__main__":
    main()
