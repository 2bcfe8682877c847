"""Clocks: rounds in which every contender has its turn, and memory in a process of its own."""

import multiprocessing
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from stages.console.device import choose, threads
from stages.speed import contenders, workload

PAUSE = 0.05  # seconds between two contenders, in which the threads of the one before go to sleep
PEAK = Path("/proc/self/clear_refs")


def interleaved(epochs: dict[str, Callable[[], None]], rounds: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Seconds of each contender's call in each round, and of the call before them, in which it compiles and warms up.

    Machines are not the same from minute to minute: what is compared is measured in turns, round by round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in epochs}
    for _ in range(rounds + 1):
        for name, epoch in epochs.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            epoch()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(taken[1:]) for name, taken in seconds.items()}, {n: t[0] for n, t in seconds.items()}


def memory(arm: str, arguments: tuple, count: int) -> float:
    """MiB that one epoch of an arm adds at its peak to a process that holds the data and the program.

    Two processes need twice what one needs; JAX is not asked, as its compiler cannot be told from its training, and
    nothing is where the system does not count a peak anew from a given moment, which Linux does.
    """
    if arm == "jax" or not PEAK.exists():
        return float("nan")
    if arm == "library_2_processes":
        return min(2, threads()) * memory("library", arguments, count)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_peak, (arm, arguments, count))


def _peak(arm: str, arguments: tuple, count: int) -> float:
    choose()
    load = workload.load(*arguments)
    if arm == "compiled":
        contenders.build(arm, load, 1)  # Numba itself is the program, not the training
    before = psutil.Process().memory_info().rss
    PEAK.write_text("5")  # the peak counts from here, not from what was imported
    contenders.build(arm, load, count).epoch()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
    return max(0, peak - before) / 2**20
