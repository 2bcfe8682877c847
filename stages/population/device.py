"""Where to train: the environment's affair, recorded beside the results, never a parameter.

STUDY_DEVICE     cpu, cuda, cuda:1 …; without it CUDA when there is one, the CPU otherwise
STUDY_THREADS    threads of torch's operations on the CPU; without it torch's own choice
"""

import os
import platform

import torch

from stages.plumbing.command import InputError


def choose() -> torch.device:
    """The device asked for by the environment, or the best there is; also sets torch's thread count.

    Raises:
        InputError: the environment asks for a device that is not there, or for no sensible thread count.
    """
    if threads := os.environ.get("STUDY_THREADS"):
        if not threads.isdigit() or int(threads) < 1:
            raise InputError(f"STUDY_THREADS: expected a positive whole number, found '{threads}'")
        torch.set_num_threads(int(threads))
    name = os.environ.get("STUDY_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"STUDY_DEVICE: cannot use '{name}' ({reason}); unset it to choose automatically") from None
    return device


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
