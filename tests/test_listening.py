"""The samples: nets run freely as their own equations say, repeatably, and files hold what was drawn."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ruamel.yaml import YAML
from training_data import net

from stages import sample
from stages.corpora.midi import read_roll
from stages.corpora.piano_rolls import PITCHES
from stages.corpora.split import Split
from stages.listening import sound
from stages.listening.excerpts import Windows, of_music, of_speech
from stages.listening.generation import Mixture, continue_music, continue_speech
from stages.listening.nets import best_net
from stages.listening.notes import Note, notes_of, write_midi
from stages.listening.settings import SETTINGS, Music, Sampling, Spectrum, Speech
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import section
from stages.plumbing.places import run_folder
from stages.population.trials import Trial
from stages.recurrent import saved, unroll
from stages.recurrent.layout import Layout
from stages.recurrent.net import Net

ROOT = Path(__file__).parent.parent
WINDOWS = Windows(sample_rate=100, window=6, horizon=4, hop=3, mean=0.1, deviation=0.2)
SPECTRUM = Spectrum(window_seconds=0.025, hop_seconds=0.01)
SCALE = (-5.5, 4.5)


def weights_of(a_net: Net, seed: int = 1) -> dict[str, torch.Tensor]:
    """Random weights, large enough that a net's state matters, of one trial."""
    row = torch.from_numpy(np.random.default_rng(seed).normal(0, 0.6, (1, Layout.of(a_net).size)).astype(np.float32))
    return {name: view[0] for name, view in Layout.of(a_net).views(row).items()}


def speech_net(cell: str = "gru") -> Net:
    return Net.build(cell, "gaussian_mixture", 6, 5, 4, {"components": 3, "variance_floor": 1e-6})


def outputs_of(a_net: Net, weights: dict[str, torch.Tensor], inputs: np.ndarray) -> np.ndarray:
    """The output layer's numbers [T, O] for inputs [T, D], by the unrolled cell that trainings are tested against."""
    cell = {name: weights[f"recurrent.{name}"][None] for name in a_net.recurrent}
    x = torch.from_numpy(inputs.astype(np.float32))[None, :, None]
    h = unroll.hidden_states(a_net.cell, a_net.units, cell, x)[0, :, 0]
    return (h @ weights["output.V"] + weights["output.c"]).double().numpy()


def music_split(lengths: list[int], notes: int = 8) -> Split:
    """Pieces of `lengths` frames; frame t of a piece is t in binary, so that every frame is known."""
    rolls = [(np.arange(length)[:, None] >> np.arange(notes) & 1).astype(np.uint8) for length in lengths]
    return Split(
        np.concatenate([roll[:-1] for roll in rolls]),
        np.concatenate([roll[1:] for roll in rolls]),
        np.array(lengths) - 1,
        np.array([f"piece {n}" for n in range(len(lengths))]),
        "bernoulli",
    )


def speech_split(signals: list[np.ndarray], windows: Windows = WINDOWS) -> Split:
    width = windows.window + windows.horizon
    rows = [np.lib.stride_tricks.sliding_window_view(signal, width)[:: windows.hop] for signal in signals]
    flat = np.concatenate(rows).astype(np.float32)
    names = np.array([f"voice {n}" for n in range(len(signals))])
    lengths = np.array([len(steps) for steps in rows])
    return Split(flat[:, : windows.window], flat[:, windows.window :], lengths, names, "gaussian_mixture")


# Where a sample starts from


@pytest.mark.parametrize(
    ("lengths", "name", "given_frames", "there"),
    [([5, 12, 9, 30], "piece 1", 4, 10), ([5, 7, 7], "piece 1", 3, 7), ([2, 2], "piece 0", 1, 2)],
)
def test_the_first_long_piece_or_the_longest_and_at_most_half_is_given(lengths, name, given_frames, there):
    music = Music(seed_frames=4, frames=6, seconds_per_frame=0.25)
    excerpt = of_music(music_split(lengths), music, 0.25)
    assert (excerpt.name, excerpt.given, excerpt.length) == (name, given_frames, given_frames + 6)
    assert (excerpt.values @ (1 << np.arange(8))).tolist() == list(range(there))


@pytest.mark.parametrize(
    ("samples", "given_samples", "there"),
    [(43, 9, 40), (16, 6, 16)],  # with seed_seconds 0.11: 6 + 3 of 11; of a short one at most half: 6 of 8
)
def test_a_recording_is_put_together_from_its_windows(samples, given_samples, there):
    signal = np.arange(samples, dtype=np.float32)
    excerpt = of_speech(speech_split([signal]), Speech(seed_seconds=0.11, seconds=0.4, spectrum=SPECTRUM), WINDOWS)
    assert (excerpt.given, excerpt.length, excerpt.step_seconds) == (given_samples, 40, 0.01)
    assert excerpt.values.tolist() == signal[:there].tolist()


def test_the_studys_own_parameters_are_accepted():
    sampling = section("sample", Sampling, ROOT / SETTINGS)
    assert sampling.music.pace("no such dataset") == sampling.music.seconds_per_frame
    assert all(sampling.music.pace(name) == pace for name, pace in sampling.music.exceptions.items())


# What nets make of it


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_cold_music_is_the_notes_that_are_more_likely_than_not(cell):
    a_net, seed = net(cell), music_split([6]).inputs
    weights = weights_of(a_net)
    drawn = continue_music(a_net, weights, seed, 12, 1e-9, np.random.default_rng(0))
    logits = outputs_of(a_net, weights, np.concatenate([seed, drawn]))
    assert drawn.dtype == np.uint8 and 0 < drawn.mean() < 1
    np.testing.assert_array_equal(drawn, logits[len(seed) - 1 : -1] > 0)


def test_notes_are_drawn_with_their_probabilities():
    a_net = net("gru")
    weights = {name: torch.zeros_like(tensor) for name, tensor in weights_of(a_net).items()}
    weights["output.c"] = torch.linspace(-2, 2, a_net.targets)
    seed = music_split([4]).inputs
    for temperature in (1.0, 2.0):
        drawn = continue_music(a_net, weights, seed, 4000, temperature, np.random.default_rng(0))
        expected = torch.sigmoid(weights["output.c"] / temperature)
        np.testing.assert_allclose(drawn.mean(0), expected, atol=0.03)  # four standard errors


def test_the_mixture_is_the_one_that_was_trained():
    a_net, generator = speech_net(), np.random.default_rng(3)
    h, y = generator.normal(size=(1, a_net.units)), generator.normal(size=(1, a_net.targets))
    readout = {name.removeprefix("output."): w.double() for name, w in weights_of(a_net).items() if "output" in name}
    trained = a_net.output.negative_log_likelihood(readout, torch.from_numpy(h), torch.from_numpy(y), a_net.settings)
    mixture = Mixture.of((torch.from_numpy(h) @ readout["V"] + readout["c"])[0].numpy(), a_net)
    z = (y - mixture.means) / mixture.deviations
    densities = np.exp(-(z**2) / 2) / mixture.deviations / np.sqrt(2 * np.pi)
    assert -np.log(mixture.weights @ densities.prod(1)) == pytest.approx(trained.item(), rel=1e-9)


def test_draws_of_a_mixture_have_its_mean_and_variance():
    generator = np.random.default_rng(0)
    mixture = Mixture(np.array([0.25, 0.75]), np.array([[0.0], [4.0]]), np.array([[1.0], [0.5]]))
    draws = np.array([mixture.draw(generator) for _ in range(8000)])
    assert draws.mean() == pytest.approx(3.0, abs=0.09)
    assert draws.var() == pytest.approx(0.25 * 1 + 0.75 * 0.25 + 3.0, rel=0.05)


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_cold_speech_is_the_likeliest_mean_of_windows_a_hop_apart(cell):
    a_net, seed = speech_net(cell), np.sin(np.arange(12))
    weights = weights_of(a_net)
    drawn = continue_speech(a_net, weights, seed, 20, WINDOWS, SCALE, 1e-12, np.random.default_rng(0))
    assert len(drawn) == 20
    signal = np.concatenate([seed, drawn])
    steps = np.lib.stride_tricks.sliding_window_view(signal, WINDOWS.window)[:: WINDOWS.hop]
    mixtures = [Mixture.of(outputs, a_net) for outputs in outputs_of(a_net, weights, steps)]
    means = [mixture.means[mixture.weights.argmax()][: WINDOWS.hop] for mixture in mixtures]
    expected = np.clip(np.concatenate(means[2:]), *SCALE)  # the third window ends with the seed
    np.testing.assert_allclose(drawn, expected[:20], atol=1e-4)


def test_a_loud_net_is_held_within_full_scale():
    a_net = speech_net()
    weights = weights_of(a_net)
    weights["output.c"] = torch.full_like(weights["output.c"], 800.0)  # exp overflows: infinite deviations
    with np.errstate(over="ignore"):
        drawn = continue_speech(a_net, weights, np.zeros(12), 30, WINDOWS, SCALE, 1.0, np.random.default_rng(0))
    assert set(drawn) == set(SCALE)


# Files


def test_notes_start_end_and_are_held():
    roll = np.zeros((5, 3), np.uint8)
    roll[0:2, 2] = roll[1:5, 0] = roll[3, 2] = 1
    assert notes_of(roll) == [Note(0, 2, 3), Note(1, 5, 1), Note(3, 4, 3)]


@given(arrays(np.uint8, (9, PITCHES), elements=st.integers(0, 1), fill=st.just(0)))
def test_a_midi_file_read_back_gives_the_notes(tmp_path_factory, roll):
    roll[-1, 59] = 1  # readers end a roll with its last note
    path = tmp_path_factory.mktemp("midi") / "sample.mid"
    write_midi(path, notes_of(roll), 4, 0.6, "dataset, cell")
    np.testing.assert_array_equal(read_roll(path, frames_per_beat=1).frames, roll)


def test_sound_has_its_rate_its_length_and_no_overflow(tmp_path):
    samples = sound.sixteen_bit(np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0]))
    assert samples.tolist() == [-32768, -32768, 0, 16384, 32767, 32767]
    sound.write_wav(tmp_path / "sample.wav", samples, 8000)
    info = soundfile.info(tmp_path / "sample.wav")
    assert (info.samplerate, info.frames, info.channels, info.subtype) == (8000, 6, 1, "PCM_16")
    assert soundfile.read(tmp_path / "sample.wav", dtype="int16")[0].tolist() == samples.tolist()


def test_a_full_scale_sine_is_at_its_frequency_at_zero_decibels():
    samples = sound.sixteen_bit(np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000))
    table = sound.spectrogram(samples, 8000, SPECTRUM)
    assert [float(time) for time in table.columns] == pytest.approx(np.arange(100) / 100)
    middle = table["0.5"]
    assert middle.idxmax() == "1000" and middle.max() == 0 and middle["2000"] < -80


def test_a_recording_shorter_than_a_window_has_a_spectrogram():
    assert sound.spectrogram(np.ones(50, np.int16), 8000, SPECTRUM).shape == (101, 1)


# The stages


def params(seed: int = 7) -> dict:
    spectrum = SPECTRUM.model_dump()
    return {
        "seed": seed,
        "temperature": 1.0,
        "music": {"seed_frames": 4, "frames": 6, "seconds_per_frame": 0.25, "exceptions": {"songs": 0.5}},
        "speech": {"seed_seconds": 0.12, "seconds": 0.5, "spectrum": spectrum},
    }


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with a set of songs and one of voices, and a GRU of two repeats for each; the second is the better."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / SETTINGS).parent.mkdir(parents=True)
    YAML().dump({"sample": params()}, tmp_path / SETTINGS)
    YAML().dump({"cells": ["gru"]}, tmp_path / "params.yaml")
    music_split([5, 40]).save("data/prepared/songs/test.npz")
    signal = np.sin(np.arange(60) / 3)
    speech_split([signal]).save("data/prepared/voices/test.npz")
    write_counts(WINDOWS)
    for dataset, a_net in {"songs": net("gru"), "voices": speech_net()}.items():
        save_training(dataset, a_net)
    return tmp_path


def write_counts(windows: Windows) -> None:
    Path("data/prepared/voices/counts.json").write_text(json.dumps(vars(windows)))


def save_training(dataset: str, a_net: Net, valid_nll: tuple[float, ...] = (9.0, 8.0)) -> None:
    folder = run_folder("paper", dataset, "gru")
    folder.mkdir(parents=True, exist_ok=True)
    trials = [Trial(repeat, 2, repeat, repeat, 0.1, 0.0, 0.0) for repeat in range(len(valid_nll))]
    rows = list(Layout.of(a_net).initial([trial.seed for trial in trials], 0.5)) if trials else []
    saved.save(folder / "weights.safetensors", Layout.of(a_net), [(t.repeat, t.candidate) for t in trials], rows)
    table = [[t.repeat, t.candidate, nll, True] for t, nll in zip(trials, valid_nll, strict=True)]
    table += [[repeat, 0, 1.0, False] for repeat in range(max(2, len(valid_nll)))]  # better, and not chosen
    columns = ["repeat", "candidate", "valid_nll", "chosen"]
    pd.DataFrame(table, columns=columns).to_csv(folder / "trials.csv", index=False)
    facts = {"cell": "gru", "units": a_net.units, "input_size": a_net.inputs, "target_size": a_net.targets}
    settings = vars(a_net.settings) if a_net.targets == 4 else {}
    output = "gaussian_mixture" if settings else "bernoulli"
    (folder / "run.json").write_text(json.dumps({**facts, "output": output, "output_settings": settings}))


def run(monkeypatch, dataset: str) -> tuple[Path, Path]:
    """Runs the stage; the folders it wrote of the cell and of the real piece."""
    monkeypatch.setattr("sys.argv", ["sample", "--dataset", dataset])
    sample.main()
    return Path("reports/samples", dataset, "gru"), Path("reports/samples", dataset, "real")


def facts_in(folder: Path) -> dict:
    return json.loads((folder / "sample.json").read_text())


def test_the_chosen_net_with_the_best_validation_is_heard(study):
    found = best_net(run_folder("paper", "songs", "gru"))
    assert (found.repeat, found.candidate, found.of_repeats, found.valid_nll) == (1, 2, 2, 8.0)
    second = Layout.of(net("gru")).initial([1], 0.5)
    assert all(torch.equal(found.weights[name], view[0]) for name, view in Layout.of(found.net).views(second).items())


def test_weights_of_other_trials_are_named(study):
    a_net = net("gru")
    rows = list(Layout.of(a_net).initial([1], 0.5))
    saved.save(run_folder("paper", "songs", "gru") / "weights.safetensors", Layout.of(a_net), [(0, 0)], rows)
    with pytest.raises(InputError, match=r"weights.safetensors: expected repeat 1, candidate 2, .* found \[\(0, 0\)\]"):
        best_net(run_folder("paper", "songs", "gru"))


def test_music_is_written_as_midi_and_notes_and_the_real_piece_as_notes_only(study, monkeypatch):
    folder, real = run(monkeypatch, "songs")
    notes = pd.read_csv(folder / "notes.csv")
    roll = read_roll(folder / "sample.mid", frames_per_beat=1).frames
    assert [tuple(row) for row in notes[["start", "end", "pitch"]].to_numpy()] == notes_of(roll)
    given_roll = music_split([40]).inputs[:4]
    np.testing.assert_array_equal(roll[:4, :8], given_roll)
    assert set(notes.loc[notes["start"] < 4, "part"]) == {"seed"} and set(notes["part"]) == {"seed", "continuation"}
    facts = facts_in(folder)
    assert (facts["piece"], facts["given"], facts["length"], facts["step_seconds"]) == ("piece 1", 4, 10, 0.5)
    assert (facts["repeat"], facts["of_repeats"], facts["seed"], facts["reason"]) == (1, 2, 7, "")

    assert sorted(path.name for path in real.iterdir()) == ["notes.csv", "sample.json"]
    expected = notes_of(music_split([40]).inputs[:10])
    assert [Note(*row) for row in pd.read_csv(real / "notes.csv")[["start", "end", "pitch"]].to_numpy()] == expected


def test_speech_is_written_as_sound_and_the_real_recording_as_a_spectrogram_only(study, monkeypatch):
    folder, real = run(monkeypatch, "voices")
    heard, rate = soundfile.read(folder / "sample.wav", dtype="float64")
    assert (rate, len(heard)) == (100, 50)
    np.testing.assert_allclose(heard[:12], np.sin(np.arange(12) / 3) * 0.2 + 0.1, atol=2**-15)
    assert sorted(path.name for path in real.iterdir()) == ["sample.json", "spectrogram.csv"]
    assert pd.read_csv(real / "spectrogram.csv").shape == pd.read_csv(folder / "spectrogram.csv").shape


@pytest.mark.parametrize("dataset", ["songs", "voices"])
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(study, monkeypatch, dataset):
    def files():
        folder, _ = run(monkeypatch, dataset)
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "sample.json"}

    first = files()
    assert len(first) == 2 and files() == first
    YAML().dump({"sample": params(seed=8)}, study / SETTINGS)
    assert all(content != first[name] for name, content in files().items())


def test_a_cell_that_diverged_leaves_the_reason_alone(study, monkeypatch):
    save_training("songs", net("gru"), valid_nll=())
    folder, _ = run(monkeypatch, "songs")
    assert [path.name for path in folder.iterdir()] == ["sample.json"]
    assert facts_in(folder)["reason"] == "every repeat diverged"


def test_steps_too_far_apart_leave_the_reason_alone(study, monkeypatch):
    apart = replace(WINDOWS, hop=5)
    speech_split([np.sin(np.arange(60) / 3)], apart).save("data/prepared/voices/test.npz")
    write_counts(apart)
    for folder in run(monkeypatch, "voices"):
        assert [path.name for path in folder.iterdir()] == ["sample.json"]
        assert facts_in(folder)["reason"].startswith("steps start 5 samples apart and predict 4")


def test_a_net_of_other_data_is_named(study, monkeypatch):
    music_split([40], notes=7).save("data/prepared/songs/test.npz")
    with pytest.raises(
        InputError, match="data/prepared/songs: expected 8 inputs and 8 targets a step, .* found 7 and 7"
    ):
        run(monkeypatch, "songs")


def test_missing_counts_are_named(study, monkeypatch):
    Path("data/prepared/voices/counts.json").unlink()
    with pytest.raises(InputError, match="voices/counts.json: no such file; `dvc repro` prepares it"):
        run(monkeypatch, "voices")
