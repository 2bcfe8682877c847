"""The readers that params.yaml may name under `datasets.NAME.sequences.reader`, and the options each one takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from stages.corpora import chorales, midi, piano_rolls, speech
from stages.corpora.dataset import Dataset, Options
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import checked, shortened


class Reader(NamedTuple):
    """The schema of a reader's options, and the function that reads a source's folder with them."""

    options: type[Options]
    read: Callable[[Path, Any], Dataset]


READERS = {
    "piano_roll": Reader(piano_rolls.PianoRollOptions, piano_rolls.read),
    "midi": Reader(midi.MidiOptions, midi.read),
    "music21": Reader(chorales.ChoraleOptions, chorales.read),
    "speech": Reader(speech.SpeechOptions, speech.read),
}


def chosen(sequences: Any, key: str) -> tuple[Reader, Options]:
    """The reader that the parameters `sequences`, found under `key`, name, and the options that they state for it.

    Raises:
        InputError: the reader is unknown, or an option is wrong.
    """
    name = sequences.get("reader") if isinstance(sequences, dict) else None
    if not isinstance(name, str) or name not in READERS:
        raise InputError(f"{key}.reader: expected one of {', '.join(READERS)}; found {shortened(repr(name))}")
    return READERS[name], checked(sequences, READERS[name].options, key)


def read(folder: Path, sequences: Any, key: str) -> Dataset:
    """Reads the sequences in `folder` as the parameters `sequences`, found under `key`, say.

    Raises:
        InputError: as `chosen`, or the data cannot be used, or a count is not as expected.
    """
    reader, options = chosen(sequences, key)
    dataset = reader.read(folder, options)
    dataset.require(options.expected, key)
    return dataset
