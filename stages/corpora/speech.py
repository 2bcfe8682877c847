"""Speech as sequences of windows over raw samples; the stand-ins for the paper's two Ubisoft sets.

Our choices, as the paper's data were never public and it states neither splits, rate, normalisation nor hop. Of the
Free Spoken Digit recordings (3,000: six speakers, ten digits, 50 takes), the official test takes 0 to 4 test, takes 5
to 9 validate, the rest train. A tenth of the paper's number of sequences validates, a tenth tests:

* `speech_short`: each recording is cut into consecutive pieces of 500 samples, and what is left at its end is dropped;
  of the pieces, 5,784, 723 and 723 are drawn with a fixed seed: 7,230, as many as Ubisoft A has.
* `speech_long`: a speaker's recordings in a split are joined in a drawn order and cut into pieces of 8,000 samples; of
  the pieces, 640, 80 and 80 are drawn: 800, as many as Ubisoft B has.
"""

import re
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from stages.corpora.audio import RATES, SUFFIXES, Recording, dequantise, read_recording
from stages.corpora.dataset import Dataset, Options
from stages.corpora.folders import read_each
from stages.corpora.listing import find_files, told
from stages.corpora.same_sound import same_sound
from stages.corpora.split import SPLITS, Split
from stages.corpora.splitting import Fractions, by_draw, by_folder
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Section


class Takes(Section):
    """The takes, numbers in the files' names, that validate and that test; all others train."""

    valid: list[Annotated[int, Field(ge=0)]]
    test: list[Annotated[int, Field(ge=0)]]


class Drawn(Section):
    """How many sequences to draw for each split out of all there are."""

    train: int = Field(ge=1)
    valid: int = Field(ge=1)
    test: int = Field(ge=1)


class SpeechOptions(Options):
    """How recordings become sequences.

    Attributes:
        sample_rate: Hz; recordings of another rate are resampled.
        samples: samples a sequence.
        window, horizon, hop: a step sees `window` samples and predicts the next `horizon`; steps start `hop` apart.
        names: a regular expression for the files' names with the groups `speaker` and `take`, as far as needed.
        join_speakers: cut sequences from the joined recordings of a speaker, not from single recordings.
        takes: splits by take; else by the folders train, valid and test; else drawn by `fractions`, file by file.
        drawn: sequences to draw for each split; all when left out.
        seed: of every draw and of the noise.
        skip_unreadable: leave a file out that cannot be used, and list it in counts.json, instead of stopping.
    """

    sample_rate: int = Field(ge=1, le=RATES[1])
    samples: int = Field(ge=2)
    window: int = Field(ge=1)
    horizon: int = Field(ge=1)
    hop: int = Field(ge=1)
    names: str | None = None
    join_speakers: bool = False
    takes: Takes | None = None
    fractions: Fractions | None = None
    drawn: Drawn | None = None
    seed: int = Field(default=0, ge=0)
    skip_unreadable: bool = False

    @model_validator(mode="after")
    def _fit(self) -> "SpeechOptions":
        if self.samples < self.window + self.horizon:
            raise ValueError(f"samples: expected at least window + horizon, {self.window + self.horizon}")
        for group, needed in {"speaker": self.join_speakers, "take": self.takes is not None}.items():
            if needed and f"(?P<{group}>" not in (self.names or ""):
                raise ValueError(f"names: expected a regular expression with the group (?P<{group}>...)")
        try:
            re.compile(self.names or "")
        except re.error as error:
            raise ValueError(f"names: expected a regular expression ({error})") from None
        return self


def read(folder: Path, options: SpeechOptions) -> Dataset:
    """Reads all recordings below `folder`: inputs [F, window], targets [F, horizon], standardised float32.

    Mean and standard deviation are the training split's, of its sequences with their noise; both stand in counts.json.

    Raises:
        InputError: no recordings, one cannot be used, a file's name does not fit `names`, no way to split, a split
            without sequences or with fewer than `drawn`, or a training split of one constant value.
    """
    found = find_files(folder, SUFFIXES)
    marks, misnamed = _marked(folder, found.names, options)
    read_one = partial(read_recording, sample_rate=options.sample_rate)
    recordings, left_out = read_each(folder, list(marks), read_one, options.skip_unreadable, unusable=found.unusable)
    kinds = same_sound({name: recording.samples for name, recording in recordings.items()})
    splits = _split(folder, {name: marks[name] for name in recordings}, kinds, options)
    cut, too_short = {}, 0
    for n, split in enumerate(SPLITS):
        generator = np.random.default_rng([options.seed, n])
        streams = {name: recordings[name] for name in splits[split]}
        if options.join_speakers:
            streams = _joined(streams, marks, generator)
        too_short += sum(len(stream.samples) < options.samples for stream in streams.values())
        names, pieces, steps = _cut(streams, options.samples)
        wanted = getattr(options.drawn, split) if options.drawn else len(names)
        if not names or len(names) < wanted:
            raise InputError(
                f"{folder}: expected {wanted or 'at least one'} sequences of {options.samples} samples in the {split} "
                f"split, found {len(names)} in {len(splits[split])} recordings"
            )
        chosen = np.sort(generator.permutation(len(names))[:wanted])
        cut[split] = [names[c] for c in chosen], dequantise(pieces[chosen], steps[chosen], generator)
        if split == "train":
            step = float(steps[chosen].max())
    mean, deviation = float(cut["train"][1].mean()), float(cut["train"][1].std())
    if np.ptp(cut["train"][1]) < 2 * step:
        raise InputError(f"{folder}: expected a signal in the training split, found one constant value")
    prepared = {split: _windows(names, (pieces - mean) / deviation, options) for split, (names, pieces) in cut.items()}
    counts = {
        split: {"sequences": len(part.lengths), "samples": cut[split][1].size, "steps": int(part.lengths.sum())}
        for split, part in prepared.items()
    }
    about = {
        "sample_rate": options.sample_rate,
        "window": options.window,
        "horizon": options.horizon,
        "hop": options.hop,
        "mean": mean,
        "deviation": deviation,
        "left_out": misnamed | left_out,
    }
    about |= told(found, {name: Counter(recording.odd) for name, recording in recordings.items()})
    about |= {key: count for key, count in _equal(kinds, splits).items() if count}
    return Dataset(prepared, counts, about | ({"shorter_than_a_sequence": too_short} if too_short else {}))


def _equal(kinds: dict[str, int], splits: dict[str, list[str]]) -> dict[str, int]:
    """How many recordings there are beyond the first of their sound, and how many sounds lie in more than one split."""
    where: defaultdict[int, set[str]] = defaultdict(set)
    for split, names in splits.items():
        for name in names:
            where[kinds[name]].add(split)
    across = sum(len(found) > 1 for found in where.values())
    return {"equal_recordings": len(kinds) - len(where), "equal_in_two_splits": across}


def _marked(folder: Path, names: list[str], options: SpeechOptions) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """What each file's name says, and why a name says nothing where that leaves its file out."""
    marks, misnamed = {}, {}
    for name in names:
        try:
            marks[name] = _marks(folder, name, options)
        except InputError as error:
            if not options.skip_unreadable:
                raise InputError(f"{error} (`skip_unreadable: true` goes on without such files)") from None
            misnamed[name] = str(error)
    if not marks:
        raise InputError(f"{folder}: none of its {len(names)} files has a name that fits; {misnamed[names[0]]}")
    return marks, misnamed


def _marks(folder: Path, name: str, options: SpeechOptions) -> dict[str, str]:
    """What the pattern's groups match in a file's name, without its folders."""
    if options.names is None:
        return {}
    match = re.fullmatch(options.names, Path(name).name)
    if match is None:
        raise InputError(f"{folder / name}: expected a name that fits {options.names!r} (the option `names`)")
    mark = match.groupdict()
    if options.takes and not (mark["take"] or "").isdecimal():
        raise InputError(f"{folder / name}: expected a number as its take, found {mark['take']!r}")
    if options.join_speakers and not mark["speaker"]:
        raise InputError(f"{folder / name}: expected a speaker in its name, as `join_speakers` asks for")
    return mark


def _split(
    folder: Path, marks: dict[str, dict[str, str]], kinds: dict[str, int], options: SpeechOptions
) -> dict[str, list[str]]:
    """The recordings' names by split; a draw keeps those of one sound together."""
    if options.takes:
        splits: dict[str, list[str]] = {split: [] for split in SPLITS}
        for name, mark in marks.items():
            take = int(mark["take"])
            split = "test" if take in options.takes.test else "valid" if take in options.takes.valid else "train"
            splits[split].append(name)
        return splits
    splits_by_folder = by_folder(list(marks), str(folder))
    if splits_by_folder is not None:
        return splits_by_folder
    if options.fractions is None:
        raise InputError(f"{folder}: no folders train, valid and test, and no option `takes` or `fractions`")
    return by_draw(kinds, options.fractions, options.seed, str(folder))


def _joined(
    recordings: dict[str, Recording], marks: dict[str, dict[str, str]], generator: np.random.Generator
) -> dict[str, Recording]:
    """Each speaker's recordings, one after another in a drawn order."""
    by_speaker: defaultdict[str, list[Recording]] = defaultdict(list)
    for name, recording in recordings.items():
        by_speaker[marks[name]["speaker"]].append(recording)
    joined = {}
    for speaker, takes in sorted(by_speaker.items()):
        order = [takes[n] for n in generator.permutation(len(takes))]
        samples = np.concatenate([take.samples for take in order])
        joined[speaker] = Recording(samples, np.concatenate([_steps(take) for take in order]), {})
    return joined


def _steps(recording: Recording) -> np.ndarray:
    """[n], also where one step is all samples'."""
    return np.broadcast_to(recording.steps, recording.samples.shape)


def _cut(streams: dict[str, Recording], samples: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Consecutive pieces [N, samples], each named after its stream and first sample, and their samples' steps.

    What is left at a stream's end is dropped.
    """
    names, pieces, steps = [], [np.empty((0, samples))], [np.empty((0, samples))]
    for name, stream in streams.items():
        count = len(stream.samples) // samples
        names += [f"{name}@{n * samples}" for n in range(count)]
        for found, values in ((pieces, stream.samples), (steps, _steps(stream))):
            found.append(values[: count * samples].reshape(-1, samples))
    return names, np.concatenate(pieces), np.concatenate(steps)


def _windows(names: list[str], sequences: np.ndarray, options: SpeechOptions) -> Split:
    """Steps of [N, samples] sequences: windows of `window + horizon` samples, a hop apart, cut in two."""
    width = options.window + options.horizon
    steps = np.lib.stride_tricks.sliding_window_view(sequences, width, axis=1)[:, :: options.hop]
    flat = steps.reshape(-1, width).astype(np.float32)
    return Split(
        inputs=flat[:, : options.window],
        targets=flat[:, options.window :],
        lengths=np.full(len(names), steps.shape[1], np.int64),
        names=np.array(names, np.str_),
        output="gaussian_mixture",
    )
