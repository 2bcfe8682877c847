"""What the derived kernels take of a GPU: compiled for an architecture, which needs no GPU, and read from the result.

python -m stages.speed.resources             every cell of params.yaml, at the units that its arms train on music
python -m stages.speed.resources gru lstm    some cells

A row a kernel, as CSV. `stack` and `local` are bytes a thread: what is not 0 was spilled out of registers.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from stages import cells
from stages.plumbing.errors import run
from stages.plumbing.parameters import mapping, section
from stages.recurrent import derive
from stages.recurrent.matching import Matching

ARCHITECTURES = (80, 90)  # A100 and H100
INPUTS = 100  # of music; no kernel depends on it
FIGURES = {"REG": "registers", "STACK": "stack", "LOCAL": "local", "SHARED": "shared"}


def sizes() -> list[tuple[str, int]]:
    """Each cell that an arm trains, with its units on music."""
    arms, matching, found = mapping("arms"), section("matching", Matching), {}
    for arm in arms.values():
        mode = arm.get("matching", matching.mode)
        for cell in arm.get("cells", mapping("")["cells"] if False else []):
            found[cell, matching.model_copy(update={"mode": mode}).units(cell, "bernoulli", {})] = None
    return list(found)


def table(wanted: Iterable[tuple[str, int]], architectures: Iterable[int] = ARCHITECTURES) -> pd.DataFrame:
    """Registers a thread, stack, local and shared bytes of both kernels of some (cell, units)."""
    rows = []
    for cell, units in wanted:
        passes = derive.fused(cells.load(cell), INPUTS, units).__self__
        for architecture in architectures:
            for name in ("forward", "backward"):
                facts = {"cell": cell, "units": units, "kernel": name, "architecture": f"sm_{architecture}"}
                rows.append(facts | _compiled(getattr(passes, name), passes.constants(units), architecture))
    return pd.DataFrame(rows)


def _compiled(kernel, constants: dict[str, int], architecture: int) -> dict[str, int]:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
