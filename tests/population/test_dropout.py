"""Dropout: masks by counter, the same everywhere, on the way to the output layer alone."""

import numpy as np
import pytest
import torch
from training_data import CPU, engine, music, net, protocol, train, trial

from stages.population import noise
from stages.population.engines.torch import Torch
from stages.population.population import Population
from stages.recurrent.layout import Layout


def masks(seed=5, update=3, frames=20_000, share=0.3, units=7):
    return noise.kept(torch.tensor([seed]), update, torch.arange(frames)[None], torch.tensor([share]), units)[0]


def test_a_mask_keeps_the_mean_and_drops_its_share():
    drawn = masks()
    assert drawn.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert drawn.mean().item() == pytest.approx(1, abs=0.01)
    assert ((drawn == 0).float().mean(0) - 0.3).abs().max() < 0.015, "of each unit"
    correlations = np.corrcoef(drawn.numpy(), rowvar=False) - np.eye(7)
    assert np.abs(correlations).max() < 0.03
    assert (masks(share=0.0) == 1).all()


def test_masks_differ_by_seed_update_and_frame_and_are_not_the_noise():
    drawn = masks() == 0
    for other in (masks(seed=6), masks(update=4), torch.roll(masks(), 1, 0)):
        assert ((other == 0) == drawn).float().mean().item() == pytest.approx(0.3**2 + 0.7**2, abs=0.01)
    normal = noise.normals(torch.tensor([5]), 3, 8).numpy()
    words = noise._philox(torch.tensor([[5]]), *(torch.tensor(word) for word in ([0, 1], 3, 0, 1)))
    assert not np.isclose(noise._pair(*words[:2])[0][0, 0], normal[0, 0]), "another counter than the noise's"


@pytest.mark.parametrize("units", [1, 4, 6, 46])
@pytest.mark.parametrize(("seed", "update", "share"), [(0, 0, 0.5), (2**62 + 12345, 2**33 + 3, 0.1)])
def test_both_engines_draw_the_same_masks(units, seed, update, share):
    from stages.population.kernels.noise import drop

    width = -(-units // 8) * 8
    frames = np.array([0, 7, 5, 123_456_789])
    h = np.random.default_rng(0).normal(size=(4, width)).astype(np.float32)
    own, seen = np.empty((2, 6, width), np.float32)
    result = drop(seed, update, frames, np.float32(share), units, h, own, seen)
    expected = noise.kept(torch.tensor([seed]), update, torch.tensor(frames)[None], torch.tensor([share]), units)[0]
    np.testing.assert_array_equal(own[:4, :units], expected)
    np.testing.assert_array_equal(result[:, :units], h[:, :units] * expected.numpy())


def test_a_rows_masks_are_the_same_alone_and_in_company():
    frames = torch.arange(24).view(2, 12)
    seeds, shares = torch.tensor([5, 6]), torch.tensor([0.3, 0.5])
    both = noise.kept(seeds, 3, frames, shares, 7)
    for row in range(2):
        alone = noise.kept(seeds[row : row + 1], 3, frames[row : row + 1], shares[row : row + 1], 7)
        assert torch.equal(alone[0], both[row])


def test_it_falls_on_the_way_to_the_output_layer_alone():
    """The loss is that of the clean states, masked; of a batch in whatever order, as masks go by frame."""
    of, rules = net(), protocol()
    plain, layout = Torch(of, rules, CPU), Layout.of(of)
    population = Population.initial(layout, rules, [trial(weight_noise=0.0, dropout=0.4)], CPU)
    split, weights = music(0).on(plain), layout.views(population.weights)
    batch = split.gather(np.array([[4, 2]]))
    _, loss = plain.gradient(population, batch, 9)
    h = plain.network.recurrence(
        {name.partition(".")[2]: w for name, w in weights.items() if name.startswith("recurrent")}, batch.inputs
    )
    kept = noise.kept(torch.tensor([1]), 9, batch.frames, torch.tensor([0.4]), of.units)
    logits = (h * kept) @ weights["output.V"][:, None] + weights["output.c"]
    nll = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch.targets, reduction="none").sum(-1)
    assert loss.item() == pytest.approx(((nll * batch.mask).sum() / 2).item(), rel=1e-5)
    _, turned = plain.gradient(population, split.gather(np.array([[2, 4]])), 9)
    assert turned.item() == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize("name", ["torch", "compiled"])
def test_rows_without_dropout_are_as_they_would_be_among_their_like(name):
    of, rules = net(), protocol()
    computing, batches, ends = engine(name, of, rules), [np.array([[0, 1, 2]]), np.array([[3, 4]])], []
    for shares in ([0.0, 0.0], [0.0, 0.5]):
        grid = [trial(candidate=number, dropout=share) for number, share in enumerate(shares)]
        population = Population.initial(Layout.of(of), rules, grid, CPU)
        computing.train(population, music(0).on(computing), batches, 0)
        ends.append(population.weights)
    assert torch.equal(ends[0][0], ends[1][0]) and not torch.equal(ends[0][1], ends[1][1])


@pytest.mark.parametrize("name", ["torch", "compiled"])
def test_nets_are_scored_without_it(name):
    """At rate next to 0 the score is that of the initial weights."""
    (with_it,), (without,) = (
        train(grid=[trial(rate=1e-30, dropout=share)], name=name, max_epochs=1) for share in (0.9, 0.0)
    )
    assert with_it.best == without.best
