"""Tensors of two devices: what is saved, joined and loaded is fetched first and lands where it belongs. No GPU."""

import pytest
import torch
from torch.utils._pytree import tree_leaves
from training_data import CPU, net, protocol, trial

from stages.population import trainer
from stages.population.checkpoints import Checkpoint
from stages.population.results import Results
from stages.recurrent import saved
from stages.recurrent.layout import Layout

LAYOUT, RULES = Layout.of(net()), protocol()


class Away(torch.Tensor):
    """A tensor as of another device: it meets none of this one, and its numbers are read from a copy alone."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            if function is torch.Tensor.cpu:
                return args[0].as_subclass(torch.Tensor).clone()
            if function is torch.Tensor.numpy:
                raise TypeError("cannot convert a tensor of another device to numpy")
            tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if any(type(tensor) is torch.Tensor and tensor.ndim for tensor in tensors):
            raise RuntimeError("expected all tensors to be on the same device")
        return super().__torch_function__(function, types, args, kwargs)


def away(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1)).as_subclass(Away)


def record(repeat: int, weights: torch.Tensor) -> trainer.Record:
    best = trainer.Point(1, 2, 3.0, 4.0, 3.0, 4.0)
    return trainer.Record(trial(repeat), "running", [best], best, weights)


def test_the_stand_in_for_another_device_is_as_strict():
    with pytest.raises(RuntimeError, match="same device"):
        torch.stack([away(3), torch.zeros(3)])
    with pytest.raises(TypeError, match="numpy"):
        away(3).numpy()
    assert type(away(3) * 2) is Away and type(away(3).cpu()) is torch.Tensor


@pytest.mark.parametrize("device", [CPU, torch.device("meta")], ids=str)
def test_a_checkpoint_made_on_another_device_goes_on_wholly_on_this_one(device, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training, place = trainer.Training.begin(LAYOUT, RULES, [trial(0), trial(1)], CPU), Checkpoint("tunes", "0" * 64)
    population = training.population
    population.weights, population.optimiser.rows = away(2, LAYOUT.size), away(2, 2, LAYOUT.size)
    population.finite = population.finite.as_subclass(Away)
    training.records = [record(0, away(LAYOUT.size)), record(1, away(LAYOUT.size) + 1)]
    place.save(training)
    found = place.load(LAYOUT, RULES, device)
    pairs = [(found.population.weights, population.weights), (found.population.finite, population.finite)]
    pairs += [(found.population.optimiser.rows, population.optimiser.rows)]
    pairs += [(one.weights, other.weights) for one, other in zip(found.records, training.records, strict=True)]
    for one, other in pairs:
        assert type(one) is torch.Tensor and one.device == device and one.shape == other.shape
        assert device != CPU or torch.equal(one, other.cpu())


def test_further_repeats_of_another_device_are_one_file_with_those_there(tmp_path):
    there, further = torch.rand(LAYOUT.size), away(LAYOUT.size)
    results = [Results.of([record(n, weights)], [], {}, [1.0]) for n, weights in enumerate((there, further))]
    joined = results[0].joined(results[1])
    saved.save(tmp_path / "w.safetensors", LAYOUT, list(joined.weights), list(joined.weights.values()))
    trials, weights = saved.load(tmp_path / "w.safetensors", LAYOUT, CPU)
    assert trials == [(0, 0), (1, 0)]
    for name, view in LAYOUT.views(torch.stack([there, further.cpu()])).items():
        assert torch.equal(weights[name], view)


def test_weights_of_two_devices_are_one_file_and_load_onto_either(tmp_path):
    saved.save(tmp_path / "w.safetensors", LAYOUT, [(0, 0), (1, 0)], [torch.zeros(LAYOUT.size), away(LAYOUT.size)])
    for device in (CPU, torch.device("meta")):
        assert {each.device for each in saved.load(tmp_path / "w.safetensors", LAYOUT, device)[1].values()} == {device}
