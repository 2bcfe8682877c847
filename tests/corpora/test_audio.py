"""Recordings as windows of samples: reading, resampling, noise, the digits' rule of takes, and folders of one's own."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stages.corpora.audio import SIXTEEN_BITS as STEP
from stages.corpora.audio import dequantise, read_recording
from stages.corpora.audio_length import _mpeg_frame
from stages.corpora.speech import SpeechOptions, read
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import checked
from stages.plumbing.parameters import read as read_params

PROJECT = Path(__file__).parents[2]
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
        samples = read_recording(write(tmp_path / name, whole.astype(np.int16)), RATE).samples
        assert samples.dtype == np.float64
        np.testing.assert_array_equal(samples, whole * STEP)


def test_stereo_is_averaged_and_other_rates_are_resampled(tmp_path):
    stereo = np.stack([tone(), np.zeros(800)], axis=1)
    np.testing.assert_allclose(
        read_recording(write(tmp_path / "a.wav", stereo), RATE).samples, tone() / 2, atol=2 * STEP
    )
    for rate in (16000, 44100, 4000):
        samples = read_recording(write(tmp_path / "b.flac", tone(rate=rate), rate, "PCM_24"), RATE).samples
        assert len(samples) == 800
        inside = slice(100, 700)  # the filter needs samples on both sides
        np.testing.assert_allclose(samples[inside], tone()[inside], atol=0.005)


def test_noise_fills_one_step_of_the_scale():
    noise = dequantise(np.full(100_000, 0.25), STEP, np.random.default_rng(0)) - 0.25
    assert 0 <= noise.min() and noise.max() <= STEP
    assert noise.mean() == pytest.approx(STEP / 2, rel=0.01)
    assert noise.std() == pytest.approx(STEP / np.sqrt(12), rel=0.01)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path.write_bytes(b""), "not a readable recording"),
        (lambda path: path.write_bytes(b"RIFF and no more"), "not a readable recording"),
        (lambda path: write(path, np.zeros(0)), "expected samples, found a recording of length zero"),
        (lambda path: write(path, np.array([0, np.nan]), subtype="FLOAT"), "expected finite samples, found NaN"),
        (lambda path: write(path, np.array([0, -np.inf]), subtype="FLOAT"), "expected finite samples, found NaN"),
    ],
)
def test_unusable_recordings_are_refused_by_name(tmp_path, make, expected):
    make(tmp_path / "bad.wav")
    with pytest.raises(InputError, match=f"bad.wav: {expected}"):
        read_recording(tmp_path / "bad.wav", RATE)


# Headers are claims, and a file holds what it promises or is refused


def header(path, **changed):
    """A WAV file of 800 samples with other numbers in its header."""
    write(path, tone())
    content = bytearray(path.read_bytes())
    places = {"channels": (22, "<H"), "rate": (24, "<I"), "riff": (4, "<I"), "data": (40, "<I")}
    for name, number in changed.items():
        place, kind = places[name]
        content[place : place + struct.calcsize(kind)] = struct.pack(kind, number)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"rate": 1}, "expected 1000 to 768000 samples a second, found 1"),
        ({"rate": 2**31 - 1}, "expected 1000 to 768000 samples a second, found 2147483647"),
        ({"data": 2**31}, "cut short: its header promises 2147483648 bytes of sound, it holds 1600"),
        ({"data": 1602}, "cut short: its header promises 1602 bytes of sound, it holds 1600"),
        ({"channels": 1000}, "expected at most 64 channels|not a readable recording"),
    ],
)
def test_a_header_is_checked_before_memory_or_time_is_spent(tmp_path, changed, expected):
    with pytest.raises(InputError, match=f"a.wav: .*(?:{expected})"):
        read_recording(header(tmp_path / "a.wav", **changed), RATE)


@pytest.mark.parametrize("unknown", [0, 0xFFFFFFFF])
def test_a_streamed_recording_is_read_to_its_end_and_noted(tmp_path, unknown):
    recording = read_recording(header(tmp_path / "a.wav", data=unknown, riff=unknown), RATE)
    np.testing.assert_allclose(recording.samples, tone(), atol=STEP)
    assert recording.odd == {"recording without its length in its header": 1}


def changed(path, subtype, mark, offset, kind, number):
    """A file of 800 samples, or of two seconds as MP3, with another number beside a mark in its header."""
    form = {"aif": "AIFF"}.get(path.suffix[1:], path.suffix[1:].upper())
    soundfile.write(path, tone() if form != "MP3" else tone(2), RATE, subtype=subtype, format=form)
    content = bytearray(path.read_bytes())
    place = content.index(mark) + offset
    content[place : place + struct.calcsize(kind)] = struct.pack(kind, number)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("ending", "mark", "offset", "kind", "number", "expected"),
    [
        ("wav", b"RIFF", 4, "<I", 36, "its sound ends at byte 1644, its envelope at byte 44"),
        ("wav", b"data", 4, "<I", 800, "its header promises 800 bytes of sound, it holds 1600"),
        ("wav", b"data", 4, "<I", 1598, "its header promises 1598 bytes of sound, it holds 1600"),
        ("aif", b"FORM", 4, ">I", 46, "its sound ends at byte 1654, its envelope at byte 54"),
        ("aif", b"SSND", 4, ">I", 808, "its header promises 808 bytes of sound, it holds 1608"),
        ("aif", b"COMM", 10, ">I", 801, "cut short: its header promises 1610 bytes of sound, it holds 1608"),
        ("au", b".snd", 8, ">I", 800, "its header promises 800 bytes of sound, it holds 1600"),
        ("mp3", b"Xing", 8, ">I", 9, "its header promises 9 frames, it holds 30"),
        ("mp3", b"Xing", 8, ">I", 31, "its header promises 31 frames, it holds 30"),
    ],
)
def test_a_header_that_contradicts_what_the_file_holds_is_refused(
    tmp_path, ending, mark, offset, kind, number, expected
):
    subtype = None if ending == "mp3" else "PCM_16"
    with pytest.raises(InputError, match=f"a.{ending}: .*{expected}"):
        read_recording(changed(tmp_path / f"a.{ending}", subtype, mark, offset, kind, number), RATE)


@pytest.mark.parametrize(
    ("riff", "behind", "odd"),
    [
        (1636, b"LIST\x04\0\0\0INFO" + bytes(2), "recording with other bytes behind its end"),
        (1648, b"LIST\x04\0\0\0INFO", ""),
        (1644, bytes(8), ""),
        (1700, b"", "recording whose envelope ends beyond its file"),
    ],
)
def test_what_follows_the_sound_is_no_part_of_it(tmp_path, riff, behind, odd):
    path = header(tmp_path / "a.wav", riff=riff)
    path.write_bytes(path.read_bytes() + behind)
    recording = read_recording(path, RATE)
    np.testing.assert_allclose(recording.samples, tone(), atol=STEP)
    assert recording.odd == ({odd: 1} if odd else {})


def test_a_format_by_another_name_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE, format="CAF", subtype="PCM_16")
    with pytest.raises(InputError, match="a.wav: expected one of WAV, .*; found CAF, whatever its name says"):
        read_recording(tmp_path / "a.wav", RATE)


def flac(path, total):
    """A FLAC file of 800 samples with another number of them in its header."""
    write(path, tone())
    content = bytearray(path.read_bytes())
    content[21:26] = (int.from_bytes(content[21:26], "big") >> 36 << 36 | total).to_bytes(5, "big")
    path.write_bytes(content)
    return path


def test_a_streamed_flac_is_read_to_its_end_and_noted(tmp_path):
    recording = read_recording(flac(tmp_path / "a.flac", 0), RATE)
    np.testing.assert_allclose(recording.samples, tone(), atol=STEP)
    assert recording.odd == {"recording without its length in its header": 1}


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (799, "its header promises 799 samples, it holds 800"),
        (900, "the recording is cut short: expected 900 samples, found 800"),
        (2**36 - 1, "expected at most 134217728 samples, found 68719476735"),
    ],
)
def test_a_flac_that_promises_another_number_of_samples_is_refused(tmp_path, total, expected):
    with pytest.raises(InputError, match=f"a.flac: {expected}"):
        read_recording(flac(tmp_path / "a.flac", total), RATE)


def test_an_mp3_without_its_length_is_read_and_noted_but_not_without_its_last_frames_end(tmp_path):
    path = tmp_path / "a.mp3"
    soundfile.write(path, tone(2), RATE, format="MP3")
    content = path.read_bytes()
    length = _mpeg_frame(content[:4])
    assert b"Xing" in content[:length]
    bare = content[length:]
    path.write_bytes(bare)
    recording = read_recording(path, RATE)
    assert abs(len(recording.samples) - 2 * RATE) < 0.1 * RATE
    assert recording.odd == {"recording without its length in its header": 1}
    path.write_bytes(bare + b"TAG" + bytes(125))
    assert len(read_recording(path, RATE).samples) == len(recording.samples)
    for damaged, reason in (
        (bare[:-9], "its last frame is not whole"),
        (bare + b"junk", "its frames break off at byte"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=f"a.mp3: the recording is cut short: {reason}"):
            read_recording(path, RATE)


def test_what_libmpg123_says_of_a_damaged_mp3_is_not_passed_on(tmp_path, capfd):
    path = tmp_path / "a.mp3"
    soundfile.write(path, tone(2), RATE, format="MP3")
    content = path.read_bytes()
    path.write_bytes(content[:700] + bytes(100) + content[800:])
    read_recording(path, RATE)
    assert capfd.readouterr() == ("", "")


def test_a_rate_beyond_all_bounds_is_no_option():
    with pytest.raises(InputError, match="speech.sample_rate: .*less than or equal to 768000; found 768001"):
        options(sample_rate=768_001)


FORMATS = [("wav", "PCM_16"), ("wav", "ULAW"), ("flac", "PCM_16"), ("aiff", "PCM_24"), ("au", "PCM_16")]
FORMATS += [("ogg", "VORBIS"), ("ogg", "OPUS"), ("mp3", "MPEG_LAYER_III"), ("rf64", "PCM_16")]


@pytest.mark.parametrize(("ending", "subtype"), FORMATS)
def test_every_format_is_read_and_refused_when_cut_short(tmp_path, ending, subtype):
    path, samples = tmp_path / f"a.{'wav' if ending == 'rf64' else ending}", tone(2)
    soundfile.write(path, samples, RATE, subtype=subtype, format={"au": "AU"}.get(ending, ending.upper()))
    whole, content = read_recording(path, RATE), path.read_bytes()
    assert abs(len(whole.samples) - len(samples)) <= 0.1 * len(samples) and not whole.odd
    for share in (0.02, 0.3, 0.7, 0.95):
        path.write_bytes(content[: round(share * len(content))])
        with pytest.raises(InputError, match=f"{path.name}: (?:the recording is cut short|not a readable recording)"):
            read_recording(path, RATE)


def test_samples_far_beyond_full_scale_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected samples up to 1, found 1e\+200"):
        read_recording(write(tmp_path / "a.wav", np.array([0, 1e200]), subtype="DOUBLE"), RATE)


# The step of the scale is the file's own


@pytest.mark.parametrize(
    ("subtype", "step"), [("PCM_U8", 2**-7), ("PCM_16", 2**-15), ("PCM_24", 2**-23), ("PCM_32", 2**-31)]
)
def test_the_step_is_that_of_the_samples_width(tmp_path, subtype, step):
    assert read_recording(write(tmp_path / "a.wav", tone(), subtype=subtype), RATE).steps == step


@pytest.mark.parametrize(("subtype", "least", "most"), [("ULAW", 8 / 2**15, 2**-5), ("ALAW", 16 / 2**15, 2**-5)])
def test_companded_samples_get_the_distance_to_their_next_number(tmp_path, subtype, least, most):
    path = write(tmp_path / "a.wav", np.linspace(-1, 1, 40_001), subtype=subtype)
    samples, steps, _ = read_recording(path, RATE)
    scale = np.unique(samples)
    assert len(scale) > 250
    following = dict(zip(scale[:-1], np.diff(scale), strict=True))
    inside = samples < scale[-1]
    assert np.array_equal(steps[inside], [following[value] for value in samples[inside]])
    assert steps.min() == pytest.approx(least) and steps.max() == pytest.approx(most)


def test_floats_get_the_step_of_their_mantissa_and_none_finer_than_converters(tmp_path):
    recording = read_recording(write(tmp_path / "a.wav", np.array([0, 1e-9, 0.3, 1.5]), subtype="FLOAT"), RATE)
    np.testing.assert_array_equal(recording.steps, [2**-24, 2**-24, 2**-24 if 2**-25 < 2**-24 else 0, 2**-23])


def test_each_file_of_a_mixed_folder_is_filled_by_its_own_step(tmp_path):
    for split in ("train", "valid", "test"):
        write(tmp_path / split / "fine.wav", np.zeros(50_000, np.int16))
        write(tmp_path / split / "coarse.wav", np.zeros(50_000), subtype="PCM_U8")
    write(tmp_path / "train/a.wav", tone(1))
    dataset = read(tmp_path, options())
    train, about = dataset.splits["train"], dataset.about
    values = train.inputs.astype(float) * about["deviation"] + about["mean"]
    of = np.repeat([name.split("@")[0] for name in train.names], train.lengths)
    for name, step in (("train/fine.wav", 2**-15), ("train/coarse.wav", 2**-7)):
        found = values[of == name]
        assert found.min() >= -1e-6 and found.max() == pytest.approx(step, rel=0.01, abs=1e-6)


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
    facts = {"mean", "deviation"}
    assert {key: after.about[key] for key in facts} == {key: before.about[key] for key in facts}
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
    nobody = options(
        names=r"(?:(?P<speaker>[a-z]+)\.wav)|.*", fractions={"valid": 0.2, "test": 0.2}, join_speakers=True
    )
    with pytest.raises(InputError, match="recordings/0_a_0.wav: expected a speaker in its name, as `join_speakers`"):
        read(tmp_path, nobody)


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


def test_recordings_of_one_sound_are_kept_together_and_counted(tmp_path):
    generator = np.random.default_rng(0)
    for n in range(12):
        sound = np.repeat(generator.uniform(0.1, 1, 40), 50) * tone(0.25, 200 + 20 * n)
        silent = np.zeros(300)
        write(tmp_path / f"{n:02}.wav", 0.9 * sound)
        write(tmp_path / f"{n:02}_softer_later.flac", 0.4 * np.concatenate([silent, sound, silent]))
    drawn = options(fractions={"valid": 0.25, "test": 0.25}, seed=3)
    dataset = read(tmp_path, drawn)
    for part in dataset.splits.values():
        files = {name.split("@")[0] for name in part.names}
        assert {name[:2] for name in files if "softer" in name} == {name[:2] for name in files if "softer" not in name}
    assert dataset.about["equal_recordings"] == 12 and "equal_in_two_splits" not in dataset.about


def test_what_is_left_out_is_listed_by_reason(tmp_path):
    digits(tmp_path)
    write(tmp_path / "recordings/0_a_9.wav", np.arange(50, dtype=np.int16))
    write(tmp_path / "recordings/noise.wav", tone())
    (tmp_path / "recordings/notes.txt").write_text("of the day")
    pattern = r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<take>\d+)\.wav"
    by_take = options(names=pattern, takes={"valid": [2], "test": [0, 1]}, skip_unreadable=True)
    about = read(tmp_path, by_take).about
    assert list(about["left_out"]) == ["recordings/noise.wav"] and "a name that fits" in str(about["left_out"])
    assert about["shorter_than_a_sequence"] == 1 and about["other_endings"] == {".txt": 1}


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
