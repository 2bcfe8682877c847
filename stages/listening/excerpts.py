"""The test piece that the samples of a dataset start from: its beginning, which nets are given, and how it went on."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.corpora.split import Split
from stages.listening.settings import Music, Sampling, Speech
from stages.plumbing.errors import InputError

PREPARED = Path("data/prepared")


@dataclass(frozen=True)
class Windows:
    """How a speech dataset was cut and standardised, from its counts.json.

    Attributes:
        sample_rate: Hz.
        window, horizon, hop: a step sees `window` samples and predicts the next `horizon`; steps start `hop` apart.
        mean, deviation: of the training split, full scale being −1 to 1.
    """

    sample_rate: int
    window: int
    horizon: int
    hop: int
    mean: float
    deviation: float

    @classmethod
    def read(cls, path: Path) -> "Windows":
        """From the counts.json that `prepare` wrote.

        Raises:
            InputError: the file is missing, or lacks a fact.
        """
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{name: facts[name] for name in cls.__dataclass_fields__})
        except FileNotFoundError:
            raise InputError(f"{path}: no such file; `dvc repro` prepares it") from None
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: not the counts of a speech dataset ({error!r}); prepare it again") from None


@dataclass(frozen=True)
class Excerpt:
    """The first frames of a piece, or samples of a recording.

    Attributes:
        name: the piece's.
        values: [n, K] uint8, frames as far as asked for and there; or [n] float32, standardised samples.
        given: how many of them a net is given before it goes on by itself.
        length: how many it is to make of them.
        step_seconds: how long a frame or sample lasts.
        windows: of speech.
    """

    name: str
    values: np.ndarray
    given: int
    length: int
    step_seconds: float
    windows: Windows | None = None

    @property
    def obstacle(self) -> str:
        """Why no net can go on by itself; empty where it can."""
        if self.windows is None or self.windows.hop <= self.windows.horizon:
            return ""
        return (
            f"steps start {self.windows.hop} samples apart and predict {self.windows.horizon}: what lies between is "
            "never predicted"
        )


def load(dataset: str, sampling: Sampling) -> Excerpt:
    """The excerpt of a prepared dataset's test split.

    Raises:
        InputError: a file of the dataset is missing or damaged.
    """
    split = Split.load(PREPARED / dataset / "test.npz")
    if split.output == "bernoulli":
        return of_music(split, sampling.music, sampling.music.pace(dataset))
    return of_speech(split, sampling.speech, Windows.read(PREPARED / dataset / "counts.json"))


def of_music(split: Split, music: Music, seconds_per_frame: float) -> Excerpt:
    """From a split of piano rolls."""
    n = first_long_enough(split.lengths + 1, music.seed_frames + music.frames)
    start, end = split.offsets[n : n + 2]
    frames = np.concatenate([split.inputs[start : start + 1], split.targets[start:end]])
    given = min(music.seed_frames, len(frames) // 2)
    length = given + music.frames
    return Excerpt(str(split.names[n]), frames[:length], given, length, seconds_per_frame)


def of_speech(split: Split, speech: Speech, windows: Windows) -> Excerpt:
    """From a split of windows over samples; what is given ends with a window.

    Sequences may be shorter than what is asked for: then the excerpt is, and what nets make of it is not.
    """
    width = windows.window + windows.horizon
    wanted = round(speech.seconds * windows.sample_rate)
    n = first_long_enough((split.lengths - 1) * windows.hop + width, wanted)
    steps = slice(*split.offsets[n : n + 2])
    rows = np.concatenate([split.inputs[steps], split.targets[steps]], axis=1)
    places = np.arange(len(rows))[:, None] * windows.hop + np.arange(width)
    samples = np.zeros(places[-1, -1] + 1, np.float32)
    samples[places] = rows
    given = min(round(speech.seed_seconds * windows.sample_rate), len(samples) // 2)
    given = windows.window + max(0, (given - windows.window) // windows.hop) * windows.hop
    length = max(wanted, given)
    return Excerpt(str(split.names[n]), samples[:length], given, length, 1 / windows.sample_rate, windows)


def first_long_enough(lengths: np.ndarray, wanted: int) -> int:
    """The first piece of at least `wanted` frames or samples; without one, the first of the longest: [N] → a number."""
    return int(np.argmax(np.minimum(lengths, wanted)))
