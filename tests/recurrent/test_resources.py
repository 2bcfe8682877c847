"""Every kernel at the study's sizes on music and speech, compiled for an A100 and an H100: nothing leaves registers."""

import io
import os
import subprocess
import sys

import pandas as pd
import pytest

from stages import cells

pytest.importorskip("triton", reason="Triton is an extra: .venv/bin/pip install -e '.[gpu]'")


def test_no_kernel_spills(tmp_path):
    """In a process of its own: in this one kernels are interpreted."""
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "stages.speed.resources"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(io.StringIO(done.stdout))
    assert set(table["cell"].dropna()) == set(cells.names())
    around = {"perturb", "drop", "bernoulli_loss", "mixture_loss", "move"}
    assert set(table.loc[table["cell"].isna(), "kernel"]) == around
    assert set(table["architecture"]) == {"sm_80", "sm_90"}
    sizes = {("tanh", 100), ("lstm", 36), ("gru", 46), ("lstm", 195), ("gru", 227)}
    assert sizes <= set(zip(table["cell"], table["units"], strict=True))
    assert set(table.loc[table["units"] > 128, "kernel"]) == {"between"}
    assert not table["stack"].any() and not table["local"].any() and table["registers"].between(16, 255).all()
