"""Turns a source's files into sequences in three splits: `python -m stages.prepare --dataset NAME`.

Reads `datasets.NAME.source` and `datasets.NAME.sequences` of params.yaml and data/raw/; writes train.npz, valid.npz,
test.npz and counts.json in data/prepared/NAME/, whole or not at all. Counts that differ from `expected` are an error.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.corpora.readers import read as read_sequences
from stages.plumbing.errors import InputError, run
from stages.plumbing.parameters import PARAMS, Name, read, section, shortened
from stages.plumbing.words import count

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
REASONS = 10  # told; counts.json has them all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, metavar="NAME", help=f"a key of `datasets` in {PARAMS}")
    name = parser.parse_args().dataset
    source, sequences = section(f"datasets.{name}.source", Name), read(f"datasets.{name}.sequences")
    if not (folder := RAW / source).is_dir():
        raise InputError(f"{folder}: no such folder; `python -m stages.download --source {source}` makes it")
    dataset = read_sequences(folder, sequences, f"{PARAMS}: datasets.{name}.sequences")
    dataset.save(PREPARED / name, name)
    for split, counts in dataset.counts.items():
        print(f"{PREPARED / name}/{split}.npz: " + ", ".join(f"{number} {what}" for what, number in counts.items()))
    for line in told(dataset.about, folder):
        print(f"{PREPARED / name}/counts.json: {line}")


def told(about: dict[str, Any], folder: Path) -> Iterator[str]:
    """What was left out or odd, a line a reason, with numbers; the files' names are in counts.json."""
    left_out = about.get("left_out", {})
    reasons = Counter(said.removeprefix(f"{folder / name}: ") for name, said in left_out.items()).most_common()
    shown = REASONS if len(reasons) > REASONS + 1 else len(reasons)
    for reason, files in reasons[:shown]:
        yield f"left out, {count(files, 'file')}: {shortened(reason, 160)}"
    if further := sum(files for _, files in reasons[shown:]):
        yield f"left out, {count(further, 'file')} for {len(reasons) - shown} further reasons"
    if others := about.get("other_endings"):
        kinds = ", ".join(f"{ending} {files}" for ending, files in others.items())
        yield f"left out, {count(sum(others.values()), 'file')} of other endings: {shortened(kinds, 160)}"
    if hidden := about.get("hidden"):
        yield f"left out, {count(hidden, 'hidden file or folder', 'hidden files and folders')}"
    if short := about.get("shorter_than_a_sequence"):
        yield f"left out, {count(short, 'recording')}: shorter than a sequence"
    if equal := about.get("equal_recordings"):
        sounds = count(equal, "recording sounds like another", "recordings sound like another")
        yield f"{sounds}; {count(about.get('equal_in_two_splits', 0), 'sound lies', 'sounds lie')} in two splits"
    for what, times in about.get("odd", {}).items():
        yield f"odd, but read: {what}, {count(times['times'], 'time')} in {count(times['files'], 'file')}"


if __name__ == "__main__":
    run(main)
