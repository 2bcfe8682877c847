"""Where to train: the environment's affair, recorded beside the results, never a parameter.

STUDY_DEVICE          cpu, cuda, cuda:1 …; without it CUDA when there is one, the CPU otherwise
STUDY_THREADS         threads on the CPU; without it one a core
STUDY_DETERMINISTIC   1: on a GPU only operations that give the same bits every time; on a CPU they always do
"""

import os
import platform

import torch

from stages.plumbing.errors import InputError


def choose() -> torch.device:
    """The device asked for by the environment, or the best there is; also sets torch's thread count.

    Raises:
        InputError: the environment asks for a device that is not there, or for no sensible thread count.
    """
    torch.set_num_threads(threads())
    if os.environ.get("STUDY_DETERMINISTIC") == "1":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for, before its first use
        torch.use_deterministic_algorithms(True)
    name = os.environ.get("STUDY_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in ("cpu", "cuda"):
            raise RuntimeError("expected cpu or cuda")
        torch.zeros(1, device=device)
        if device.type == "cuda" and device.index is not None:
            torch.cuda.set_device(device)  # where Triton launches its kernels
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"STUDY_DEVICE: cannot use '{name}' ({reason}); unset it to choose automatically") from None
    return device


def threads() -> int:
    """How many threads to use on the CPU.

    Raises:
        InputError: STUDY_THREADS is not a positive whole number.
    """
    wanted = os.environ.get("STUDY_THREADS")
    if not wanted:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not wanted.isdecimal() or int(wanted) < 1:
        raise InputError(f"STUDY_THREADS: expected a positive whole number, found '{wanted}'")
    return int(wanted)


def describe(device: torch.device) -> str:
    """The device's name for the record, such as `cpu (AMD EPYC)`."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"{device.type} ({_processor()})"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()
