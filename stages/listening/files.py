"""The files of one sample or excerpt: a folder reports/samples/DATASET/CELL, or DATASET/real for the test piece.

    sample.json        what it is (see `Facts`)
    notes.csv          music: part (seed, continuation), start, end (frames), pitch (MIDI)
    spectrogram.csv    speech: whole dB under a full-scale sine, a row per frequency (Hz), a column per time (s)
    sample.mid, .wav   only of nets: real pieces are shown, not redistributed

Where there is nothing to hear, sample.json alone says why.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.listening import sound
from stages.listening.excerpts import Excerpt, Windows
from stages.listening.notes import notes_of, write_midi
from stages.listening.settings import Spectrum
from stages.plumbing.files import whole

SAMPLES = Path("reports/samples")
REAL = "real"


@dataclass(frozen=True)
class Facts:
    """What a sample is.

    Attributes:
        cell: the cell, or `real`.
        kind: music or speech.
        piece: the test piece it starts from.
        given, length: frames or samples that were given to the net, and in all.
        step_seconds: how long a frame or sample lasts.
        reason: why there is nothing to hear; empty where there is.
        repeat, candidate, of_repeats, valid_nll: the net (see nets.py); None where there is none.
        temperature, seed: of the draws; None for a real piece.
        beyond_scale: share of a net's samples at the ends of the 16-bit scale, where draws are cut off; speech alone.
    """

    dataset: str
    cell: str
    kind: str
    piece: str
    given: int
    length: int
    step_seconds: float
    reason: str = ""
    repeat: int | None = None
    candidate: int | None = None
    of_repeats: int | None = None
    valid_nll: float | None = None
    temperature: float | None = None
    seed: int | None = None
    beyond_scale: float | None = None

    @classmethod
    def of(cls, dataset: str, cell: str, excerpt: Excerpt) -> "Facts":
        """Those that the excerpt tells: its own of a real piece, to be completed of a net."""
        kind = "speech" if excerpt.windows else "music"
        length = len(excerpt.values) if cell == REAL else excerpt.length
        return cls(
            dataset, cell, kind, excerpt.name, excerpt.given, length, excerpt.step_seconds, reason=excerpt.obstacle
        )

    def but(self, **facts: Any) -> "Facts":
        """The same with other facts."""
        return replace(self, **facts)

    @property
    def folder(self) -> Path:
        return SAMPLES / self.dataset / self.cell

    @property
    def is_real(self) -> bool:
        return self.cell == REAL


def write_facts(facts: Facts) -> None:
    """Writes sample.json.

    Raises:
        InputError: the file cannot be written; so do the other functions here.
    """
    with whole(facts.folder / "sample.json") as path:
        path.write_text(json.dumps(asdict(facts), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_music(facts: Facts, roll: np.ndarray) -> None:
    """Writes a roll [T, K] as notes, and as MIDI where a net made it."""
    notes = notes_of(roll)
    rows = [["seed" if note.start < facts.given else "continuation", *note] for note in notes]
    with whole(facts.folder / "notes.csv") as path:
        pd.DataFrame(rows, columns=["part", "start", "end", "pitch"]).to_csv(path, index=False)
    if not facts.is_real:
        name = f"{facts.dataset}, {facts.cell}"
        write_midi(facts.folder / "sample.mid", notes, facts.given, facts.step_seconds, name)
    write_facts(facts)


def write_speech(facts: Facts, samples: np.ndarray, windows: Windows, spectrum: Spectrum) -> None:
    """Writes standardised samples [n] as a spectrogram, and as sound where a net made them."""
    heard = sound.sixteen_bit(samples * windows.deviation + windows.mean)
    with whole(facts.folder / "spectrogram.csv") as path:
        sound.spectrogram(heard, windows.sample_rate, spectrum).to_csv(path)
    if not facts.is_real:
        sound.write_wav(facts.folder / "sample.wav", heard, windows.sample_rate)
    write_facts(facts)
