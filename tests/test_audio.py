"""Recordings as windows of samples: reading, resampling, noise, the digits' rule of takes, and folders of one's own."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stages.corpora.audio import STEP, dequantise, read_samples
from stages.corpora.speech import SpeechOptions, read
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import checked
from stages.plumbing.parameters import read as read_params

PROJECT = Path(__file__).parents[1]
RATE = 8000


def tone(seconds=0.1, hertz=440, rate=RATE):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def write(path, samples, rate=RATE, subtype="PCM_16"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def options(**given):
    shape = {"sample_rate": RATE, "samples": 100, "window": 20, "horizon": 10, "hop": 10}
    return checked({"reader": "speech", **shape, **given}, SpeechOptions, "speech")


# One recording


def test_16_bit_samples_are_read_exactly(tmp_path):
    whole = np.arange(-32768, 32768, 97)
    for name in ("a.wav", "a.flac"):
        samples = read_samples(write(tmp_path / name, whole.astype(np.int16)), RATE)
        assert samples.dtype == np.float64
        np.testing.assert_array_equal(samples, whole * STEP)


def test_stereo_is_averaged_and_other_rates_are_resampled(tmp_path):
    stereo = np.stack([tone(), np.zeros(800)], axis=1)
    np.testing.assert_allclose(read_samples(write(tmp_path / "a.wav", stereo), RATE), tone() / 2, atol=2 * STEP)
    for rate in (16000, 44100, 4000):
        samples = read_samples(write(tmp_path / "b.flac", tone(rate=rate), rate, "PCM_24"), RATE)
        assert len(samples) == 800
        inside = slice(100, 700)  # the filter needs samples on both sides
        np.testing.assert_allclose(samples[inside], tone()[inside], atol=0.005)


def test_noise_fills_one_step_of_the_scale():
    noise = dequantise(np.full(100_000, 0.25), np.random.default_rng(0)) - 0.25
    assert 0 <= noise.min() and noise.max() <= STEP
    assert noise.mean() == pytest.approx(STEP / 2, rel=0.01)
    assert noise.std() == pytest.approx(STEP / np.sqrt(12), rel=0.01)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path.write_bytes(b""), "not a readable WAV or FLAC file"),
        (lambda path: path.write_bytes(b"RIFF and no more"), "not a readable WAV or FLAC file"),
        (lambda path: write(path, np.zeros(0)), "expected samples, found a recording of length zero"),
        (lambda path: write(path, np.array([0, np.nan]), subtype="FLOAT"), "expected finite samples, found NaN"),
        (lambda path: write(path, np.array([0, -np.inf]), subtype="FLOAT"), "expected finite samples, found NaN"),
    ],
)
def test_unusable_recordings_are_refused_by_name(tmp_path, make, expected):
    make(tmp_path / "bad.wav")
    with pytest.raises(InputError, match=f"bad.wav: {expected}"):
        read_samples(tmp_path / "bad.wav", RATE)


# Windows


def folders(folder, lengths=(350, 205, 130)):
    """Recordings of whole steps of the scale, each sample another, in folders train, valid and test."""
    for split, length in zip(("train", "valid", "test"), lengths, strict=True):
        write(folder / split / "a.wav", (np.arange(length) * 3).astype(np.int16))


def test_each_step_sees_a_window_and_predicts_what_follows_it(tmp_path):
    folders(tmp_path)
    dataset = read(tmp_path, options())
    assert {split: counts["sequences"] for split, counts in dataset.counts.items()} == dict(train=3, valid=2, test=1)
    assert dataset.counts["train"] == {"sequences": 3, "samples": 300, "steps": 24}
    train = dataset.splits["train"]
    assert train.output == "gaussian_mixture" and train.lengths.tolist() == [8, 8, 8]
    assert train.names.tolist() == ["train/a.wav@0", "train/a.wav@100", "train/a.wav@200"]
    # Without standardisation and noise (of less than one step) each number says which sample it was.
    mean, deviation = dataset.about["mean"], dataset.about["deviation"]
    places = lambda array: np.floor((array.astype(float) * deviation + mean) / STEP + 1e-3) // 3  # noqa: E731
    for sequence in range(3):
        for step in range(8):
            first = 100 * sequence + 10 * step
            row = train.offsets[sequence] + step
            np.testing.assert_array_equal(places(train.inputs[row]), np.arange(first, first + 20))
            np.testing.assert_array_equal(places(train.targets[row]), np.arange(first + 20, first + 30))


def test_the_training_split_alone_gives_mean_and_deviation(tmp_path):
    folders(tmp_path, (1000, 300, 300))
    before = read(tmp_path, options(window=50, horizon=50, hop=50))
    samples = np.concatenate([before.splits["train"].inputs, before.splits["train"].targets])
    assert samples.mean(dtype=float) == pytest.approx(0, abs=1e-6)
    assert samples.std(dtype=float) == pytest.approx(1, abs=1e-6)
    write(tmp_path / "test/a.wav", tone())
    after = read(tmp_path, options(window=50, horizon=50, hop=50))
    assert after.about == before.about
    np.testing.assert_array_equal(after.splits["train"].inputs, before.splits["train"].inputs)


def test_noise_and_draws_depend_on_the_seed_alone(tmp_path):
    folders(tmp_path, (2000, 500, 500))
    drawn = {"train": 5, "valid": 2, "test": 2}
    first, again = (read(tmp_path, options(drawn=drawn, seed=1)) for _ in range(2))
    other = read(tmp_path, options(drawn=drawn, seed=2))
    for split, number in drawn.items():
        names = first.splits[split].names.tolist()
        assert len(set(names)) == number and names == again.splits[split].names.tolist()
        np.testing.assert_array_equal(first.splits[split].inputs, again.splits[split].inputs)
    assert other.splits["train"].names.tolist() != first.splits["train"].names.tolist()


def digits(folder):
    """Two speakers, two digits, six takes: each recording has one value of its own."""
    for n, name in enumerate(f"{d}_{speaker}_{take}" for speaker in "ab" for d in range(2) for take in range(6)):
        write(folder / f"recordings/{name}.wav", np.full(130, 1000 * n, np.int16))


def test_takes_split_and_speakers_are_joined(tmp_path):
    digits(tmp_path)
    pattern = r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<take>\d+)\.wav"
    by_take = options(names=pattern, takes={"valid": [2], "test": [0, 1]})
    dataset = read(tmp_path, by_take)
    takes = {s: {int(name.split("_")[2][0]) for name in part.names} for s, part in dataset.splits.items()}
    assert takes == {"train": {3, 4, 5}, "valid": {2}, "test": {0, 1}}
    joined = read(tmp_path, by_take.model_copy(update={"join_speakers": True}))
    # Six training takes of 130 samples a speaker: 7 pieces of 100 joined, where 6 fit one by one.
    assert joined.splits["train"].names.tolist() == [f"{speaker}@{100 * n}" for speaker in "ab" for n in range(7)]
    mean, deviation = joined.about["mean"], joined.about["deviation"]
    speaker_a = joined.splits["train"].inputs[: 7 * 8].astype(float) * deviation + mean
    values = set(np.floor(speaker_a / STEP + 1e-3).astype(int).ravel() // 1000)
    assert values == {3, 4, 5, 9, 10, 11}, "a speaker's takes only, and all of them"
    write(tmp_path / "recordings/noise.wav", tone())
    with pytest.raises(InputError, match="recordings/noise.wav: expected a name that fits"):
        read(tmp_path, by_take)


def test_a_folder_of_ones_own_is_drawn_by_fractions(tmp_path):
    for n in range(10):
        write(tmp_path / f"{n}.flac", tone(hertz=200 + 10 * n))
    with pytest.raises(InputError, match="no folders train, valid and test, and no option `takes` or `fractions`"):
        read(tmp_path, options())
    fractions = {"valid": 0.2, "test": 0.2}
    dataset = read(tmp_path, options(fractions=fractions))
    files = {split: {name.split("@")[0] for name in part.names} for split, part in dataset.splits.items()}
    assert [len(files[split]) for split in ("train", "valid", "test")] == [6, 2, 2]
    assert len(set.union(*files.values())) == 10
    write(tmp_path / "silent.wav", np.zeros(0))
    with pytest.raises(InputError, match="silent.wav: expected samples"):
        read(tmp_path, options(fractions=fractions))
    dataset = read(tmp_path, options(fractions=fractions, skip_unreadable=True))
    assert list(dataset.about["left_out"]) == ["silent.wav"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"samples": 29}, "expected at least window \\+ horizon, 30"),
        ({"hop": 0}, "speech.hop: .*found 0"),
        ({"sample_rate": "8k"}, "speech.sample_rate: .*found '8k'"),
        ({"join_speakers": True}, r"expected a regular expression with the group \(\?P<speaker>"),
        ({"takes": {"valid": [1], "test": [2]}, "names": "(?P<speaker>.)"}, r"the group \(\?P<take>"),
        ({"names": "("}, "names: expected a regular expression"),
        ({"drawn": {"train": 1, "valid": 1}}, "speech.drawn.test: Field required"),
    ],
)
def test_wrong_options_are_named(given, expected):
    with pytest.raises(InputError, match=expected):
        options(**given)


def test_too_few_sequences_and_constant_signals_are_refused(tmp_path):
    folders(tmp_path, (350, 205, 99))
    with pytest.raises(InputError, match="at least one sequences of 100 samples in the test split, found 0 in 1 rec"):
        read(tmp_path, options())
    folders(tmp_path)
    with pytest.raises(InputError, match="expected 4 sequences of 100 samples in the train split, found 3"):
        read(tmp_path, options(drawn={"train": 4, "valid": 1, "test": 1}))
    write(tmp_path / "train/a.wav", np.zeros(300))
    with pytest.raises(InputError, match="expected a signal in the training split, found one constant value"):
        read(tmp_path, options())


def test_the_studys_two_sets_have_the_papers_numbers_of_sequences():
    wanted = {"speech_short": (7230, 500), "speech_long": (800, 8000)}
    for name, (sequences, samples) in wanted.items():
        key = f"datasets.{name}.sequences"
        given = checked(read_params(key, PROJECT / "params.yaml"), SpeechOptions, key)
        assert sum(given.drawn.model_dump().values()) == sequences
        assert (given.samples, given.sample_rate, given.window, given.horizon, given.hop) == (samples, 8000, 20, 10, 10)
        assert sorted(given.takes.test) == [0, 1, 2, 3, 4] and sorted(given.takes.valid) == [5, 6, 7, 8, 9]
        for split, numbers in given.expected.items():
            assert numbers.sequences == getattr(given.drawn, split)
            assert numbers.steps == numbers.sequences * ((samples - 30) // 10 + 1)
