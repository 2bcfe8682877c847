"""What the derived kernels take of a GPU: compiled for it on any machine, and read from what was compiled.

python -m stages.speed.resources             every cell, at its units on music and on speech
python -m stages.speed.resources gru lstm    some

A row a kernel, as CSV; those around the recurrence are for all cells. `stack` and `local` are bytes a thread: what is
not 0 did not fit into registers.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from stages import cells
from stages.plumbing.errors import InputError, run
from stages.plumbing.parameters import mapping, section
from stages.population.optimisers import RULES
from stages.recurrent import derive
from stages.recurrent.matching import Matching

ARCHITECTURES = (80, 90)  # A100, H100
NOTES = 100  # of music; no cell's kernel depends on it, and the loss pads it to 128
SAMPLES = 10  # of speech
WHOLE = "T", "B", "S", "N", "F", "stride", "size", "count", "units"  # arguments that are whole numbers
NUMBERS = "floor", "gradient_norm", "step_norm"  # that are others
FIGURES = {"REG": "registers", "STACK": "stack", "LOCAL": "local", "SHARED": "shared"}


def sizes(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Cells with their units on music, by either budget of the parameters, and on speech."""
    matching, settings = section("matching", Matching), mapping("outputs")["gaussian_mixture"]
    for cell in names:
        modes = [matching.model_copy(update={"mode": mode}) for mode in ("recurrent", "total")]
        units = [mode.units(cell, "bernoulli", {}) for mode in modes]
        yield from (
            (cell, each) for each in dict.fromkeys([*units, matching.units(cell, "gaussian_mixture", settings)])
        )


def table(wanted: Iterable[tuple[str, int]], architectures: Iterable[int] = ARCHITECTURES) -> pd.DataFrame:
    """Warps, registers a thread, and bytes of stack, local and shared memory, of both kernels of some (cell, units)."""
    kernels = [("", 0, *kernel) for kernel in _around()]
    for cell, units in wanted:
        kernels += [(cell, units, *kernel) for kernel in _of_a_cell(cells.load(cell), units)]
    rows = []
    for cell, units, kernel, *how in kernels:
        for architecture in architectures:
            facts = {"cell": cell, "units": units, "kernel": kernel.__name__, "architecture": f"sm_{architecture}"}
            rows.append(facts | _taken(kernel, *how, architecture))
    return pd.DataFrame(rows)


def _of_a_cell(cell: ModuleType, units: int) -> Iterator[tuple[Any, dict[str, int], dict[str, Any]]]:
    """Its kernels, a pass each or, where they do not fit, between two products, with their constants and options."""
    from stages.recurrent.derive import triton_steps
    from stages.recurrent.derive.triton_passes import width

    try:
        passes = derive.fused(cell, NOTES, units).__self__
        for kernel in (passes.forward, passes.backward):
            yield kernel, {"H": units, "WIDTH": width(units)}, passes.options(units)
    except derive.Underivable:
        passes = triton_steps.Passes(derive.equation(cell, NOTES, units))
        for do in (*passes.forward, *passes.backward):
            if isinstance(do, triton_steps.Between):
                yield do.kernel, {"H": units, "BLOCK": triton_steps.BLOCK}, {"num_warps": 4}


def _around() -> Iterator[tuple[Any, dict[str, int], dict[str, int]]]:
    """The kernels that are no cell's, with their constants and options."""
    from stages.population.engines import fused_losses, fused_noise, fused_updating

    usual, components = {"num_warps": 4}, mapping("outputs")["gaussian_mixture"]["components"]
    yield fused_noise.perturb, {"BLOCK": fused_noise.BLOCK}, usual
    yield fused_noise.drop, {"BLOCK": fused_noise.BLOCK}, usual
    for gradients in (True, False):
        yield fused_losses.bernoulli_loss, fused_losses.music(NOTES) | {"GRADIENTS": gradients}, usual
        yield fused_losses.mixture_loss, fused_losses.speech(components, SAMPLES) | {"GRADIENTS": gradients}, usual
    for optimiser, shrink, capped in product(RULES, (True, False), (True, False)):
        constants = {"SHRINK": shrink, "CAPPED": capped, "BLOCK": fused_updating.BLOCK}
        yield fused_updating.kernel(optimiser), constants, {"num_warps": fused_updating.WARPS}


def _taken(kernel: Any, constants: dict[str, int], options: dict[str, Any], architecture: int) -> dict[str, int]:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = kernel.arg_names
    kinds = dict.fromkeys(constants, "constexpr") | dict.fromkeys(WHOLE, "i32")
    kinds |= {name: "i32" for name in names if re.fullmatch(r"[pb]\d+", name)}  # strides
    kinds |= {name: "fp32" for name in names if name in NUMBERS or name.startswith("number")}
    kinds |= {"lengths": "*i32", "seeds": "*i64", "frames": "*i64", "update": "i64", "finite": "*i1"}
    signature = {name: kinds.get(name, "*fp32") for name in names}
    aligned = {(n,): [["tt.divisibility", 16]] for n, name in enumerate(names) if signature[name][0] == "*"}
    source = ASTSource(kernel, signature, {(names.index(name),): value for name, value in constants.items()}, aligned)
    compiled = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        Path(file.name).write_bytes(compiled.asm["cubin"])
        tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
        told = subprocess.run([tool, "--dump-resource-usage", file.name], capture_output=True, text=True, check=True)
    figures = dict(re.findall(r"\b(REG|STACK|SHARED|LOCAL):(\d+)", told.stdout))
    return {"warps": options["num_warps"]} | {name: int(figures[key]) for key, name in FIGURES.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs="*", default=cells.names())
    parser.add_argument("--architecture", type=int, help="80 for an A100, 90 for an H100; by default both")
    options = parser.parse_args()
    architectures = [options.architecture] if options.architecture else ARCHITECTURES
    try:
        found = table(sizes(options.cells), architectures)
    except (ValueError, ImportError) as error:
        raise InputError(str(error)) from None
    found.to_csv(sys.stdout, index=False)


if __name__ == "__main__":
    run(main)
