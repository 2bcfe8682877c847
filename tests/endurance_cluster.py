"""Trains a throw-away study on a cluster on this machine: whose nodes are killed, then how it scales.

    make endurance-cluster        reports/benchmarks/cluster_kills.csv: what happened when, in the end the same bits
                                  reports/benchmarks/cluster.csv: one and two nodes in turns, and the study on paper

On paper means: the committed trainings' own seconds, handed to so many workers as `train_all` does, with what was
measured here of what only one can do at a time. Storage and network are taken to keep up; what they must bear is told.
"""

import csv
import heapq
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cluster_study import Nodes, begin, output, prepared, results, wait_until
from pipeline_study import ROOT, Study

from stages.population.checkpoints import SECONDS

FIGURES = ROOT / "reports/benchmarks"
KILLS = 3
TURNS = (1, 2, 2, 1)  # nodes; in turns, so that what else the machine does falls on both
WORKERS = (1, 2, 10, 40, 100, 1000)
CORES = 2  # that the committed trainings ran on
COPIES = 4  # of a net's weights in a checkpoint: as they are, the optimiser's two numbers of each, the best


def kills(study: Study, nodes: Nodes) -> Iterator[tuple[float, str]]:
    """Kills nodes in mid training, each replaced by a new one; seconds and what happened, also what `train_all` said.

    Raises:
        AssertionError: it failed.
    """
    nodes.clear()
    alive, start, killed, told = [nodes.add(), nodes.add()], time.monotonic(), 0, 0
    driver = begin(study, nodes.address)
    ended = False
    while not ended:
        ended = driver.poll() is not None
        said = [line for line in output(study).splitlines() if line.startswith(("==", "failed", "error"))]
        yield from ((time.monotonic() - start, line.removeprefix("== ")) for line in said[told:])
        told = len(said)
        if not ended and killed < KILLS and nodes.saved(alive[0], study):
            lost = ", ".join(nodes.trainings(alive[0]))
            nodes.kill(alive.pop(0))
            alive.append(nodes.add())
            killed += 1
            yield time.monotonic() - start, f"KILLED: the node that trains {lost}; a new one joins"
        time.sleep(0.05)
    assert driver.returncode == 0 and killed == KILLS, output(study)


def trained(study: Study, nodes: Nodes, count: int) -> dict[str, float]:
    """Seconds that so many nodes take for the study: until blocks begin, for them, and for what is left then."""
    nodes.clear()
    for _ in range(count):
        nodes.add()
    start = time.monotonic()
    driver = begin(study, nodes.address, STUDY_CHECKPOINT_SECONDS=str(SECONDS))
    wait_until(driver, study, lambda: "blocks of repeats to train" in output(study))
    begun = time.monotonic()
    wait_until(driver, study, lambda: _all_done(output(study)))
    done = time.monotonic()
    assert driver.wait() == 0, output(study)
    return {"plan": begun - start, "train": done - begun, "enter": time.monotonic() - done}


def _all_done(said: str) -> bool:
    done = [line.split() for line in said.splitlines() if line.startswith("== ") and "blocks done" in line]
    return bool(done) and done[-1][1] == done[-1][3]


def committed(models: Path) -> list[tuple[float, int, int]]:
    """Of each committed training: seconds a repeat, repeats, bytes of a repeat's checkpoint."""
    found = []
    for path in sorted(models.rglob("run.json")):
        run = json.loads(path.read_text())
        repeats = run["made"][-1]["repeats"][1] + 1
        size = run["total_parameters"] * run["budget"]["candidates"] * COPIES * 4
        found.append((run["seconds"] / repeats, repeats, size))
    return found


def on_paper(trainings: list[tuple[float, int, int]], workers: int, enter: float, plan: float) -> float:
    """Hours until the last training is in dvc.lock.

    Args:
        enter: seconds for which DVC, which does one thing at a time, has to do with a training.
        plan: seconds before the first block begins.
    """
    free, complete = [plan] * workers, []
    blocks = [(seconds, number) for number, (seconds, repeats, _) in enumerate(trainings) for _ in range(repeats)]
    ends = [0.0] * len(trainings)
    for seconds, number in sorted(blocks, reverse=True):
        end = heapq.heappop(free) + seconds
        ends[number] = max(ends[number], end)
        heapq.heappush(free, end)
    now = 0.0
    for end in sorted(ends):
        now = max(now, end) + enter
        complete.append(now)
    return complete[-1] / 3600


def paper(enter: float, plan: float) -> Iterator[tuple[str, int, float]]:
    """The study as committed, and with ten times its repeats, on workers of one core each."""
    own = [(seconds * CORES, repeats, size) for seconds, repeats, size in committed(ROOT / "models")]
    for name, times in (("the study", 1), ("ten times its repeats", 10)):
        trainings = [(seconds, times * repeats, size) for seconds, repeats, size in own]
        alone = on_paper(trainings, 1, enter, plan)
        for workers in WORKERS:
            hours = on_paper(trainings, workers, enter, plan)
            yield f"on paper, {name}: hours", workers, hours
            yield f"on paper, {name}: times faster", workers, alone / hours
    yield "on paper: hours of the longest block, which no worker shortens", 1, max(each[0] for each in own) / 3600
    largest = max(size for *_, size in own) / 1e6
    for workers in WORKERS:
        yield "on paper: MB a second of checkpoints, at most", workers, workers * largest / SECONDS


def write(name: str, header: list[str], rows: list[tuple]) -> None:
    with (FIGURES / name).open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Nodes() as nodes:
        pristine = prepared(Path(folder) / "prepared", repeats=3, epochs=200)
        calm, shaken = pristine.copy(Path(folder) / "calm"), pristine.copy(Path(folder) / "shaken")
        calm.call("dvc", "repro", "train")
        events = []
        for seconds, what in kills(shaken, nodes):
            events.append((f"{seconds:.1f}", what))
            print(*events[-1], flush=True)
        assert results(shaken) == results(calm) != {}, "not the bits of a run left in peace"
        write("cluster_kills.csv", ["seconds", "event"], events)
        taken: dict[int, list[dict[str, float]]] = {}
        rows: list[tuple[str, int | str, float]] = [("load of the machine before", "", os.getloadavg()[0])]
        for turn, count in enumerate(TURNS):
            taken.setdefault(count, []).append(trained(pristine.copy(Path(folder) / f"turn{turn}"), nodes, count))
            print(count, "nodes:", taken[count][-1], flush=True)
    rows += [
        ("seconds for 6 blocks, mean", count, statistics.mean(t["train"] for t in turns))
        for count, turns in taken.items()
    ]
    rows.append(("times faster", 2, rows[1][2] / rows[2][2]))
    every = [turn for turns in taken.values() for turn in turns]
    plan, last = (statistics.median(turn[what] for turn in every) for what in ("plan", "enter"))
    rows += [
        ("seconds until the first block begins", "", plan),
        ("seconds to enter a training into dvc.lock", "", last),
    ]
    rows += paper(last, plan)
    write("cluster.csv", ["what", "workers", "value"], [(*row[:2], f"{row[2]:.4g}") for row in rows])
    for row in rows:
        print(f"{row[0]}, {row[1]} workers: {row[2]:.4g}")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
