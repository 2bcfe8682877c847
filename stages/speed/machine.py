"""The machine: what it is, and how fast its registers multiply and add, which is what no program can exceed."""

import ctypes
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib.metadata import version

import llvmlite.binding as llvm
import psutil
import torch

from stages.console import device as devices

CHAINS = 12  # independent sums in registers: enough to hide an operation's latency, few enough for AVX2's 16 registers
SECONDS, ROUNDS = 0.01, 100  # short ones: some of them fall between what else the machine does
_FACTS = {"cpu family": "family", "model": "model"}


def lanes() -> int:
    """Float32 numbers in a vector register that the processor and LLVM both know of."""
    features = llvm.get_host_cpu_features()
    return 16 if features.get("avx512f") else 8 if features.get("avx") else 4


def fma_peak(threads: int) -> float:
    """Floating-point operations a second of fused multiply-adds in registers, on all threads.

    The best of many short rounds. Each thread runs chains that no memory, cache or dependency holds up; a multiply-add
    is two operations. Processors differ in more than their names say, and a product of matrices is no ceiling.
    """
    width = lanes()
    address, _engine = _compiled(width)
    loop = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64)(address)  # lets go of the interpreter's lock
    count, taken = 100_000, 0.0
    while taken < SECONDS:
        count *= 2
        start = time.perf_counter()
        loop(count)
        taken = time.perf_counter() - start
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            list(pool.map(loop, [count] * threads))
            best = max(best, 2 * width * CHAINS * count * threads / (time.perf_counter() - start))
    return best


def describe(peak: float) -> dict[str, str]:
    """What one must know to read the measurements; `peak` as `fma_peak` gives it."""
    return {
        "processor": devices.describe(torch.device("cpu")),
        **_cpuinfo(),
        "target": llvm.get_host_cpu_name(),
        "vector_bits": str(32 * lanes()),
        "cores": str(psutil.cpu_count(logical=False) or psutil.cpu_count()),
        "threads": str(devices.threads()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": version("numba"),
        "fma_peak_gflops": f"{peak / 1e9:.0f}",
        "date": date.today().isoformat(),
    }


def _cpuinfo() -> dict[str, str]:
    """Family and model by their numbers, where the system tells them: names of processors are often general."""
    try:
        with open("/proc/cpuinfo") as lines:
            pairs = [[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]
    except OSError:
        return {}
    told = {name: value for name, value in reversed(pairs)}
    return {fact: told[name] for name, fact in _FACTS.items() if name in told}


def _compiled(width: int) -> tuple[int, llvm.ExecutionEngine]:
    """The address of `float loop(int64 rounds)`, as long as the engine lives: x ← x · 0.5 + 1 on every chain."""
    vector, chains = f"<{width} x float>", range(CHAINS)

    def all_of(number: float) -> str:
        return f"<{', '.join([f'float {number}'] * width)}>"

    fma = f"@llvm.fma.v{width}f32"
    lines = [
        f"declare {vector} {fma}({vector}, {vector}, {vector})",
        "define float @loop(i64 %rounds) {",
        "entry:\n br label %body",
        "body:\n %i = phi i64 [0, %entry], [%next, %body]",
        *(f" %x{c} = phi {vector} [{all_of(c + 1.0)}, %entry], [%y{c}, %body]" for c in chains),
        *(
            f" %y{c} = call {vector} {fma}({vector} %x{c}, {vector} {all_of(0.5)}, {vector} {all_of(1.0)})"
            for c in chains
        ),
        " %next = add i64 %i, 1\n %more = icmp slt i64 %next, %rounds\n br i1 %more, label %body, label %end",
        "end:",
        *(f" %s{c} = fadd {vector} %{'s' if c > 1 else 'y'}{c - 1}, %y{c}" for c in chains[1:]),
        f" %first = extractelement {vector} %s{chains[-1]}, i32 0\n ret float %first\n}}",
    ]
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly("\n".join(lines))
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    engine = llvm.create_mcjit_compiler(module, target)
    engine.finalize_object()
    return engine.get_function_address("loop"), engine
