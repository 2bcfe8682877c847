"""`sample` in settings.yaml beside this file: what is generated, and how it is played."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from stages.plumbing.parameters import Section

SETTINGS = Path("stages/listening/settings.yaml")


class Music(Section):
    """How a piece of music is continued.

    Attributes:
        seed_frames: frames of a test piece that the net is given.
        frames: frames it adds.
        seconds_per_frame: how fast the frames are played, for the ear only.
        exceptions: dataset → its own seconds per frame.
    """

    seed_frames: int = Field(ge=1)
    frames: int = Field(ge=1)
    seconds_per_frame: float = Field(gt=0, lt=16.7)  # what a MIDI file can tell
    exceptions: dict[str, Annotated[float, Field(gt=0)]] = {}

    def pace(self, dataset: str) -> float:
        """Seconds per frame."""
        return self.exceptions.get(dataset, self.seconds_per_frame)


class Spectrum(Section):
    """The windows of a spectrogram: how long each is, and from the start of one to the next."""

    window_seconds: float = Field(gt=0)
    hop_seconds: float = Field(gt=0)


class Speech(Section):
    """`seed_seconds` of a test recording are given; the net goes on until there are `seconds` in all."""

    seed_seconds: float = Field(gt=0)
    seconds: float = Field(gt=0)
    spectrum: Spectrum


class Sampling(Section):
    """`sample`: `seed` is of the draws, the same for every net; `temperature` is explained in generation.py."""

    seed: int = Field(ge=0)
    temperature: float = Field(gt=0)
    music: Music
    speech: Speech
