"""How far back nets reach: gradients against known and numerical ones, gates against the cells, the stage's files."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from training_data import CPU, net, protocol

from stages import cells, probe
from stages.corpora.split import Split
from stages.plumbing.errors import InputError
from stages.population import trials
from stages.population.trainer import Training
from stages.reach import gates, gradients, nets, summaries, windows
from stages.reach.settings import SETTINGS as PLACE
from stages.reach.settings import Settings
from stages.recurrent import saved
from stages.recurrent.layout import Layout

L, B, H, NOTES = 6, 3, 4, 5
SETTINGS = {"cases": 10, "seed": 1, "max_lag": 8, "reference_lag": 4, "vanish_ratio": 0.01, "explode_ratio": 10.0}
SETTINGS |= {"gate_closed": 0.1, "gate_open": 0.9}


def settings(**changes) -> Settings:
    return Settings(**SETTINGS | changes)


def random_weights(cell: str, scale: float = 0.5) -> tuple[dict, dict]:
    """The cell's and the output layer's parameters in float64."""
    generator = torch.Generator().manual_seed(2)
    of = net(cell, H, NOTES)
    return tuple(
        {name: scale * torch.randn(p.shape, generator=generator, dtype=torch.float64) for name, p in layer.items()}
        for layer in (of.recurrent, of.readout)
    )


def random_window(cell: str) -> tuple[tuple, torch.Tensor, torch.Tensor]:
    """A state before the window, inputs and targets."""
    generator = torch.Generator().manual_seed(3)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    start = tuple(draw(B, H) for _ in range(cells.load(cell).STATES))
    return start, draw(L + 1, B, NOTES), (draw(B, NOTES) > 0).double()


def test_a_linear_tanh_net_forgets_by_its_factor():
    """At h = 0 the tanh unit is linear, and a recurrent matrix of half a rotation halves a gradient at every step."""
    recurrent, readout = random_weights("tanh")
    recurrent["U"] = 0.5 * torch.linalg.qr(recurrent["U"]).Q
    recurrent["b"] = torch.zeros(H, dtype=torch.float64)
    start = (torch.zeros(B, H, dtype=torch.float64),)
    inputs, targets = torch.zeros(L + 1, B, NOTES, dtype=torch.float64), random_window("tanh")[2]
    found = gradients.norms(net("tanh", H, NOTES), recurrent, readout, start, inputs, targets)
    expected = 0.5 ** torch.arange(L + 1, dtype=torch.float64)[:, None].expand(-1, B)
    torch.testing.assert_close(found["state"] / found["state"][0], expected)
    assert set(found) == {"state", "input"}
    row = summaries.memory_row(summaries.log10_ratios(found), 2, settings())
    assert row["log10_ratio"] == pytest.approx(4 * math.log10(0.5))
    assert (row["share_vanishing"], row["share_exploding"], row["longest_lag"]) == (0, 0, L)
    strict = summaries.memory_row(summaries.log10_ratios(found), 2, settings(vanish_ratio=0.1))
    assert strict["share_vanishing"] == 1


def test_a_gru_that_never_updates_keeps_its_whole_gradient():
    recurrent, readout = random_weights("gru", 0.1)
    recurrent["b"][:H] = -60.0
    found = gradients.norms(net("gru", H, NOTES), recurrent, readout, *random_window("gru"))
    torch.testing.assert_close(found["state"], found["state"][:1].expand(L + 1, -1))
    logits = gates.logits(cells.load("gru"), recurrent, *random_window("gru")[:2])
    assert (gates.unit_half_lives(cells.load("gru"), logits) > 1e20).all()


@pytest.mark.parametrize("cell", ["tanh", "gru", "lstm"])
def test_gradients_are_those_of_finite_differences(cell):
    """h and c of the LSTM are varied each on its own, at every lag."""
    of, (recurrent, readout) = net(cell, H, NOTES), random_weights(cell)
    start, inputs, targets = random_window(cell)
    found = gradients.norms(of, recurrent, readout, start, inputs, targets)

    def losses(lag: int, part: int, unit: int, nudge: float) -> torch.Tensor:
        state = start
        for t, x in enumerate(inputs):
            state = of.cell.step(recurrent, x, state)
            if t == L - lag:
                state[part][:, unit] += nudge
        return of.output.negative_log_likelihood(readout, state[0], targets, of.settings)

    for lag in range(L + 1):
        slopes = np.array(
            [
                [((losses(lag, part, unit, 1e-5) - losses(lag, part, unit, -1e-5)) / 2e-5).numpy() for unit in range(H)]
                for part in range(of.cell.STATES)
            ]
        )  # [parts, H, B]
        np.testing.assert_allclose(found["state"][lag], np.sqrt((slopes**2).sum((0, 1))), rtol=1e-5)
        if of.cell.STATES == 2:
            np.testing.assert_allclose(found["hidden"][lag], np.sqrt((slopes[0] ** 2).sum(0)), rtol=1e-5)
            np.testing.assert_allclose(found["memory"][lag], np.sqrt((slopes[1] ** 2).sum(0)), rtol=1e-5, atol=1e-9)


def test_a_cell_of_three_vectors_has_h_and_the_rest():
    """A delay line: h_T reads what h was three steps before, and in between it lies in the other two vectors."""

    def step(weights, x, state):
        h, first, second = state
        return torch.tanh(x @ weights["W"] + second), h, first

    delay = SimpleNamespace(STATES=3, step=step)
    _, inputs, targets = random_window("tanh")
    recurrent, readout = random_weights("tanh")
    start = tuple(torch.zeros(B, H, dtype=torch.float64) for _ in range(3))
    of = replace(net("tanh", H, NOTES), cell=delay)
    found = gradients.norms(of, recurrent, readout, start, inputs, targets)
    assert [bool((norm > 0).all()) for norm in found["hidden"]] == [lag % 3 == 0 for lag in range(L + 1)]
    assert [bool((norm > 0).all()) for norm in found["memory"]] == [lag % 3 != 0 for lag in range(L + 1)]
    torch.testing.assert_close(found["state"], torch.hypot(found["hidden"], found["memory"]))


def test_an_inputs_gradient_passes_through_its_own_step():
    (recurrent, readout), (start, inputs, targets) = random_weights("tanh"), random_window("tanh")
    found = gradients.norms(net("tanh", H, NOTES), recurrent, readout, start, inputs, targets)
    x = inputs[-1].clone().requires_grad_()
    state = start
    for step in [*inputs[:-1], x]:
        state = cells.load("tanh").step(recurrent, step, state)
    of = net("tanh", H, NOTES)
    loss = of.output.negative_log_likelihood(readout, state[0], targets, of.settings).sum()
    torch.testing.assert_close(found["input"][0], torch.autograd.grad(loss, x)[0].norm(dim=1))


def first_logits(cell: str, recurrent: dict, inputs: torch.Tensor, state: tuple) -> dict:
    return {gate: found[0] for gate, found in gates.logits(cells.load(cell), recurrent, state, inputs[:1]).items()}


def test_gates_give_the_gru_its_next_state():
    recurrent, _ = random_weights("gru")
    (h,), inputs, _ = random_window("gru")
    gate = {name: torch.sigmoid(logit) for name, logit in first_logits("gru", recurrent, inputs, (h,)).items()}
    z, r = gate["update"], gate["reset"]
    candidate = torch.tanh(
        inputs[0] @ recurrent["W"][:, 2 * H :] + (r * h) @ recurrent["U"][:, 2 * H :] + recurrent["b"][2 * H :]
    )
    (expected,) = cells.load("gru").step(recurrent, inputs[0], (h,))
    torch.testing.assert_close((1 - z) * h + z * candidate, expected)


def test_gates_give_the_lstm_its_next_state():
    recurrent, _ = random_weights("lstm")
    (h, c), inputs, _ = random_window("lstm")
    gate = {name: torch.sigmoid(logit) for name, logit in first_logits("lstm", recurrent, inputs, (h, c)).items()}
    cut = slice(2 * H, 3 * H)
    candidate = torch.tanh(inputs[0] @ recurrent["W"][:, cut] + h @ recurrent["U"][:, cut] + recurrent["b"][cut])
    memory_next = gate["forget"] * c + gate["input"] * candidate
    expected = cells.load("lstm").step(recurrent, inputs[0], (h, c))
    torch.testing.assert_close((gate["output"] * torch.tanh(memory_next), memory_next), expected)


def test_gates_of_a_window_follow_its_states():
    recurrent, _ = random_weights("lstm")
    start, inputs, _ = random_window("lstm")
    found = gates.logits(cells.load("lstm"), recurrent, start, inputs)
    state = start
    for x in inputs[:3]:
        state = cells.load("lstm").step(recurrent, x, state)
    torch.testing.assert_close(found["forget"][3], first_logits("lstm", recurrent, inputs[3:], state)["forget"])
    keep = torch.sigmoid(found["forget"])
    share = keep.log().mean((0, 1)).exp()
    torch.testing.assert_close(share ** gates.unit_half_lives(cells.load("lstm"), found), torch.full_like(share, 0.5))
    assert gates.logits(cells.load("tanh"), random_weights("tanh")[0], start[:1], inputs) == {}


def test_half_lives_lie_between_two_lags_or_at_the_last():
    half = math.log10(0.5)
    never, linear, rising_first = np.zeros(5), np.arange(5) * half / 1.5, np.array([0, 1, 2 * half, half, 1])
    curves = np.stack([never, linear, rising_first], axis=1)
    np.testing.assert_allclose(summaries.half_life(curves), [4, 1.5, 1 + (1 - half) / (1 - 2 * half)])
    assert summaries.half_life(np.zeros((1, 3))).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("lengths", "lag"), [([48] * 30, 8), ([3, 5, 6, 40], 4), ([1, 1], 0), ([9, 9, 9], 8)])
def test_cases_fit_their_pieces_and_their_number(lengths, lag):
    lengths = np.array(lengths)
    cases = windows.choose(lengths, settings())
    assert cases.longest_lag == lag
    assert 0 < len(cases.ends) <= 10 and len(set(zip(cases.pieces, cases.ends, strict=True))) == len(cases.ends)
    assert (cases.ends <= lengths[cases.pieces]).all() and (cases.histories >= 0).all()
    assert (np.diff(cases.histories) <= 0).all()
    again = windows.choose(lengths, settings())
    assert (again.pieces == cases.pieces).all() and (again.ends == cases.ends).all()


def test_windows_start_from_the_state_that_the_piece_left():
    recurrent, _ = random_weights("lstm")
    split = songs([12, 30, 9])
    data = windows.Windows.of(split, windows.choose(split.lengths, settings()), CPU)
    found = data.states(cells.load("lstm"), H, recurrent)
    for case, (piece, end) in enumerate(zip(data.cases.pieces, data.cases.ends, strict=True)):
        first = split.offsets[piece]
        state = tuple(torch.zeros(1, H, dtype=torch.float64) for _ in range(2))
        for t in range(end - data.cases.longest_lag - 1):
            state = cells.load("lstm").step(recurrent, torch.from_numpy(split.inputs[first + t][None]).double(), state)
        for part, expected in zip(found, state, strict=True):
            torch.testing.assert_close(part[case], expected[0])
        assert (data.inputs[-1, case].numpy() == split.inputs[first + end - 1]).all()
        assert (data.targets[case].numpy() == split.targets[first + end - 1]).all()


def songs(lengths: list[int]) -> Split:
    rng = np.random.default_rng(0)
    frames = (rng.random((sum(lengths) + 1, NOTES)) < 0.3).astype(np.uint8)
    names = np.array([f"song {number}" for number in range(len(lengths))])
    return Split(frames[:-1], frames[1:], np.array(lengths, np.int64), names, "bernoulli")


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A training's files: two repeats, of which the second diverged. Returns a function that writes a cell's."""
    monkeypatch.chdir(tmp_path)
    PLACE.parent.mkdir(parents=True)
    PLACE.write_text(json.dumps({"memory": SETTINGS}))  # JSON is YAML
    monkeypatch.setenv("STUDY_DEVICE", "cpu")
    songs([12, 30, 9]).save(tmp_path / "data/prepared/songs/valid.npz")

    def write(cell: str) -> trials.Trial:
        of, folder = net(cell, H, NOTES), tmp_path / "models/paper/songs" / cell
        folder.mkdir(parents=True)
        facts = {"cell": cell, "output": "bernoulli", "output_settings": {}, "input_size": NOTES, "units": H}
        facts |= {"target_size": NOTES, "protocol": {"initial_range": 0.1}}
        (folder / "run.json").write_text(json.dumps(facts))
        places = [(0, 0), (0, 1), (1, 0), (1, 1)]
        grid = [trials.Trial(*place, seed, 0, 0.1, 0.0, 0.0) for seed, place in enumerate(places, 7)]
        rows = [[t.repeat, t.candidate, t.seed, t.rate, (t.repeat, t.candidate) == (0, 1)] for t in grid]
        columns = ["repeat", "candidate", "seed", "learning_rate", "chosen"]
        pd.DataFrame(rows, columns=columns).to_csv(folder / "trials.csv", index=False)
        layout = Layout.of(of)
        saved.save(folder / "weights.safetensors", layout, [(0, 1)], [2 * layout.initial([grid[1].seed], 0.1)[0]])
        return grid[1]

    return write


@pytest.mark.parametrize("cell", ["tanh", "gru", "lstm"])
def test_the_stage_leaves_rows_for_trained_and_untrained_nets(study, tmp_path, monkeypatch, cell):
    study(cell)
    monkeypatch.setattr("sys.argv", ["probe", "--dataset", "songs"])
    probe.main()
    folder = tmp_path / "measured/paper/songs/reach"
    found = {name: pd.read_csv(folder / f"{name}.csv") for name in ("gradients", "memory", "gates")}
    measured = [(0, 1, "trained"), (0, 1, "untrained"), (1, 0, "untrained")]  # the second repeat has no trained net
    assert list(found["memory"][["repeat", "candidate", "net"]].itertuples(index=False, name=None)) == measured
    assert all((table["cell"] == cell).all() for table in found.values())
    assert (found["memory"]["longest_lag"] == 8).all() and found["memory"].notna().all(axis=None)
    variables = {"state", "input"} | ({"hidden", "memory"} if cell == "lstm" else set())
    assert set(found["gradients"]["variable"]) == variables
    assert len(found["gradients"]) == 3 * 9 * len(variables)
    known = {"tanh": set(), "gru": {"update", "reset"}, "lstm": {"input", "forget", "output"}}[cell]
    assert set(found["gates"]["gate"]) == known and len(found["gates"]) == 3 * len(known)
    assert found["gates"]["opening"].between(0, 1).all()


def test_the_untrained_twin_is_the_trials_initial_net(study, tmp_path):
    trial = study("gru")
    of = net("gru", H, NOTES)
    trained, untrained, _ = nets.nets(tmp_path / "models/paper/songs/gru", of, tmp_path / "none.npz", CPU)
    initial = Layout.of(of).views(Layout.of(of).initial([trial.seed], 0.1))
    for name, weights in untrained.recurrent.items():
        assert torch.equal(weights, initial[f"recurrent.{name}"][0].double())
        assert torch.equal(trained.recurrent[name], 2 * weights)


def test_the_untrained_twin_begins_where_the_training_did(study, tmp_path):
    trial, of, folder = study("gru"), net("gru", H, NOTES), tmp_path / "models/paper/songs/gru"
    facts = json.loads((folder / "run.json").read_text())
    facts["protocol"]["output_bias"] = "frequent"
    (folder / "run.json").write_text(json.dumps(facts))
    split = songs([7, 5])
    split.save(tmp_path / "train.npz")
    _, untrained, _ = nets.nets(folder, of, tmp_path / "train.npz", CPU)
    begun = Training.begin(
        Layout.of(of), protocol(initial_range=0.1), [trial], CPU, of.begin("frequent", split.targets)
    ).population.weights
    assert torch.equal(untrained.readout["c"], Layout.of(of).views(begun)["output.c"][0].double())
    assert untrained.readout["c"].abs().min() > 0


def test_a_chosen_net_that_is_not_there_is_named(study, tmp_path):
    study("gru")
    path = tmp_path / "models/paper/songs/gru/trials.csv"
    path.write_text(path.read_text().replace("False", "True"))
    with pytest.raises(InputError, match=r"weights.safetensors: expected the chosen trial \(0, 0\)"):
        probe.measure("paper", "songs", "gru")
    path.unlink()
    with pytest.raises(InputError, match=r"trials.csv: expected a table of trials .* run `dvc repro`"):
        probe.measure("paper", "songs", "gru")


def test_data_of_another_width_are_refused(study):
    study("gru")
    wide = np.zeros((9, NOTES + 1), np.uint8)
    Split(wide, wide, np.array([9]), np.array(["song"]), "bernoulli").save("data/prepared/songs/valid.npz")
    with pytest.raises(InputError, match="valid.npz: expected 5 inputs and 5 targets a step, .* found 6 and 6"):
        probe.measure("paper", "songs", "gru")


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="reference_lag: expected at most max_lag, 3"):
        settings(max_lag=3)
    with pytest.raises(ValueError, match="gate_closed: expected less than gate_open, 0.05"):
        settings(gate_open=0.05)
