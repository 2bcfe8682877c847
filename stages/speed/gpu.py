"""What is measured on a GPU: that kernels and graphs are right there, how fast they are, and what they take."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from stages import cells
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import section
from stages.population import trials
from stages.population.engines import cuda, graphs
from stages.population.population import Population
from stages.protocol.protocol import Protocol
from stages.recurrent import derive
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net
from stages.speed import contenders
from stages.speed.workload import Workload

AGREEMENT = 1e-4  # relative, of kernels with torch and of engines with each other
DISTANCES = {"cuda": cuda.distance, "graphs": graphs.distance}  # the arms that are tried before they are timed
ARMS = (*DISTANCES, "plain", "library", "compiled")  # torch.nn, one trial after another; the last on the cores
UPDATES = 3  # after which engines are compared


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        loads: workloads by the name of their dataset, one epoch each.
        trials: how many at once, for the microseconds a step; the last for all else.
        steps, sequences: of the batch on which these are taken.
        seconds: at least so long is each thing measured.
        updates: so many of an epoch are timed, and stand for all of it.
        width: of the matrices whose product is the ceiling.
    """

    loads: dict[str, list[Workload]]
    trials: tuple[int, ...]
    steps: int
    sequences: int
    seconds: float
    updates: int
    width: int


def measured(plan: Plan, device: torch.device) -> pd.DataFrame:
    """Everything, a row a fact: what, dataset, cell, arm, trials, value, and the value that is asked for.

    Raises:
        InputError: the kernels are wrong on this device; how fast they are is then of no interest.
    """
    first, found = next(iter(plan.loads.values())), []
    for dataset, loads in plan.loads.items():
        for load in loads:
            found += _checks(dataset, load, device)
    wrong = [f"{row['what']}, {row['cell']}: {row['value']:.2g}" for row in found if row["value"] > row["asked"]]
    if wrong:
        raise InputError(f"the kernels are not right on {device}: {'; '.join(wrong)}")
    for load in first:
        for count in plan.trials:
            found.append(_row("microseconds a step", "", load, "cuda", count, _step(load, count, plan, device), 2.0))
    ceiling = _ceiling(plan, device)
    for dataset, loads in plan.loads.items():
        for load in loads:
            found += _updates(dataset, load, plan, ceiling, device)
    return pd.concat([pd.DataFrame(found), _resources([load.cell for load in first], device)], ignore_index=True)


def arms(load: Workload, device: torch.device) -> list[str]:
    """Those that can be had for a net, the one that is to be fastest first."""
    left = [arm for arm in ARMS if arm != "graphs" or device.type == "cuda"]
    try:
        derive.fused(load.net.cell, load.net.inputs, load.net.units)
    except derive.Underivable:
        left.remove("cuda")
    return left


def _row(what: str, dataset: str, load: Workload, arm: str, count: int, value: float, asked: float = np.nan) -> dict:
    print(f"{what} {dataset} {load.cell} {arm}, {count} trials: {value:.4g}", flush=True)
    told = {"what": what, "dataset": dataset, "cell": load.cell, "arm": arm}
    return told | {"trials": count, "value": value, "asked": asked}


def _checks(dataset: str, load: Workload, device: torch.device) -> Iterator[dict[str, Any]]:
    """How far an arm is from torch, from the compiled engine, a second run from the first, and a trial alone from the
    same in company, where products of matrices may be summed in another order."""
    for arm in [arm for arm in arms(load, device) if arm in DISTANCES]:
        yield _row("off torch", dataset, load, arm, 2, DISTANCES[arm](load.net, device), AGREEMENT)
        ends = [_after(load, each, device) for each in ("compiled", arm, arm)]
        off = float((ends[1] - ends[0]).abs().max() / ends[0].abs().max())
        yield _row(f"off compiled after {UPDATES} updates", dataset, load, arm, 3, off, AGREEMENT)
        yield _row("off itself, run twice", dataset, load, arm, 3, float((ends[2] - ends[1]).abs().max()), 0.0)
        alone = _after(load, arm, device, 1)
        yield _row("off itself, alone", dataset, load, arm, 1, float((alone[0] - ends[1][0]).abs().max()))


def _after(load: Workload, arm: str, device: torch.device, count: int = 3) -> torch.Tensor:
    """Weights after a few updates of so many trials."""
    protocol = section("train", Protocol).model_copy(update={"rate": 1e-3})
    engine, layout = contenders.ENGINES[arm](load.net, protocol, device), Layout.of(load.net)
    state = Population.initial(layout, protocol, trials.draw(protocol, "bench", 1, count), engine.device)
    split = engine.load(load.inputs, load.targets, load.lengths)
    engine.train(state, split, load.batches[:UPDATES], 0)
    return state.weights.cpu()


def _step(load: Workload, count: int, plan: Plan, device: torch.device) -> float:
    """Microseconds that both passes over one time step of all sequences of all trials take."""
    net, generator = load.net, torch.Generator().manual_seed(0)
    shapes = {name: (count, *parameter.shape) for name, parameter in net.recurrent.items()}
    weights = {name: (torch.randn(shape, generator=generator) / 16).to(device) for name, shape in shapes.items()}
    leaves = {name: weight.requires_grad_() for name, weight in weights.items()}
    inputs = torch.randn(1, plan.steps, plan.sequences, net.inputs, generator=generator).to(device)
    inputs, hidden = inputs.expand(count, -1, -1, -1), derive.fused(net.cell, net.inputs, net.units)

    def both() -> None:
        torch.autograd.grad(hidden(leaves, inputs).sum(), list(leaves.values()), allow_unused=True)

    return 1e6 * timed(both, plan.seconds, device) / plan.steps


def _ceiling(plan: Plan, device: torch.device) -> float:
    """GFLOP/s of a product of matrices in float32, which no training exceeds."""
    size = plan.width
    a, b = torch.ones(2, size, size, device=device)
    return 2e-9 * size**3 / timed(lambda: a @ b, plan.seconds, device)


def _updates(
    dataset: str, load: Workload, plan: Plan, ceiling: float, device: torch.device
) -> Iterator[dict[str, Any]]:
    """Milliseconds an update and seconds an epoch of as many trials as there are at most, by each arm; peak memory."""
    some, count = replace(load, batches=load.batches[: plan.updates]), plan.trials[-1]
    first, *others = arms(load, device)
    update: dict[str, float] = {}
    for arm in (first, *others):
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        if arm == "library":
            epoch, times = contenders.torch_nn(some, device=device), count
        else:
            epoch, times = contenders.population(some, count, arm, device), 1
        update[arm] = times * timed(epoch, plan.seconds, device) / len(some.batches)
        asked = 0.5 if (dataset, arm) == ("musedata", "cuda") else np.nan
        yield _row("milliseconds an update", dataset, load, arm, count, 1e3 * update[arm])
        yield _row("seconds an epoch", dataset, load, arm, count, update[arm] * len(load.batches), asked)
        rate, half = (
            1e-9 * count * some.arithmetic / (update[arm] * len(some.batches)),
            0.5 if arm == "graphs" else np.nan,
        )
        yield _row("share of a product's GFLOP/s", dataset, load, arm, count, rate / ceiling, half)
        if device.type == "cuda" and arm != "compiled":
            peak = torch.cuda.max_memory_allocated(device) / 2**20
            yield _row("MiB at most", dataset, load, arm, 1 if arm == "library" else count, peak)
    for arm in others:
        asked = 100.0 if (first, arm) == ("cuda", "library") else 1.0
        yield _row(f"times slower than {first}", dataset, load, arm, count, update[arm] / update[first], asked)


def timed(call: Callable[[], None], seconds: float, device: torch.device) -> float:
    """Seconds of a call: the median of at least three, after one that compiles and warms up."""
    taken: list[float] = []
    for _ in range(10_000):
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - start)
        if len(taken) > 3 and sum(taken[1:]) >= seconds:
            break
    return float(np.median(taken[1:]))


def _resources(names: list[str], device: torch.device) -> pd.DataFrame:
    """Registers a thread and bytes that did not fit into them, as compiled in a process that does not interpret."""
    known = [name for name in dict.fromkeys(names) if name in cells.names()]
    command = [sys.executable, "-m", "stages.speed.resources", *known]
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        command += ["--architecture", str(10 * major + minor)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TRITON_INTERPRET": "0"})
    if done.returncode:
        raise InputError(f"stages.speed.resources: {done.stderr.strip()}")
    table, rows = pd.read_csv(io.StringIO(done.stdout)), []
    for row in table.to_dict("records"):
        kernel = f"{row['kernel']}, {row['units']} units, {row['architecture']}"
        told = {"cell": row["cell"], "arm": "cuda"}
        rows.append(told | {"what": f"registers a thread: {kernel}", "value": row["registers"], "asked": 255})
        rows.append(told | {"what": f"bytes spilled: {kernel}", "value": row["stack"] + row["local"], "asked": 0})
    return pd.DataFrame(rows)


def made_up(cell: str) -> Workload:
    """A few short sequences of random notes for a small net."""
    generator, lengths = np.random.default_rng(0), np.array([3, 2, 4, 1])
    inputs, targets = ((generator.random((10, 5)) < 0.3).astype(np.uint8) for _ in range(2))
    batches = [np.array([[0, 1]]), np.array([[2, 3]])]
    return Workload(Net.build(cell, "bernoulli", 5, 4, 5, {}), inputs, targets, lengths, batches)
