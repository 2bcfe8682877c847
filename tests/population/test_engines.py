"""Which engine trains a net where: the fastest that was measured, unless the environment says otherwise."""

import numpy as np
import pytest
import torch
from training_data import CPU, net, protocol

from stages.plumbing.errors import InputError
from stages.population import engines
from stages.recurrent import likelihood
from stages.recurrent.net import Net

GPU = torch.device("cuda:0")
SPEECH = Net.build("gru", "gaussian_mixture", 20, 227, 10, {"components": 20, "variance_floor": 1e-4})


@pytest.fixture
def environment(monkeypatch):
    """Chooses for a machine with a GPU, no wish being uttered but those given; engines are not really made.

    `obstacle` is what is in the way of the kernels, `graphs` of CUDA graphs.
    """
    for name in ("STUDY_ENGINE", "STUDY_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(engines.Compiled, "__init__", lambda self, net, protocol: None)
    for kind in (engines.Torch, engines.Cuda, engines.Graphs):
        monkeypatch.setattr(kind, "__init__", lambda self, net, protocol, device: setattr(self, "device", device))

    def choose(of, there, obstacle=None, graphs=None, **wishes):
        monkeypatch.setattr(engines.Cuda, "obstacle", lambda net, rules, device: obstacle)
        monkeypatch.setattr(engines.Graphs, "obstacle", lambda net, rules, device: graphs)
        for name, value in wishes.items():
            monkeypatch.setenv(f"STUDY_{name.upper()}", value)
        chosen = engines.choose(of, protocol(), there)
        return type(chosen).__name__, chosen.device

    return choose


def test_a_gpu_is_used_where_there_are_kernels_and_says_so(environment, capfd):
    assert environment(net(units=100), GPU) == ("Cuda", GPU)
    said = "training on cuda:0, a kernel a pass (STUDY_ENGINE=compiled trains on the CPU's cores)\n"
    assert capfd.readouterr().err == said


def test_without_kernels_music_stays_on_the_cores_beside_a_gpu_and_says_why(environment, capfd):
    assert environment(net(units=100), GPU, "Triton is not installed") == ("Compiled", CPU)
    said = "training on the CPU's cores: Triton is not installed (STUDY_DEVICE=cuda:0 trains there)\n"
    assert capfd.readouterr().err == said


def test_speech_goes_to_the_gpu_by_graphs_where_they_are_right_and_says_so(environment, capfd):
    assert environment(SPEECH, GPU, "3 recurrent matrices do not fit") == ("Graphs", GPU)
    said = "training on cuda:0, played from CUDA graphs: 3 recurrent matrices do not fit\n"
    assert capfd.readouterr().err == said
    assert environment(SPEECH, GPU, "3 recurrent matrices do not fit", "a graph gives other numbers") == ("Torch", GPU)
    said = "training in plain torch on cuda:0: 3 recurrent matrices do not fit; a graph gives other numbers\n"
    assert capfd.readouterr().err == said


def test_the_environment_overrides(environment):
    assert environment(net(), GPU, "no kernels", device="cuda") == ("Graphs", GPU)
    with pytest.raises(InputError, match="cannot use 'cuda': no kernels"):
        environment(net(), GPU, "no kernels", engine="cuda")
    with pytest.raises(InputError, match="cannot use 'graphs': no driver"):
        environment(SPEECH, GPU, None, "no driver", engine="graphs")
    with pytest.raises(InputError, match="cannot use 'compiled': the compiled kernels are for CPUs"):
        environment(net(), GPU, engine="compiled")


def test_an_engine_asked_for_is_had_beside_the_gpu(environment):
    assert environment(SPEECH, GPU, engine="compiled") == ("Compiled", CPU)
    assert environment(net(), GPU, engine="torch") == ("Torch", GPU)
    assert environment(net(), GPU, engine="cuda") == ("Cuda", GPU)
    assert environment(net(), GPU, engine="graphs") == ("Graphs", GPU)


def test_scoring_fills_a_gpu(monkeypatch):
    """9 long sequences make 9 batches on a CPU, whose cache is small, and one where a step costs a launch."""
    lengths, batches = np.full(9, 1000), []

    class Split:
        count = 9

        def __init__(self, device):
            self.lengths, self.device = lengths, device

        def gather(self, sequences):
            batches.append(sequences.size)
            raise likelihood.Stopped

    weights = {"output.c": torch.zeros(1, 3)}
    for device in (CPU, torch.device("meta")):
        with pytest.raises(likelihood.Stopped):
            likelihood.sequence_sums(None, weights, Split(device))
    assert batches == [1, 9]
