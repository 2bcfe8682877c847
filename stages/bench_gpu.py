"""Measures training on a GPU, after showing that the kernels are right there.

    python -m stages.bench_gpu                writes reports/benchmarks/gpu_<card>.csv; under ten minutes
    python -m stages.bench_gpu --interpret    the same on a CPU, with tiny nets: shows that it runs, and no speed

Beside the engines `cuda` and `graphs`: torch.nn on cuDNN one trial after another, plain torch on the same card, and the
compiled engine on the machine's cores. Nothing of this has been measured yet: no GPU was at hand.
"""

import argparse
import os
import re
from pathlib import Path

import torch

from stages.console import device as devices
from stages.plumbing.errors import InputError, run
from stages.plumbing.files import whole
from stages.speed import gpu, workload

FOLDER = Path("reports/benchmarks")
DATASETS = {"jsb_chorales": 8, "musedata": 2, "speech_short": 8}  # with their batches
TRIALS = (1, 10, 30, 100)


def plan(interpret: bool) -> gpu.Plan:
    if interpret:
        return gpu.Plan({"made up": [gpu.made_up(cell) for cell in workload.names()]}, (1, 2), 3, 2, 0.0, 2, 8)
    loads = {name: [workload.load(name, cell, size) for cell in workload.names()] for name, size in DATASETS.items()}
    return gpu.Plan(loads, TRIALS, 256, 2, 1.0, 20, 8192)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interpret", action="store_true", help="on a CPU in Triton's interpreter; writes nothing")
    interpret = parser.parse_args().interpret
    if interpret:
        os.environ["TRITON_INTERPRET"], os.environ["STUDY_DEVICE"] = "1", "cpu"
    device = devices.choose()
    if device.type != "cuda" and not interpret:
        raise InputError(
            "no GPU here; --interpret shows on a CPU that everything runs (make bench-gpu BENCH=--interpret)"
        )
    found = gpu.measured(plan(interpret), device)
    print(f"\n{found.to_string(index=False, float_format='%.4g', na_rep='')}")
    if interpret:
        print("\ninterpreted on a CPU: these times say nothing of a GPU")
        return
    card = re.sub(r"\W+", "_", torch.cuda.get_device_name(device)).strip("_").lower()
    with whole(FOLDER / f"gpu_{card}.csv") as path:
        found.to_csv(path, index=False, float_format="%.4g")


if __name__ == "__main__":
    run(main)
