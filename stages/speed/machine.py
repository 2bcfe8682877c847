"""The machine: what it is, and how fast it multiplies matrices."""

import platform
import time
from datetime import date
from importlib.metadata import version
from statistics import median

import psutil
import torch

from stages.console import device as devices

SIZE, ROUNDS = 1024, 20


def matrix_product_rate() -> float:
    """Floating-point operations a second of torch's product of two square float32 matrices: the median of 20."""
    left, right = torch.randn(2, SIZE, SIZE).unbind()
    seconds = []
    for _ in range(ROUNDS + 3):
        start = time.perf_counter()
        torch.mm(left, right)
        seconds.append(time.perf_counter() - start)
    return 2 * SIZE**3 / median(seconds[3:])


def describe(rate: float) -> dict[str, str]:
    """What one must know to read the measurements."""
    return {
        "processor": devices.describe(torch.device("cpu")),
        "cores": str(psutil.cpu_count(logical=False) or psutil.cpu_count()),
        "threads": str(devices.threads()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": version("numba"),
        "matrix_product_gflops": f"{rate / 1e9:.0f}",
        "date": date.today().isoformat(),
    }
