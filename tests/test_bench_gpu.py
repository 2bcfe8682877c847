"""The measurements on a GPU, in small and interpreted: all that runs there runs here; wrong kernels end them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from training_data import CPU

from stages import bench_gpu
from stages.plumbing.errors import InputError
from stages.recurrent.derive import triton_passes
from stages.speed import gpu

pytest.importorskip("triton", reason="Triton is an extra: .venv/bin/pip install -e '.[gpu]'")


@pytest.fixture
def plan(monkeypatch, request):
    """Of one cell; what its kernels take is `test_resources`'s."""
    monkeypatch.chdir(request.config.rootpath)  # params.yaml
    monkeypatch.setattr(gpu, "_resources", lambda names, device: pd.DataFrame([{"what": "registers", "value": 1}]))
    return gpu.Plan({"made up": [gpu.made_up("gru")]}, (1, 2), 3, 2, 0.0, 2, 8)


def test_every_fact_is_measured(plan):
    table = gpu.measured(plan, CPU)
    assert (table["value"] >= 0).all() and np.isfinite(table["value"]).all()
    checks = table[table["what"].str.startswith("off")]
    asked = checks[checks["asked"].notna()]
    assert len(asked) == 3 and (asked["value"] <= asked["asked"]).all()
    alone = checks.loc[checks["what"] == "off itself, alone", "value"]
    assert len(alone) == 1 and alone.item() < 1e-6
    assert set(table.loc[table["what"] == "microseconds a step", "trials"]) == {1, 2}
    told = table[table["what"] == "milliseconds an update"].set_index("arm")["value"]
    here = [arm for arm in gpu.ARMS if arm != "graphs"]  # which a CPU has none of
    assert list(told.index) == here
    assert set(table.loc[table["what"] == "share of a product's GFLOP/s", "arm"]) == set(here)
    slower = table[table["what"] == "times slower than cuda"].set_index("arm")["value"]
    for arm in here[1:]:
        assert slower[arm] == pytest.approx(told[arm] / told["cuda"])


def test_a_net_too_large_for_the_kernels_is_played_from_graphs_on_a_gpu(plan):
    large = gpu.made_up("gru")
    large = replace(large, net=replace(large.net, units=227))
    assert gpu.arms(large, torch.device("cuda")) == ["graphs", "plain", "library", "compiled"]
    assert gpu.arms(gpu.made_up("gru"), torch.device("cuda")) == list(gpu.ARMS)


def test_kernels_that_are_wrong_are_not_timed(plan, monkeypatch):
    run = triton_passes.Passes.run

    def wrong(self, *given):
        states, saved = run(self, *given)
        return 1.01 * states, saved

    monkeypatch.setattr(triton_passes.Passes, "run", wrong)
    with pytest.raises(InputError, match="the kernels are not right on cpu: off torch, gru"):
        gpu.measured(plan, CPU)


def test_without_a_gpu_it_says_how_to_try_it(monkeypatch):
    monkeypatch.setattr("sys.argv", ["bench_gpu"])
    monkeypatch.setattr(bench_gpu.devices, "choose", lambda: torch.device("cpu"))
    with pytest.raises(InputError, match="make bench-gpu BENCH=--interpret"):
        bench_gpu.main()
